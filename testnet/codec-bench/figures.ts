import { CODECS, type Codec, type CodecName } from "../../src/consensus/index.ts";

/** What a codec makes of some values. */
export interface CodecFigures {
  readonly name: CodecName;
  /** What the values are. */
  readonly source: string;
  readonly values: number;
  /** Of the payload, header included. */
  readonly bytes: number;
  /** How many times fewer these are than four for each value. */
  readonly ratio: number;
  readonly bitsPerValue: number;
  /** 1 - |x - decoded|^2 / |x|^2. */
  readonly capturedEnergy: number;
  /** Megabytes (10^6) of 32-bit values in a second of one thread; the median over the repeats. */
  readonly encodeMBps: number;
  readonly decodeMBps: number;
}

/** Times before it is timed. */
const WARM = 5;
/** A clock of threads may tick in milliseconds: what is timed takes longer. */
const LEAST_SECONDS = 0.03;

/** Codes and decodes the values so many times with every codec. */
export function codecFigures(
  source: string,
  values: Float32Array,
  repeats: number,
): readonly CodecFigures[] {
  return Object.values(CODECS).map((codec) => figuresOf(codec, source, values, repeats));
}

// --- internal ---

function figuresOf(
  codec: Codec,
  source: string,
  values: Float32Array,
  repeats: number,
): CodecFigures {
  const payload = codec.encode(values);
  const decoded = codec.decode(payload, values.length);
  if (!decoded.ok) throw new Error(`${codec.name} refuses its own bytes: ${decoded.reason}`);
  const megabytes = values.byteLength / 1e6;
  return {
    name: codec.name,
    source,
    values: values.length,
    bytes: payload.length,
    ratio: values.byteLength / payload.length,
    bitsPerValue: (8 * payload.length) / values.length,
    capturedEnergy: capturedEnergy(values, decoded.values),
    encodeMBps: megabytes / medianSeconds(repeats, () => codec.encode(values)),
    decodeMBps: megabytes / medianSeconds(repeats, () => codec.decode(payload, values.length)),
  };
}

function capturedEnergy(values: Float32Array, decoded: Float32Array): number {
  let [lost, all] = [0, 0];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    lost += (value - (decoded[index] as number)) ** 2;
    all += value ** 2;
  }
  return all === 0 ? 1 : 1 - lost / all;
}

function medianSeconds(repeats: number, work: () => unknown): number {
  for (let done = 0; done < WARM; done += 1) work();
  let times = 1;
  while (secondsFor(times, work) < LEAST_SECONDS) times *= 2;
  const measured = Array.from({ length: repeats }, () => secondsFor(times, work) / times);
  return measured.sort((a, b) => a - b)[repeats >> 1] as number;
}

function secondsFor(times: number, work: () => unknown): number {
  const from = secondsOfThread();
  for (let done = 0; done < times; done += 1) work();
  return secondsOfThread() - from;
}

/** Of this thread alone, so that what else the machine does is not counted; wall time where Node does not know. */
function secondsOfThread(): number {
  if (process.threadCpuUsage === undefined) return performance.now() / 1000;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}
