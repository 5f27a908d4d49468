import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Finding, Mutation } from "../../support/agreed-mutant.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SIMPLEX = "src/consensus/round/agreed/simplex.ts";
const STATE = "src/consensus/round/agreed/simplex-state.ts";
const BLOCKS = "src/consensus/round/agreed/blocks.ts";
const MEMBER = "testnet/simulation/agreed/member.ts";

/** Of the ballots that name another payload of an author than the own one, none: of each author one payload at most. */
const ONE_PAYLOAD_ONLY = `const [own, ...others] = ballotsHeld(state);
  const isAlike = (one, other) => one.place !== other.place || one.payload === other.payload;
  const held = [own, ...others.filter((ballot) =>
    ballot.held.every((each) => own.held.every((mine) => isAlike(mine, each))))];`;

interface Planted extends Mutation {
  readonly rule: string;
  readonly found: RegExp;
}

/** A rule that is broken, by a line of the program or an assumption of the check, and what the check says to it. */
const MUTATIONS: readonly Planted[] = [
  {
    ...{ rule: "a quorum of q - 1", check: "states", found: /two final blocks/ },
    ...{ file: "src/consensus/round/agreed/quorum.ts" },
    ...{ from: "(members + faulty) / 2) + 1", to: "(members + faulty) / 2)" },
  },
  {
    ...{ rule: "two votes to notarize in a view", check: "states", found: /looks guilty/ },
    ...{ file: SIMPLEX, from: "own.notarized !== null || proposal", to: "proposal" },
  },
  {
    ...{ rule: "nullify, then finalize", check: "states", found: /looks guilty/ },
    ...{ file: SIMPLEX, from: "(own.nullified || own.finalized", to: "(own.finalized" },
  },
  {
    ...{ rule: "a skipped view without nullification", check: "states", found: /two final blocks/ },
    ...{ file: STATE, from: "nullification === null", to: "nullification === undefined" },
  },
  {
    ...{ rule: "another block on a notarisation", check: "states", found: /two final blocks/ },
    ...{ file: STATE, from: "notarisation?.block === block &&", to: "notarisation !== null &&" },
  },
  {
    ...{ rule: "the view in the digest of a block", check: "states", found: /two final blocks/ },
    options: { isViewInDigest: true },
  },
  {
    // who lacks them says nothing: too many do not
    ...{ rule: "votes that are not on disk", check: "schedules", found: /stalled/ },
    ...{ file: MEMBER, from: "said: [...said]", to: "said: []", schedules: 25 },
  },
  {
    ...{ rule: "a lost disk that nobody minds", check: "disks", found: /accused/ },
    file: "src/consensus/round/agreed/silence.ts",
    ...{ from: "if (silence === null || silence.lack !== null) return;", to: "return;" },
  },
  {
    ...{ rule: "certificates that are not on disk", check: "states", found: /not final/ },
    options: { certificatesOnDisk: false },
  },
  {
    ...{ rule: "no nullify after notarize", check: "states", found: /not final/ },
    file: SIMPLEX,
    from: "simplex.final !== null || own.nullified ||",
    to: "simplex.final !== null || own.nullified || own.notarized !== null ||",
  },
  {
    ...{ rule: "blocks that name one payload of an author", check: "history", found: /stalled/ },
    ...{ file: BLOCKS, from: "const held = ballotsHeld(state);", to: ONE_PAYLOAD_ONLY },
  },
];

async function findingOf(mutation: Mutation): Promise<string | null> {
  const mutant = join(ROOT, "test/support/agreed-mutant.ts");
  const given = [mutant, JSON.stringify(mutation)];
  const { stdout } = await promisify(execFile)(process.execPath, given, { cwd: ROOT });
  return (JSON.parse(stdout) as Finding).found;
}

test.each(MUTATIONS)(
  "$rule: caught by $check",
  async ({ rule: _, found, ...mutation }) => {
    expect(await findingOf(mutation)).toMatch(found);
  },
  120_000,
);

test("the program as it is passes the same schedules (control)", async () => {
  expect(await findingOf({ check: "schedules" })).toBeNull();
  expect(await findingOf({ check: "schedules", seed: 34, schedules: 1 })).toBeNull();
  expect(await findingOf({ check: "disks" })).toBeNull();
  expect(await findingOf({ check: "history" })).toBeNull();
}, 120_000);
