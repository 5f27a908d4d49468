import { describe, expect, test } from "vitest";
import type { ChainBytes } from "../../../../src/gossip/index.ts";
import { auditChain } from "../../../../src/node/proof/chain-audit.ts";
import { CertifiedRun, type RoundChange } from "../../../support/certified-run.ts";

function audit({ run, council, chain }: CertifiedRun, other: readonly ChainBytes[] = chain) {
  return auditChain({ run, members: council.roster, start: null, from: 0, chain: other });
}

/** With the byte at a place turned over. */
function damaged(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.with(at, (bytes.at(at) ?? 0) ^ 1);
}

describe("a chain", () => {
  test("of a quorum's certificates is sound, and says whose updates count by what shares", async () => {
    // the last member's update is on no ballot of the second round
    const run = await CertifiedRun.of(4, 3, {
      1: { opinions: (author) => (author === 3 ? "absent" : "neutral") },
    });

    const { byRound, problems } = audit(run);

    expect(problems).toEqual([]);
    expect(byRound.map(({ round, block }) => [round, block])).toEqual(
      run.heads.map((head, height) => [height + 1, head]),
    );
    const [first, second] = byRound;
    expect(first?.contributors.map(({ share }) => share)).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(second?.contributors.map(({ peer }) => peer)).toEqual(run.council.roster.slice(0, 3));
  });

  test("leaves out an author whose updates most ballots called harmful, for longer each time", async () => {
    const harmful: RoundChange = { opinions: (author) => (author === 1 ? "harmful" : "helpful") };
    const run = await CertifiedRun.of(4, 6, { 0: harmful, 2: harmful });

    const contributors = audit(run).byRound.map((round) => round.contributors);
    const author = run.council.roster[1];
    const all = run.council.roster.map((peer) => ({ peer, share: 1 / 4 }));
    const others = all
      .filter(({ peer }) => peer !== author)
      .map(({ peer }) => ({ peer, share: 1 / 3 }));

    // levels 8, 4, 5, 2, 3, 4
    expect(contributors).toEqual([all, others, all, others, others, others]);
  });

  test("counts what others said of an update, not what its author did", async () => {
    const run = await CertifiedRun.of(4, 2, {
      0: { opinions: (author) => (author === 1 ? "harmful" : "helpful") },
      1: { opinions: (author) => (author === 1 ? "absent" : "neutral") },
    });
    const [peer] = run.council.roster.slice(1);

    const said = audit(run).byRound.map(({ opinions }) => opinions[1]);

    expect(said).toEqual([
      { peer, helpful: 0, neutral: 0, harmful: 3 },
      { peer, helpful: 0, neutral: 0, harmful: 0 },
    ]);
  });

  test("says by what shares its rounds were mixed again after a rollback, and not whom it left out", async () => {
    const run = await CertifiedRun.of(4, 3);
    const { council } = run;
    const without = council.roster[3] ?? "";
    const shares = () =>
      audit(run).byRound.map(({ contributors }) => contributors.map(({ share }) => share));
    expect(shares()).toEqual([1, 2, 3].map(() => [0.25, 0.25, 0.25, 0.25]));

    const content = { kind: "rollback", number: 0, without, since: 1 } as const;
    const decision = await council.decision(content, council.quorum, run.run);
    await run.add({ block: { decision } });

    expect(audit(run).problems).toEqual([]);
    expect(shares()[0]).toEqual([0.25, 0.25, 0.25, 0.25]);
    expect(shares().slice(1)).toEqual([1, 2, 3].map(() => [1 / 3, 1 / 3, 1 / 3]));
    for (const { contributors } of audit(run).byRound.slice(1)) {
      expect(contributors.map(({ peer }) => peer)).not.toContain(without);
    }
  });
});

describe("a chain that was tampered with", () => {
  test.each<[string, (entry: ChainBytes) => ChainBytes, RegExp]>([
    [
      "a byte of a signature in the certificate",
      ({ block, certificate }) => ({ block, certificate: damaged(certificate, -1) }),
      /^round 2: the certificate: the signature of 12D3KooW\w+ does not hold$/,
    ],
    [
      "a byte of the certificate's form",
      ({ block, certificate }) => ({ block, certificate: damaged(certificate, 0) }),
      /^round 2: the certificate is damaged$/,
    ],
    [
      "a byte of the block's form",
      ({ block, certificate }) => ({ block: damaged(block, 0), certificate }),
      /^round 2: the block is damaged$/,
    ],
    [
      "a byte of the block's content",
      ({ block, certificate }) => ({ block: damaged(block, -6), certificate }),
      /^round 2: the certificate is not of this block$/,
    ],
    [
      "nothing",
      () => ({ block: new Uint8Array(), certificate: new Uint8Array() }),
      /^round 2: the block is damaged$/,
    ],
  ])("in %s names the round and what fails", async (_, change, expected) => {
    const run = await CertifiedRun.of(4, 3);

    const chain = run.chain.map((entry, height) => (height === 1 ? change(entry) : entry));

    expect(audit(run, chain).problems[0]).toMatch(expected);
    // control
    expect(audit(run).problems).toEqual([]);
  });

  test.each<[string, (chain: readonly ChainBytes[]) => readonly ChainBytes[], RegExp]>([
    [
      "a block is left out",
      (chain) => chain.toSpliced(1, 1),
      /in its place is the block of round 3/,
    ],
    ["a block comes twice", (chain) => chain.toSpliced(1, 0, ...chain.slice(0, 1)), /of round 1/],
    ["the beginning is gone", (chain) => chain.slice(1), /^round 1: .* of round 2$/],
  ])("%s: what comes after is not believed", async (_, change, expected) => {
    const run = await CertifiedRun.of(4, 4);

    const { problems } = audit(run, change(run.chain));

    expect(problems[0]).toMatch(expected);
    expect(problems.at(-1)).toMatch(/were not checked$/);
  });

  test.each<[string, RoundChange, RegExp]>([
    ["fewer than a quorum", { signers: [0, 1] }, /the certificate: not by a quorum/],
    ["a cut of the forger's choice", { block: { cut: [0, 1] } }, /a cut that its ballots do not/],
    ["another parent", { block: { parent: "c".repeat(64) } }, /not of this block/],
    ["another roster", { block: { roster: "c".repeat(64) } }, /the block: of another roster/],
  ])("certified by %s it is found out", async (_, change, expected) => {
    const run = await CertifiedRun.of(4, 3, { 1: change });

    expect(audit(run).problems.join("; ")).toMatch(expected);
  });

  test("another past of the same keys does not fit together with this one", async () => {
    const run = await CertifiedRun.of(4, 3);
    const other = await CertifiedRun.of(4, 3, { 0: { opinions: () => "neutral" } });

    const chain = run.chain.with(0, other.chain[0] as ChainBytes);

    expect(audit(run, chain).problems).toEqual(["round 2: the block: on another parent"]);
  });

  test("a quorum of other keys is none of this run", async () => {
    const [run, others] = [await CertifiedRun.of(4, 2), await CertifiedRun.of(7, 2)];

    const { problems } = auditChain({
      ...{ run: others.run, members: run.council.roster, start: null, from: 0 },
      chain: others.chain,
    });

    expect(problems.join()).toContain("round 1: the certificate");
  });
});
