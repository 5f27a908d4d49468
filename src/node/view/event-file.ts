/** A value at a step, as TensorBoard shows it: a curve for each tag. */
export interface Scalars {
  readonly step: number;
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

/**
 * A TensorBoard event file: `Event` messages (tensorflow/core/util/event.proto) in records of TFRecord, each with its length
 * and the masked CRC-32C of both. Values that are not finite are left out.
 */
export function eventFile(scalars: readonly Scalars[]): Uint8Array {
  const [first] = scalars;
  const version = Buffer.concat([double(1, (first?.at ?? 0) / 1000), text(3, "brain.Event:2")]);
  return Buffer.concat([record(version), ...scalars.map((one) => record(eventOf(one)))]);
}

/** CRC-32C (Castagnoli), as RFC 3720 has it. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}

// --- internal ---

const POLYNOMIAL = 0x82f63b78;
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc >>> 0;
});

/** TFRecord turns the sum and adds a constant, so that sums of what holds sums stay apart. */
const MASK = 0xa282ead8;

function masked(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE((((crc >>> 15) | (crc << 17)) + MASK) >>> 0);
  return sum;
}

function record(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, masked(length), data, masked(data)]);
}

function eventOf({ step, at, values }: Scalars): Buffer {
  const finite = Object.entries(values).filter(([, value]) => Number.isFinite(value));
  const summary = finite.map(([tag, value]) =>
    message(1, Buffer.concat([text(1, tag), single(2, value)])),
  );
  return Buffer.concat([
    double(1, at / 1000),
    Buffer.concat([key(2, VARINT), varint(step)]),
    message(5, Buffer.concat(summary)),
  ]);
}

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

function key(field: number, type: number | undefined): Buffer {
  return varint(8 * field + (type ?? 0));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, FIXED64), bytes]);
}

function single(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, FIXED32), bytes]);
}

function message(field: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([key(field, BYTES), varint(bytes.length), bytes]);
}

function text(field: number, value: string): Buffer {
  return message(field, Buffer.from(value));
}
