import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/node/config/load.ts";
import { answers } from "../../../src/node/http/status-client.ts";
import { createStatusServer } from "../../../src/node/http/status-server.ts";
import { createMetrics } from "../../../src/node/peer/metrics.ts";
import type { NodeStatus } from "../../../src/node/records/records.ts";
import { runCommand } from "../../support/command-line.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { sampleSource, sampleStatus } from "./node-samples.ts";

const lastDial = { address: "/dns4/bnak.example/tcp/7117", reason: "no such name" };

/** What `klatch peers` prints of a node with this status. */
async function peersOf(status: NodeStatus): Promise<string> {
  const dataDir = temporaryFolder();
  const { status: section } = loadConfig({ cwd: dataDir, flags: { "status.port": "0" } });
  const source = sampleSource({ status: () => status });
  const server = createStatusServer(section, { source, metrics: createMetrics(), dataDir });
  await server.start(new AbortController().signal);
  try {
    return (await runCommand(["peers", "--url", server.url ?? ""])).stdout;
  } finally {
    await server.stop();
  }
}

describe("a peer that is not connected", () => {
  test("is shown with the address that was tried and why it did not answer", async () => {
    const [peer] = sampleStatus().peers;
    if (peer === undefined) throw new Error("the sample has a peer");
    const reason = `not reached at ${lastDial.address}: ${lastDial.reason}`;
    const unreached = { ...peer, connected: false, lastDial, reason };
    const lost = await peersOf(sampleStatus({ peers: [unreached] }));
    expect(lost).toContain(`${lastDial.address}: ${lastDial.reason}`);
    expect(lost.split("\n")[0]).toMatch(/why not mixed$/);
    expect(await peersOf(sampleStatus())).not.toContain("/tcp/");
  });

  test("may be told of by an earlier version, without that", () => {
    const old = sampleStatus().peers.map(({ lastDial: _, ...rest }) => rest);
    expect(answers.status.parse({ ...sampleStatus(), peers: old })).toEqual(sampleStatus());
  });
});
