import type { LearnerNotice } from "../../training/index.ts";
import type { Terminal } from "./terminal.ts";

/** Shows what a learner does on its own: how far it has come on a terminal alone, changes always. */
export function noticeView(
  terminal: Pick<Terminal, "note" | "overwrite">,
): (notice: LearnerNotice) => void {
  return ({ kind, message, facts }) => {
    const named = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
    const line = `${message} (${named.join(", ")})`;
    if (kind === "change") terminal.note(line);
    else terminal.overwrite(line);
  };
}
