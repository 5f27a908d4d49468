import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/node/store/store.ts";
import type { TestnetReport } from "../../testnet/index.ts";
import { makeScratch, runCli, SMALL, statusUrls } from "./testnet-cli.ts";

let scratch: Awaited<ReturnType<typeof makeScratch>>;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());

test("four processes train together, catch one that sends NaN, and leave a report", async () => {
  const flags = ["--rounds", "3", "--attack", "nan", "--baselines", "--report", "out", "--json"];

  const { code, stdout, stderr } = await runCli(
    ["testnet", "run", ...SMALL, ...flags],
    scratch.folder,
  );

  expect(code, stderr).toBe(0);
  const report: TestnetReport = JSON.parse(stdout);
  const written = JSON.parse(readFileSync(join(scratch.folder, "out/report.json"), "utf8"));
  expect(written).toEqual(report);
  expect(readFileSync(join(scratch.folder, "out/report.md"), "utf8")).toContain("# Klatch testnet");
  expect(readFileSync(join(scratch.folder, "out/report.png")).subarray(1, 4).toString()).toBe(
    "PNG",
  );

  const { peers, base, localOnly, federated, centralised } = report;
  expect(peers.map(({ role }) => role)).toEqual(["honest", "honest", "honest", "nan"]);
  expect(peers.every((peer) => peer.bytesSent > 0 && peer.bytesReceived > 0)).toBe(true);
  expect(peers.slice(0, 3).map(({ rounds }) => rounds)).toEqual([3, 3, 3]);
  for (const quality of [localOnly, federated, centralised]) {
    expect(quality?.loss).toBeLessThan(base?.loss ?? Number.NaN);
    expect(quality?.perplexity).toBeCloseTo(Math.exp(quality?.loss ?? 0), 6);
  }
  expect(report).toMatchObject({ rule: "cs-plus", attack: "nan", attackers: 1 });
  expect(report.bytesPerPeerRound).toBeGreaterThan(0);
  expect(report.seconds).toBeGreaterThan(0);

  // The attacker is caught by everyone, and nobody else is.
  const caught = report.evidence.filter(({ kind }) => kind === "non-finite");
  expect(new Set(caught.map(({ observer }) => observer)).size).toBe(3);
  expect(new Set(caught.map(({ peer }) => peer))).toEqual(new Set([peers[3]?.id]));
  expect(peers.map(({ standing }) => standing).slice(0, 3)).toEqual(["full", "full", "full"]);
  expect(peers[3]?.standing).not.toBe("full");
});

test("every peer is killed once, and none loses a round or a file", async () => {
  const network = join(scratch.folder, "killed");
  const flags = ["--rounds", "6", "--kill-each", "--folder", network, "--json"];

  const { code, stdout, stderr } = await runCli(
    ["testnet", "run", ...SMALL, ...flags],
    scratch.folder,
  );

  expect(code, stderr).toBe(0);
  const report: TestnetReport = JSON.parse(stdout);
  expect(report.incidents.map(({ peer }) => peer).sort()).toEqual([1, 2, 3, 4]);
  expect(report.incidents.every(({ what }) => what.includes("SIGKILL"))).toBe(true);
  for (const { index, curve, loss } of report.peers) {
    expect(curve.map(({ round }) => round)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(loss).toBeLessThan(report.base?.loss ?? Number.NaN);
    const complaints: string[] = [];
    const store = openStore(join(network, `peer-0${index + 1}`, "node"), {
      warn: (sentence) => complaints.push(sentence),
    });
    const kept = store.loadCheckpoint(report.run);
    store.close();
    expect(kept?.warning).toBeNull();
    expect(kept?.checkpoint.round).toBe(6);
    expect(complaints).toEqual([]);
  }
  // Nobody took the two updates of a restarted peer for a contradiction.
  expect(report.evidence.filter(({ kind }) => kind === "equivocation")).toEqual([]);
  expect(statusUrls(network)).toEqual([]);
});
