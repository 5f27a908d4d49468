import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Finding, Mutation } from "../agreed-mutant.ts";
import { readHistories } from "./history.ts";
import type { StepMutation } from "./mutations.ts";
import { type Edit, type Histories, runSpecification } from "./quint.ts";
import { replay } from "./replay.ts";

const ROOT = join(import.meta.dirname, "../../..");

/**
 * What is found of a specification with these edits, whose histories it leaves in a folder: an invariant that breaks,
 * or the first thing that the real step does in another way. Null when nothing is.
 */
export async function findingOf(
  folder: string,
  histories: Histories,
  edits: readonly Edit[] = [],
): Promise<string | null> {
  await runSpecification(folder, histories, edits);
  let found: string | null = null;
  for (const history of readHistories(folder)) {
    if (history.isViolation) return "its invariants break";
    found ??= replay(history);
  }
  return found;
}

/** What the histories of a folder find of the program with one line changed. */
export async function stepFinding(folder: string, mutation: StepMutation): Promise<string | null> {
  const given: Mutation = { ...mutation, check: "specification", folder };
  const mutant = join(ROOT, "test/support/agreed-mutant.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [mutant, JSON.stringify(given)], {
    cwd: ROOT,
  });
  return (JSON.parse(stdout) as Finding).found;
}
