import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
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

test("members take back what one of them has contributed, and go on with one adapter", async () => {
  const nodes = await startQuickNodes({
    ...{ peers: 5, rounds: 400, trainMs: 150, timing: TIMING },
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
  const taken = { without: last.peerId, to: TO };
  const after = ({ node }: QuickNode) =>
    node.rounds(400).find(({ agreed }) => agreed?.rolledBack !== undefined)?.round ?? Infinity;
  // who took the block over from others has no record of its own of that round
  await vi.waitFor(() => expect(Math.min(...nodes.map(after))).toBeLessThan(400), {
    timeout: 60_000,
  });
  const at = Math.min(...nodes.map(after));
  await vi.waitFor(
    () => expect(Math.min(...nodes.map(({ node }) => node.status().round))).toBeGreaterThan(at + 1),
    { timeout: 60_000 },
  );
  await Promise.all(nodes.map(({ node }) => node.stop()));

  const verified = await Promise.all(
    nodes.map(({ dataDir }) => verifyFolder(dataDir, { run: null, head: null })),
  );
  for (const { valid, problems, byRound } of verified) {
    expect({ valid, problems }).toEqual({ valid: true, problems: [] });
    expect(byRound.flatMap(({ round, rolledBack }) => (rolledBack ? [round] : []))).toEqual([
      at + 1,
    ]);
    expect(byRound[at]).toMatchObject({
      rolledBack: taken,
      block: verified[0]?.byRound[at]?.block,
    });
    expect(byRound[at + 1]?.block).toBe(verified[0]?.byRound[at + 1]?.block);
  }
}, 240_000);
