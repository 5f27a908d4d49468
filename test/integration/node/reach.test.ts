import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { generateIdentity, loadIdentity } from "../../../src/gossip/index.ts";
import { loadConfig } from "../../../src/node/config/load.ts";
import type { Ground } from "../../../src/node/doctor/ground.ts";
import { visit } from "../../../src/node/doctor/met.ts";
import { checkEachMember, checkPeers } from "../../../src/node/doctor/peers.ts";
import { identityFile } from "../../../src/node/folders/data-folder.ts";
import { runJson } from "../../support/command-line.ts";
import { foreignPort } from "../../support/foreign-port.ts";
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
    const identity = await loadIdentity(identityFile(config.dataDir));
    const met = await visit(config, identity, null);
    foreign.close();
    const ground = { config, self: peerId, met, running: null } as Ground;
    expect(checkPeers(ground)).toMatchObject({
      status: "warn",
      detail: expect.stringContaining("0 of 3 bootstrap peers reached"),
    });
    const [first, second, third] = checkEachMember(ground);
    expect(first).toMatchObject({
      status: "warn",
      detail: `${refusing} not reached at /ip4/127.0.0.1/tcp/1: connection refused`,
      fix: "have its node started, or correct the port in network.bootstrap",
    });
    expect(second).toMatchObject({
      status: "warn",
      detail: `${silent} not reached at ${foreign.address}: no answer in time`,
      fix: "have its firewall let the port through, or correct it",
    });
    // without any network the name server is what is missing
    expect(third?.detail).toMatch(
      /mistyped\.invalid\/tcp\/7117: no (such name|name server answers)/,
    );
  });
});
