import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { PastRuns } from "../../../src/node/past/past-runs.ts";
import { verifyFolder } from "../../../src/node/proof/verify-folder.ts";
import { runCommand, runJson } from "../../support/command-line.ts";
import { type QuickNode, startQuickNodes } from "../../support/quick-nodes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const TIMING = {
  ...{ lingerMs: 1000, commitGraceMs: 1000, fetchGraceMs: 1000, openDelayMs: 100 },
  ...{ viewMs: 2000, repeatMs: 300 },
};
const TO = 2;

const member = <T>({ dataDir }: QuickNode, ...words: readonly string[]): Promise<T> =>
  runJson<T>(["member", ...words, "--data-dir", dataDir]);

/** Chain and adapter on disk, and in which rounds somebody was left out of what is mixed. */
function endOf({ dataDir }: QuickNode) {
  const runs = new PastRuns(dataDir, () => undefined);
  try {
    const [run = ""] = runs.ids();
    return {
      rolledBack: runs.rounds(run).flatMap(({ agreed }) => agreed?.rolledBack ?? []),
      blocks: runs.chain(run).map(({ block }) => Buffer.from(block).toString("base64")),
      adapter: runs.checkpoint(run, null)?.adapter,
    };
  } finally {
    runs.close();
  }
}

test("members take back what one of them has contributed, and go on with one adapter", async () => {
  const nodes = await startQuickNodes({
    ...{ peers: 5, rounds: 16, trainMs: 150, timing: TIMING },
    terms: { mode: "agreed", attackersMax: "auto" },
  });
  const [first, second, third, fourth, last] = nodes as [
    QuickNode,
    QuickNode,
    QuickNode,
    QuickNode,
    QuickNode,
  ];
  await vi.waitFor(() => expect(first.node.status().round).toBeGreaterThan(TO), {
    timeout: 60_000,
  });
  const file = join(temporaryFolder(), "rollback.json");
  const words = ["--without", last.peerId, "--to", `${TO}`, "--out", file];
  const proposed = await member<{ rollback: { checkpoint: string } }>(
    ...([first, "propose", "rollback", ...words] as const),
  );
  expect(proposed).toMatchObject({ needs: 4, rollback: { without: last.peerId, to: TO } });
  // another state than the signer mixes to is not signed
  const text = readFileSync(file, "utf8");
  const forged = join(temporaryFolder(), "forged.json");
  writeFileSync(forged, text.replace(proposed.rollback.checkpoint, "f".repeat(64)));
  const refused = await runCommand(["member", "sign", forged, "--data-dir", second.dataDir]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/is not signed/)]);

  for (const each of [first, second, third, fourth]) await member(each, "sign", file);
  for (const each of [first, second, third]) await member(each, "submit", file);
  await Promise.all(nodes.map(({ node }) => node.finished));
  const ends = nodes.map(endOf);
  for (const end of ends) {
    expect(end.blocks).toEqual(ends[0]?.blocks);
    expect(end.adapter).toEqual(ends[0]?.adapter);
  }
  expect(ends.flatMap(({ rolledBack }) => rolledBack)).toContainEqual({
    ...{ without: last.peerId, to: TO },
  });
  const verified = await verifyFolder(first.dataDir, { run: null, head: null });
  expect(verified).toMatchObject({ valid: true, problems: [] });
  expect(verified.byRound.flatMap(({ rolledBack }) => rolledBack ?? [])).toEqual([
    { without: last.peerId, to: TO },
  ]);
}, 180_000);
