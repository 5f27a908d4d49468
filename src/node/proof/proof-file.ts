import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type ChainHead, genesis, headAfter } from "../../consensus/index.ts";
import { type ChainBytes, decodeEntry, digestOf } from "../../gossip/index.ts";
import type { Digest } from "../../types.ts";
import { firstMembers, membersOf as makeMembers } from "../peer/agreed/members-of.ts";
import type { RunTerms } from "../peer/manifest.ts";
import { runTermsSchema } from "../records/record-schemas.ts";
import { fileError, isFileOrNothing, isMissing } from "../store/file-system.ts";
import { membersOf } from "./run-terms.ts";

/** The proof beside an exported adapter. */
export const PROOF_FILE = "klatch.proof.json";
/** A proof is never longer: of a longer chain it has the last rounds. */
export const PROOF_BYTES_MAX = 5 * 1024 * 1024;

const MAX_BLOCKS = 1_000_000;
const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64")));
const entry = z.strictObject({ block: base64, certificate: base64 });
const schema = z.looseObject({
  format: z.literal(1),
  run: z.string().regex(/^[0-9a-f]{64}$/),
  terms: runTermsSchema,
  layout: z.array(z.string()).max(8),
  from: z
    .int()
    .min(0)
    .max(2 ** 31),
  velocity: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  levels: z.array(z.int().min(0).max(8)).max(1000).nullable(),
  changes: z.array(entry).max(MAX_BLOCKS),
  chain: z.array(entry).max(MAX_BLOCKS),
});

/** What shows to anybody which updates made an adapter, and who signed that. */
export interface Proof {
  readonly run: Digest;
  /** What the run id is the digest of, the members among it. */
  readonly terms: RunTerms;
  /** What the digest of the adapter's layout is of: see `AdapterLayout`. */
  readonly layout: readonly string[];
  /** Digest of what the outer optimiser remembers after the last block; null of one without momentum. */
  readonly velocity: Digest | null;
  /** Height of the first block; 0 unless the chain is too long. */
  readonly from: number;
  /** Trust by place below that block; null from 0 on. */
  readonly levels: readonly number[] | null;
  /** The blocks below it that changed who the members are or made a decision, each with its certificate. */
  readonly changes: readonly ChainBytes[];
  readonly chain: readonly ChainBytes[];
}

/** The proof of a run up to the last of these blocks, which begin at height 0; without the first ones if it were too long. */
export function proofOf(
  about: Pick<Proof, "run" | "terms" | "layout" | "velocity">,
  chain: readonly ChainBytes[],
  bytesMax = PROOF_BYTES_MAX,
): Proof {
  const { terms, run } = about;
  const changing = changesOf(terms, run, chain);
  const empty = { ...about, from: 0, levels: null, changes: changing, chain: [] };
  let room = bytesMax - encodeProof(empty).length;
  room -= LEVELS_BYTES;
  let from = chain.length;
  while (from > 0) {
    room -= entryBytes(chain[from - 1] as ChainBytes);
    if (room < 0) break;
    from -= 1;
  }
  const levels = from === 0 ? null : levelsBelow(terms, run, chain.slice(0, from));
  const changes = changing.filter((each) => chain.indexOf(each) < from);
  return { ...about, from, levels, changes, chain: chain.slice(from) };
}

/** Digest of its last block. */
export function headOf({ chain }: Pick<Proof, "chain">): Digest | null {
  const last = chain.at(-1);
  return last === undefined ? null : digestOf(last.block);
}

export function encodeProof(proof: Proof): string {
  const { run, terms, layout, velocity, from, levels, changes, chain } = proof;
  const named = { format: 1, mode: "agreed", head: headOf({ chain }), run, terms };
  const fields = { ...named, layout, velocity, from, levels };
  const lines = Object.entries(fields).map(
    ([name, value]) => `  "${name}": ${JSON.stringify(value)},\n`,
  );
  return `{\n${lines.join("")}  "changes": ${encodeEntries(changes)},\n  "chain": ${encodeEntries(chain)}\n}\n`;
}

/** Writes the proof of an adapter beside it; with null none is left there. */
export function writeProof(folder: string, proof: Proof | null): void {
  const file = join(folder, PROOF_FILE);
  const unfinished = `${file}.${process.pid}.part`;
  try {
    if (proof === null) rmSync(file, { force: true });
    else {
      writeFileSync(unfinished, encodeProof(proof));
      renameSync(unfinished, file);
    }
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw fileError(error, file);
  }
}

/**
 * Reads the proof of a folder; null where there is none, and a sentence where it is damaged.
 *
 * @throws KlatchError `disk` or `permission` where it cannot be read
 */
export function readProof(folder: string): Proof | string | null {
  const file = join(folder, PROOF_FILE);
  try {
    if (!isFileOrNothing(file)) return `${PROOF_FILE} is no file`;
    if (statSync(file).size > PROOF_BYTES_MAX) return `${PROOF_FILE} is larger than 5 MiB`;
    const parsed = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
    if (parsed.success) return parsed.data;
    const at = parsed.error.issues[0]?.path.join(".");
    return `${PROOF_FILE} is damaged${at ? ` at ${at}` : ""}`;
  } catch (error) {
    if (isMissing(error)) return null;
    if (error instanceof SyntaxError) return `${PROOF_FILE} is damaged: it is no JSON`;
    throw fileError(error, file);
  }
}

// --- internal ---

/** Room for the levels of the largest roster, and for more digits of `from`. */
const LEVELS_BYTES = 2 * 1000 + 64;

function encodeEntries(chain: readonly ChainBytes[]): string {
  const entries = chain.map(
    ({ block, certificate }) =>
      `    { "block": "${base64Of(block)}",\n      "certificate": "${base64Of(certificate)}" }`,
  );
  return `[\n${entries.join(",\n")}\n  ]`;
}

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

function entryBytes({ block, certificate }: ChainBytes): number {
  const inBase64 = (bytes: Uint8Array) => 4 * Math.ceil(bytes.length / 3);
  return inBase64(block) + inBase64(certificate) + 64;
}

function levelsBelow(
  terms: RunTerms,
  run: Digest,
  chain: readonly ChainBytes[],
): readonly number[] {
  return [...headsOf(terms, run, chain)].at(-1)?.head.levels ?? [];
}

/** The blocks after which the members are others, or that made a decision. */
function changesOf(
  terms: RunTerms,
  run: Digest,
  chain: readonly ChainBytes[],
): readonly ChainBytes[] {
  const heads = [...headsOf(terms, run, chain)];
  return heads.flatMap(({ bytes, head }, i) => {
    const { members, decided } = heads[i - 1]?.head ?? head;
    const isSame = members === head.members && decided === head.decided;
    return bytes === null || isSame ? [] : [bytes];
  });
}

/** The heads of a chain: that of the run's beginning, and that of each block. */
function* headsOf(
  terms: RunTerms,
  run: Digest,
  chain: readonly ChainBytes[],
): Generator<{ readonly bytes: ChainBytes | null; readonly head: ChainHead }> {
  let head = genesis(run, "", firstMembers(run, membersOf(terms) ?? []));
  yield { bytes: null, head };
  for (const bytes of chain) {
    const read = decodeEntry(bytes);
    if (read === null) continue;
    head = headAfter(head, [read], makeMembers(run));
    yield { bytes, head };
  }
}
