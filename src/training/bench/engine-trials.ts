import { KlatchError } from "../../errors.ts";
import type { EngineName } from "../../types.ts";
import { absenceOf } from "../engine/open-engine.ts";
import { tryApart } from "./engine-process.ts";
import type { EngineTrial } from "./engine-trial.ts";

/** What came of trying an engine; `absent` is one that this machine has not. */
export type TriedEngine = { readonly name: EngineName } & (
  | ({ readonly outcome: "works" } & EngineTrial)
  | { readonly outcome: "fails" | "absent"; readonly error: KlatchError }
);

/** Tries engines one after the other, each in a process of its own; none ends, or holds up, the others. */
export async function tryEngines(
  names: readonly EngineName[],
  limit: number,
): Promise<readonly TriedEngine[]> {
  const tried: TriedEngine[] = [];
  for (const name of names) {
    const absence = absenceOf(name);
    const result = absence ?? (await tryApart(name, limit));
    if (!(result instanceof KlatchError)) tried.push({ name, outcome: "works", ...result });
    else tried.push({ name, outcome: absence === null ? "fails" : "absent", error: result });
  }
  return tried;
}
