import { Simulation } from "../simulation.ts";

/** What agreement cost in a run. */
export interface Cost {
  readonly members: number;
  /** Milliseconds of virtual time. */
  readonly medianMs: number;
  readonly worstMs: number;
  readonly viewsLost: number;
  readonly bytesPerRound: number;
  readonly blockBytes: number;
  readonly certificateBytes: number;
  readonly seconds: number;
}

/**
 * Runs members over links of 5 to 100 ms. Updates are small, so that nearly all bytes are those of agreement.
 *
 * @param options.silent - how many of the members say nothing
 */
export async function costOf(options: {
  readonly members: number;
  readonly rounds?: number | undefined;
  readonly silent?: number | undefined;
  readonly seed?: number | undefined;
}): Promise<Cost> {
  const { members, rounds = 6, silent = 0, seed = 1 } = options;
  const started = performance.now();
  const dead = Array.from({ length: silent }, (_, i) => members - 1 - i);
  const simulation = new Simulation({
    ...{ seed, peers: members, rounds, mode: "agreed", gate: false },
    faults: dead.map((peer) => ({ kind: "crash", peer, at: 2500, backAfter: null })),
  });
  await simulation.run();
  const records = simulation.watched.flatMap((peer) => peer.rounds);
  const facts = records.flatMap(({ agreed }) => agreed ?? []);
  const times = facts.flatMap(({ certificateMs }) => certificateMs ?? []).sort((a, b) => a - b);
  const received = records.map(({ bytesReceived }) => bytesReceived);
  return {
    members,
    medianMs: times[times.length >> 1] ?? Number.NaN,
    worstMs: times.at(-1) ?? Number.NaN,
    viewsLost: Math.max(...facts.map(({ view }) => view)),
    bytesPerRound: Math.round(mean(received)),
    blockBytes: Math.max(...facts.map(({ blockBytes }) => blockBytes)),
    certificateBytes: Math.max(...facts.map(({ certificateBytes }) => certificateBytes)),
    seconds: (performance.now() - started) / 1000,
  };
}

// --- internal ---

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
