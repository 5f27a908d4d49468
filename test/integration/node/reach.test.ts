import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generateIdentity } from "../../../src/gossip/index.ts";
import { loadConfig } from "../../../src/node/config/load.ts";
import { checkReach } from "../../../src/node/doctor/reach.ts";
import { runJson } from "../../support/command-line.ts";
import { foreignPort } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

describe("the doctor's check of peers", () => {
  test("says of each that it does not reach where it tried, and what came of it", async () => {
    const folder = temporaryFolder();
    const { peerId } = await runJson<{ peerId: string }>(["init", folder]);
    const [refusing, silent, mistyped] = await Promise.all(
      Array.from({ length: 3 }, async () => (await generateIdentity()).peerId),
    );
    const foreign = await foreignPort();
    const addresses = [
      `/ip4/127.0.0.1/tcp/1/p2p/${refusing}`,
      `${foreign.address}/p2p/${silent}`,
      `/dns4/mistyped.invalid/tcp/7117/p2p/${mistyped}`,
    ];
    const config = loadConfig({
      file: join(folder, "klatch.yaml"),
      flags: {
        "network.listen": "/ip4/127.0.0.1/tcp/0",
        "network.bootstrap": addresses.join(","),
        "run.members": [peerId, refusing, silent, mistyped].join(","),
        "status.port": "0",
      },
    });
    const checks = await checkReach(config, null);
    foreign.close();
    const peers = checks.find(({ name }) => name === "peers");
    expect(peers?.status).toBe("warn");
    expect(peers?.detail).toContain("0 of 3 bootstrap peers reached");
    expect(peers?.detail).toContain(
      `${refusing} not reached at /ip4/127.0.0.1/tcp/1: connection refused`,
    );
    expect(peers?.detail).toContain(
      `${silent} not reached at ${foreign.address}: no answer in time`,
    );
    // without any network the name server is what is missing
    expect(peers?.detail).toMatch(
      /mistyped\.invalid\/tcp\/7117: no (such name|name server answers)/,
    );
  });
});
