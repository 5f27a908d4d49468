import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { PastRuns } from "../../../src/node/past/past-runs.ts";
import { verifyFolder } from "../../../src/node/proof/verify-folder.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { type QuickNode, startQuickNodes } from "../../support/quick-nodes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const ROUNDS = 14;
const TIMING = {
  ...{ lingerMs: 1000, commitGraceMs: 1000, fetchGraceMs: 1000, openDelayMs: 100 },
  ...{ viewMs: 2000, repeatMs: 300 },
};

interface Told {
  readonly file: string;
  readonly signed: readonly string[];
  readonly needs: number;
  readonly newKeyMissing: boolean;
}

interface Listed {
  readonly round: number;
  readonly members: readonly string[];
  readonly quorum: number;
  readonly changes: readonly { readonly state: string }[];
}

const member = <T>({ dataDir }: QuickNode, ...words: readonly string[]): Promise<T> =>
  runJson<T>(["member", ...words, "--data-dir", dataDir]);

const chainOf = ({ dataDir }: QuickNode) => {
  const runs = new PastRuns(dataDir, () => undefined);
  try {
    const [run = ""] = runs.ids();
    return {
      run,
      blocks: runs.chain(run).map(({ block }) => Buffer.from(block).toString("base64")),
      rounds: runs.rounds(run),
      adapter: runs.checkpoint(run, null)?.adapter,
    };
  } finally {
    runs.close();
  }
};

test("a node that members add while the run goes takes the chain, contributes, and ends with the same", async () => {
  const nodes = await startQuickNodes({
    ...{ peers: 5, guests: 1, rounds: ROUNDS, trainMs: 150, timing: TIMING },
    terms: { mode: "agreed", attackersMax: "auto" },
  });
  const [first, second, third, , guest] = nodes as [
    QuickNode,
    QuickNode,
    QuickNode,
    QuickNode,
    QuickNode,
  ];
  await vi.waitFor(() => expect(first.node.status().round).toBeGreaterThan(1), { timeout: 30_000 });
  expect(guest.node.status()).toMatchObject({ round: 0, agreed: { member: false } });

  const file = join(temporaryFolder(), "change.json");
  const proposed = await member<Told>(first, "propose", "add", guest.peerId, "--out", file);
  expect(proposed).toMatchObject({ file, signed: [], needs: 3, newKeyMissing: true });
  for (const each of [first, second, guest]) await member(each, "sign", file);
  const early = await runCommand(["member", "submit", file, "--data-dir", first.dataDir]);
  expect([early.code, early.stderr]).toEqual([
    2,
    expect.stringMatching(/1 of 3 members is missing/),
  ]);
  const signed = await member<Told>(third, "sign", file);
  expect(signed).toMatchObject({ needs: 0, newKeyMissing: false });
  await member(first, "submit", file);

  await Promise.all(nodes.map(({ node }) => node.finished));
  const [end, ...others] = nodes.map(chainOf);
  expect(end?.blocks).toHaveLength(ROUNDS);
  for (const each of others) {
    expect(each.blocks).toEqual(end?.blocks);
    expect(each.adapter).toEqual(end?.adapter);
  }
  const own = others.at(-1)?.rounds.filter(({ agreed }) => (agreed?.share ?? 0) > 0) ?? [];
  expect(own.length).toBeGreaterThan(0);

  const facts = end?.rounds.flatMap(({ agreed }) => agreed?.joined ?? []);
  expect(facts).toEqual([guest.peerId]);

  const listed = await member<Listed>(first, "list");
  expect(listed).toMatchObject({ quorum: 4, changes: [{ state: "outdated" }] });
  expect(listed.members).toHaveLength(5);
  const again = await runCommand(["member", "submit", file, "--data-dir", first.dataDir]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringMatching(/made already/)]);
  const verified = await verifyFolder(guest.dataDir, { run: null, head: null });
  expect(verified).toMatchObject({ valid: true, rounds: ROUNDS, problems: [] });
  expect(verified.members).toContain(guest.peerId);
  expect(verified.byRound.flatMap(({ joined }) => joined)).toEqual([guest.peerId]);
}, 120_000);
