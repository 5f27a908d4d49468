import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findingOf, stepFinding } from "../../support/agreed-specification/caught.ts";
import { type History, readHistories } from "../../support/agreed-specification/history.ts";
import {
  SPECIFICATION_MUTATIONS,
  STEP_MUTATIONS,
} from "../../support/agreed-specification/mutations.ts";
import { type Histories, runSpecification } from "../../support/agreed-specification/quint.ts";
import { replay } from "../../support/agreed-specification/replay.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const HISTORIES: Histories = { seed: 1, samples: 100, events: 32 };
/** Enough for the mutations that are tried here; scripts/agreement-specification.ts tries all. */
const FEW: Histories = { seed: 1, samples: 16, events: 36 };

describe("the specification of mode agreed", () => {
  const folder = mkdtempSync(join(tmpdir(), "klatch-specification-"));
  const happened = new Map<string, number>();

  const note = (what: string) => happened.set(what, (happened.get(what) ?? 0) + 1);
  const noteAll = ({ moments }: History) => {
    for (const { action } of moments) note(action);
    const members = moments.at(-1)?.members ?? [];
    if (members.some(({ final }) => final !== "")) note("a final block");
    if (members.some(({ view }) => view >= 2)) note("two views without one");
    const hasBoth = members.some(({ own }) =>
      own.some(
        ({ kind, view }) =>
          kind === "notarize" && own.some((each) => each.kind === "nullify" && each.view === view),
      ),
    );
    if (hasBoth) note("notarize and nullify");
  };

  beforeAll(() => runSpecification(folder, HISTORIES), 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("holds, and the step does in each of its histories what it says", () => {
    const found: (string | null)[] = [];
    for (const history of readHistories(folder)) {
      noteAll(history);
      found.push(history.isViolation ? "its invariants break" : replay(history));
    }

    expect(found).toEqual(Array(HISTORIES.samples).fill(null));
  });

  it.each([
    ...["write", "hearVote", "hearProposal", "learnCertificate", "timeOut", "restart"],
    ...[
      "hearContradiction",
      "losePatience",
      "a final block",
      "two views without one",
      "notarize and nullify",
    ],
  ])("comes to %s", (what) => {
    expect(happened.get(what) ?? 0).toBeGreaterThan(5);
  });

  it.each([
    "nullify, then finalize",
    "another block on a notarisation",
    "a block that is voted for and not kept",
  ])("finds in the step: %s", async (rule) => {
    const mutation = STEP_MUTATIONS[rule];

    expect(mutation && (await stepFinding(folder, mutation))).toMatch(
      /^after \d+ events, .* instead of /,
    );
  });

  it.each<[string, RegExp]>([
    ["nullify, then finalize", /its invariants break/],
    ["no nullify after notarize", /instead of/],
  ])("finds in the specification: %s", async (rule, found) => {
    const edits = SPECIFICATION_MUTATIONS[rule];

    expect(edits && (await findingOf(temporaryFolder(), FEW, edits))).toMatch(found);
  });
});
