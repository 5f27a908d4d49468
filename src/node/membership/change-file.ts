import { z } from "zod";
import {
  byPeer,
  type Decision,
  quorumOf,
  type Rollback,
  type Setting,
  type SignedRosterChange,
} from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import {
  CHANGE_KINDS,
  changedBytes,
  decidedBytes,
  type Identity,
  isPeerId,
  ROUNDS_MAX,
  rosterDigest,
  Signatures,
  STEPS_MAX,
} from "../../gossip/index.ts";
import type { Digest, PeerId } from "../../types.ts";

/** A file is never larger: the signatures of the largest roster. */
export const CHANGE_BYTES_MAX = 256 * 1024;

const peer = z.string().refine(isPeerId);
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const signature = z
  .base64()
  .transform((text) => new Uint8Array(Buffer.from(text, "base64")))
  .refine((bytes) => bytes.length === 64);
const gathered = {
  format: z.literal(1),
  run: digest,
  members: z.array(peer).min(1).max(1000),
  signatures: z.record(peer, signature),
};
const height = z
  .int()
  .min(0)
  .max(2 ** 31);
const schema = z.discriminatedUnion("kind", [
  z.strictObject({
    ...gathered,
    kind: z.enum(CHANGE_KINDS),
    peer,
    successor: peer.nullable(),
    consent: signature.nullable(),
  }),
  z.strictObject({
    ...gathered,
    kind: z.literal("set"),
    number: height,
    rounds: z.int().min(1).max(ROUNDS_MAX),
    steps: z.int().min(1).max(STEPS_MAX),
    from: height,
  }),
  z.strictObject({
    ...gathered,
    kind: z.literal("rollback"),
    number: height,
    without: peer,
    since: height,
    at: height,
    checkpoint: digest,
  }),
]);

/** What is on its way from organisation to organisation, with the signatures so far. */
interface Gathered {
  readonly run: Digest;
  /** The roster whose members sign, sorted. */
  readonly members: readonly PeerId[];
  readonly signatures: Readonly<Record<PeerId, Uint8Array>>;
}

/** A change of the members. */
export interface RosterChangeFile extends Gathered {
  readonly kind: SignedRosterChange["kind"];
  readonly peer: PeerId;
  readonly successor: PeerId | null;
  /** Signature of the key that is new. */
  readonly consent: Uint8Array | null;
}

/** A decision of the members about how long the run is. */
export type SettingFile = Gathered & Omit<Setting, keyof Gathered | "roster">;

/** A rollback, with the state that a height would start from after it: who signs has come to the same. */
export interface RollbackFile extends Gathered, Omit<Rollback, keyof Gathered | "roster"> {
  readonly at: number;
  readonly checkpoint: Digest;
}

export type DecisionFile = SettingFile | RollbackFile;
export type ChangeFile = RosterChangeFile | DecisionFile;

/**
 * Reads a file with every signature in it checked.
 *
 * @throws KlatchError `data` when it is none, or a signature does not hold
 */
export function parseChange(text: string): ChangeFile {
  const parsed = schema.safeParse(readJson(text));
  if (!parsed.success) {
    const at = parsed.error.issues[0]?.path.join(".");
    throw damaged(`no change of members${at ? `: ${at} is wrong` : ""}`);
  }
  const { format: _, ...file } = parsed.data;
  const sorted = [...new Set(file.members)].sort(byPeer);
  if (sorted.join() !== file.members.join()) throw damaged("members out of order, or repeated");
  const stranger = Object.keys(file.signatures).find((each) => !file.members.includes(each));
  if (stranger !== undefined) throw damaged(`signed by ${stranger}, who is no member`);
  const check = new Signatures().check;
  for (const [author, bytes] of Object.entries(file.signatures)) {
    if (!check(author, bytesOf(file), bytes))
      throw damaged(`the signature of ${author} does not hold`);
  }
  const fresh = newKeyOf(file);
  const consent = consentOf(file);
  const isConsented = consent === null || (fresh !== null && check(fresh, bytesOf(file), consent));
  if (!isConsented) throw damaged("the signature of the new key does not hold");
  return file;
}

export function encodeChange({ signatures, ...named }: ChangeFile): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const signed = Object.entries(signatures)
    .sort(([a], [b]) => byPeer(a, b))
    .map(([author, bytes]) => [author, base64(bytes)] as const);
  const consent = "consent" in named ? { consent: named.consent && base64(named.consent) } : {};
  const fields = { ...consent, signatures: Object.fromEntries(signed) };
  return `${JSON.stringify({ format: 1, ...named, ...fields }, null, 2)}\n`;
}

/**
 * The file with this key's signature: a member's, or that of the key that is new.
 *
 * @throws KlatchError `usage` when the key is neither
 */
export async function signChange(file: ChangeFile, { key, peerId }: Identity): Promise<ChangeFile> {
  const bytes = Uint8Array.from(await key.sign(bytesOf(file)));
  if ("consent" in file && newKeyOf(file) === peerId) return { ...file, consent: bytes };
  if (file.members.includes(peerId)) {
    return { ...file, signatures: { ...file.signatures, [peerId]: bytes } };
  }
  throw new KlatchError(
    "usage",
    `the key of this data folder, ${peerId}, has no say in this change`,
    "members sign it, and the node that it adds or whose key is new",
  );
}

/** Whose signatures a change lacks: how many members', and whether that of the new key. */
export function lackOf(file: ChangeFile): {
  readonly members: number;
  readonly newKey: PeerId | null;
} {
  const signed = Object.keys(file.signatures).length;
  const { size } = quorumOf(file.members.length);
  const newKey = consentOf(file) === null ? newKeyOf(file) : null;
  return { members: Math.max(0, size - signed), newKey };
}

/** The change as a block has it. */
export function changeOf(file: ChangeFile): SignedRosterChange | Decision {
  const { run, members } = file;
  const signatures = members.flatMap((member, place) => {
    const bytes = file.signatures[member];
    return bytes === undefined ? [] : [{ place, signature: bytes }];
  });
  const roster = rosterDigest(members);
  if (file.kind === "set") {
    const { kind, number, rounds, steps, from } = file;
    return { kind, run, roster, number, rounds, steps, from, signatures };
  }
  if (file.kind === "rollback") {
    const { kind, number, without, since } = file;
    return { kind, run, roster, number, without, since, signatures };
  }
  const { kind, peer: about, successor, consent } = file;
  return { kind, run, roster, peer: about, successor, consent, signatures };
}

// --- internal ---

/** The key that a change brings in; null of a removal, and of a decision. */
function newKeyOf(file: ChangeFile): PeerId | null {
  if (!("consent" in file)) return null;
  return file.kind === "add" ? file.peer : file.successor;
}

function consentOf(file: ChangeFile): Uint8Array | null {
  return "consent" in file ? file.consent : null;
}

function bytesOf(file: ChangeFile): Uint8Array {
  const change = changeOf(file);
  return "number" in change ? decidedBytes(change) : changedBytes(change);
}

function readJson(text: string): unknown {
  if (text.length > CHANGE_BYTES_MAX)
    throw damaged("no change of members: it is larger than 256 KiB");
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged("no change of members: it is no JSON");
    throw error;
  }
}

function damaged(what: string): KlatchError {
  return new KlatchError(
    "data",
    what,
    "take the file that `klatch member propose` or `sign` wrote",
  );
}
