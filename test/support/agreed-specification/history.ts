import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** How the name of a file with a history ends. */
export const HISTORY = ".itf.json";

/** A proposal, or a vote, in the words of the specification; `confirms` is -1 of whatever confirms no view. */
export interface Said {
  readonly kind: "propose" | "notarize" | "nullify" | "finalize";
  readonly view: number;
  readonly block: string;
  readonly confirms: number;
}

export interface SignedSaid {
  readonly by: number;
  readonly statement: Said;
}

/** An honest member as the specification has it: `Member` in test/specification/member.qnt. */
export interface SpecifiedMember {
  readonly place: number;
  readonly turns: readonly number[];
  readonly voting: boolean;
  readonly view: number;
  readonly heard: readonly SignedSaid[];
  readonly own: readonly Said[];
  readonly asked: readonly Said[];
  readonly disk: readonly SignedSaid[];
  readonly held: readonly Said[];
  readonly final: string;
}

/** What happened, with what was picked for it, and the members after that. */
export interface Moment {
  readonly action: string;
  readonly picks: Readonly<Record<string, unknown>>;
  readonly members: readonly SpecifiedMember[];
}

/** What Quint made of one random run. */
export interface History {
  readonly isViolation: boolean;
  readonly moments: readonly Moment[];
}

/** The histories of a folder, which Quint wrote in the Informal Trace Format; each is read when it is asked for. */
export function* readHistories(folder: string): Generator<History> {
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith(HISTORY)) yield historyOf(readFileSync(join(folder, name), "utf8"));
  }
}

// --- internal ---

interface Written {
  readonly "#meta": { readonly status: string };
  readonly states: readonly WrittenState[];
}

function historyOf(text: string): History {
  const { "#meta": meta, states } = JSON.parse(text) as Written;
  return { isViolation: meta.status === "violation", moments: states.map(momentOf) };
}

interface WrittenState {
  readonly members: unknown;
  readonly "mbt::actionTaken": string;
  readonly "mbt::nondetPicks": unknown;
}

function momentOf(state: WrittenState): Moment {
  const members = plain(state.members) as readonly (readonly [number, SpecifiedMember])[];
  const picks = plain(state["mbt::nondetPicks"]) as Record<string, { tag: string; value: unknown }>;
  const picked = Object.entries(picks).filter(([, { tag }]) => tag === "Some");
  return {
    action: state["mbt::actionTaken"],
    picks: Object.fromEntries(picked.map(([name, { value }]) => [name, value])),
    members: members.toSorted(([a], [b]) => a - b).map(([, member]) => member),
  };
}

/** A value of the format as JavaScript has it: numbers, arrays for sets and tuples, pairs for maps. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const [[name, content] = [], ...more] = Object.entries(value);
  if (more.length === 0 && name === "#bigint") return Number(content);
  if (more.length === 0 && name?.startsWith("#")) return plain(content);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}
