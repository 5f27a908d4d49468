import { decidedText } from "../view/table.ts";
import { type ChangeFile, lackOf } from "./change-file.ts";

/** What is told of a change, also in JSON; rounds are counted from 1. */
export type ChangeFacts = ReturnType<typeof factsOf>;

export function factsOf(path: string, file: ChangeFile) {
  const { kind, run, signatures } = file;
  const { members: needs, newKey } = lackOf(file);
  const signed = Object.keys(signatures);
  const named = { file: path, kind, run, signed, needs, newKeyMissing: newKey !== null };
  if (file.kind === "set") {
    const { rounds, steps, from } = file;
    return { ...named, decided: { rounds, steps, from: from + 1 } };
  }
  if (file.kind === "rollback") {
    const { without, since, at, checkpoint } = file;
    return { ...named, rollback: { without, to: since, at: at + 1, checkpoint } };
  }
  const { peer, successor } = file;
  return { ...named, peer, successor };
}

/** A change in lines for a person. */
export function factLines(facts: ChangeFacts): readonly string[] {
  const { file, signed, needs, newKeyMissing } = facts;
  const missing = [
    ...(needs > 0 ? [`${needs} more of the members`] : []),
    ...(newKeyMissing ? ["the new key"] : []),
  ];
  return [
    `change    ${textOf(facts)}`,
    `signed    by ${signed.length} of the members${missing.length > 0 ? `; missing: ${missing.join(", ")}` : ", enough"}`,
    `file      ${file}`,
  ];
}

// --- internal ---

function textOf(facts: ChangeFacts): string {
  const { kind } = facts;
  if ("decided" in facts) return `${kind} ${decidedText(facts.decided)}`;
  if ("rollback" in facts) {
    const { without, to, at, checkpoint } = facts.rollback;
    return `${kind} to round ${to}, without ${without}: round ${at} would start from ${checkpoint}`;
  }
  return `${kind} ${facts.peer}${facts.successor === null ? "" : ` -> ${facts.successor}`}`;
}
