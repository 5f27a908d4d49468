import { createHash } from "node:crypto";
import type { AgreedPoint } from "../../consensus/index.ts";
import { byPeer, codecOf, outerTermsOf } from "../../consensus/index.ts";
import { type LearnerInfo, learningRateOf, rankOf } from "../../training/index.ts";
import type { Digest } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";

/** Version of the rules that peers must share besides their configuration. */
export const PROTOCOL_VERSION = 2;

/**
 * Keys of section `run` that members may have apart, or change while a run lasts: how long it is, who takes part (but
 * in mode `agreed`), when it begins, how often a node keeps what it trains, and the budget, since what it chose counts.
 */
export const KEYS_APART = [
  ...(["rounds", "members", "roster", "start", "checkpointSteps"] as const),
  "bytesPerRound",
] as const;

/** Keys of section `run` that mode `gossip` knows nothing of: its run ids are those of versions that had no other. */
export const KEYS_OF_AGREED = ["mode", "agreedRule", "outer", "rankMin"] as const;

/** What the run id is the digest of; digest of the base model, of the tokenizer and of the adapter's layout among it. */
export interface RunTerms {
  readonly protocol: number;
  readonly model: Digest;
  readonly tokenizer: Digest;
  readonly layout: Digest;
  /** Digest of the state that the run begins from, where it is not the seeded one. */
  readonly init?: Digest;
  readonly run: Readonly<Record<string, unknown>>;
}

/**
 * The terms of a run: everything that all its peers must share, so that two nodes that differ in any of it never mix.
 * In mode `agreed` the members belong to it: who reads a chain later knows by the run id whose quorum has signed it.
 */
export function runTerms(
  run: Config["run"],
  info: Pick<LearnerInfo, "modelDigest" | "tokenizerDigest" | "layout">,
  init: Digest | null = null,
): RunTerms {
  const mode = modeOf(run);
  const apart: readonly string[] = [...KEYS_APART, ...(mode === "gossip" ? KEYS_OF_AGREED : [])];
  const isApart = (key: string) => apart.includes(key);
  const shared = Object.entries(run).filter(([key]) => !isApart(key));
  return {
    protocol: PROTOCOL_VERSION,
    model: info.modelDigest,
    tokenizer: info.tokenizerDigest,
    layout: info.layout.digest,
    ...(init === null ? {} : { init }),
    run: {
      ...Object.fromEntries(shared),
      // What auto stands for may change with the version.
      ...(mode === "gossip"
        ? {}
        : { mode, outer: outerTermsOf(run, mode), members: [...run.members].sort(byPeer) }),
      codec: codecOf(run),
      adapter: { ...run.adapter, rank: rankOf(run) },
      optimizer: { ...run.optimizer, learningRate: learningRateOf(run) },
    },
  };
}

/** The run id: equal terms give equal digests whatever the order of keys or members. */
export function runDigest(...of: Parameters<typeof runTerms>): Digest {
  return termsDigest(runTerms(...of));
}

/** The id of the run of these terms. */
export function termsDigest(terms: RunTerms): Digest {
  return digestOf(canonicalJson(terms));
}

/** SHA-256 of bytes or of the UTF-8 form of a text. */
export function digestOf(content: Uint8Array | string): Digest {
  return createHash("sha256").update(content).digest("hex");
}

/** SHA-256 of a state: its values as little-endian IEEE 754 singles. */
export function digestOfState(state: Float32Array): Digest {
  return digestOf(bytesOfState(state));
}

/** The bytes of a state, which are its own. */
export function bytesOfState(state: Float32Array): Uint8Array {
  return new Uint8Array(state.buffer, state.byteOffset, state.byteLength);
}

/**
 * SHA-256 of the digests of state and velocity, so that the adapter alone can be checked; of a point without velocity
 * its state's.
 */
export function digestOfPoint(point: AgreedPoint): Digest {
  const { theta, velocity } = point;
  const digest = digestOfState(theta);
  return velocity === null ? digest : digestOfDigests(digest, digestOfState(velocity));
}

/** The digests of state and velocity, 64 bytes; null of a point without velocity. */
export function recordOfPoint({ theta, velocity }: AgreedPoint): Uint8Array | null {
  if (velocity === null) return null;
  return Buffer.from(digestOfState(theta) + digestOfState(velocity), "hex");
}

/** The digests of state and velocity in a record of them. */
export function digestsIn(record: Uint8Array): readonly [Digest, Digest] {
  const digests = Buffer.from(record).toString("hex");
  const half = digests.length / 2;
  return [digests.slice(0, half), digests.slice(half)];
}

/** SHA-256 of two digests, one after the other. */
export function digestOfDigests(one: Digest, other: Digest): Digest {
  return digestOf(Buffer.from(one + other, "hex"));
}

// --- internal ---

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}
