import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseTicket, type Ticket } from "../../../../src/gossip/index.ts";
import {
  readAdmissions,
  readTicket,
  writeTicket,
} from "../../../../src/node/admission/admission-files.ts";
import { createRun } from "../../../../src/node/admission/create-run.ts";
import {
  digestOfOffer,
  encodeOffer,
  ofSize,
  parseOffer,
} from "../../../../src/node/admission/offer.ts";
import { writeMembers } from "../../../../src/node/admission/sealed-config.ts";
import { loadConfig, newConfig } from "../../../../src/node/config/load.ts";
import { runJson } from "../../../support/command-line.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const CHOICES = { seats: 4, expires: 2_000_000_000_000, standing: false, given: ["data.train"] };
const ANNOUNCE = { announce: ["/ip4/203.0.113.7/tcp/7117"] };

const PEER = "12D3KooWQoREs8rR6gbiBXzG4QSFXEFavpRT18stqLT8vYKcSVMt";

const configIn = (folder: string, tree: object = {}) =>
  newConfig({ data: { train: ["rows.jsonl"] }, network: ANNOUNCE, ...tree }, folder);

const ticketIn = (text = "") => (parseTicket(text) as { ticket: Ticket }).ticket;

describe("a run that is created", () => {
  test("has a ticket for each other seat, a secret of its own in each, and one digest", async () => {
    const folder = temporaryFolder();
    const config = configIn(folder, { run: { mode: "auto", name: "waters", rounds: 7 } });
    const created = await createRun(folder, config, CHOICES);

    const tickets = created.tickets.map((text) => ticketIn(text));
    expect(tickets).toHaveLength(3);
    expect(new Set(tickets.map(({ secret }) => Buffer.from(secret).toString("hex"))).size).toBe(3);
    for (const { run, creator, addresses, expires } of tickets) {
      expect([run, creator, expires]).toEqual([created.run, created.peerId, CHOICES.expires]);
      expect(addresses).toEqual(ANNOUNCE.announce);
    }
    const kept = readAdmissions(config.dataDir);
    expect(digestOfOffer(kept?.offer ?? new Uint8Array())).toBe(created.run);
    for (const name of ["admissions.json", "identity.json"]) {
      expect(statSync(join(config.dataDir, name)).mode & 0o777).toBe(0o600);
    }
    // what the file says is what is offered
    const { run, data } = loadConfig({ file: created.config });
    expect(run).toEqual(parseOffer(kept?.offer ?? new Uint8Array()).run);
    expect(run).toMatchObject({ name: "waters", rounds: 7, mode: "agreed", members: [] });
    expect(data.train).toEqual([join(folder, "rows.jsonl")]);
  });

  test.each([
    [2, "gossip"],
    [3, "gossip"],
    [4, "agreed"],
    [200, "agreed"],
    [201, "gossip"],
  ])("of %i organisations is in mode %s", async (seats, mode) => {
    const folder = temporaryFolder();
    const choices = { ...CHOICES, seats, standing: true };

    const config = configIn(folder, { run: { mode: "auto" } });
    const created = await createRun(folder, config, choices);
    expect([created.mode, created.tickets.length]).toEqual([mode, 1]);
  });

  test("is refused where there is one, where it names members, and where nobody could come", async () => {
    const folder = temporaryFolder();
    await createRun(folder, configIn(folder), CHOICES);
    const text = readFileSync(join(folder, "klatch.yaml"), "utf8");
    await expect(createRun(folder, configIn(folder), CHOICES)).rejects.toThrow(/is there already/);
    expect(readFileSync(join(folder, "klatch.yaml"), "utf8")).toBe(text);

    const other = temporaryFolder();
    const members = configIn(other, { run: { members: [PEER] } });
    await expect(createRun(other, members, CHOICES)).rejects.toThrow(/names members/);
    const nowhere = configIn(other, { network: { listen: ["/ip4/0.0.0.0/tcp/0"] } });
    await expect(createRun(other, nowhere, CHOICES)).rejects.toThrow(/nobody could reach/);
    const impossible = configIn(other, { run: { mode: "agreed", topology: "ring" } });
    await expect(createRun(other, impossible, CHOICES)).rejects.toThrow(/full topology/);
  });

  test.each([
    ["run:\n  rounds: 9\n", "agreed", 9],
    ["rounds: 8\nmode: gossip\n", "gossip", 8],
  ])("may come from a file: %j", async (text, mode, rounds) => {
    const folder = temporaryFolder();
    const file = join(folder, "run.yaml");
    writeFileSync(file, text);
    const create = ["run", "create", join(folder, "org"), "--name", "waters", "--seats", "4"];
    const own = ["--data", file, "--address", "/ip4/203.0.113.7/tcp/7117", "--status-port", "0"];
    const listen = ["--network-listen", "/ip4/127.0.0.1/tcp/0", "--run-steps", "3", "--no-trial"];
    const { config } = await runJson<{ config: string }>([
      ...[...create, ...own, ...listen, "--run", file],
    ]);

    const { run, network, status, data } = loadConfig({ file: config });
    expect(run).toMatchObject({ name: "waters", mode, rounds, steps: 3, members: [] });
    expect([network.announce, status.port, data.train]).toEqual([
      ["/ip4/203.0.113.7/tcp/7117"],
      0,
      [file],
    ]);
    expect(await runJson(["status", "--config", config])).toEqual({
      ...{ state: "waiting", role: "creator" },
      waits: expect.stringMatching(/^1 of 4 seats taken; waits for 3 more until /),
    });
  });
});

describe("an offer", () => {
  const config = newConfig({}, "/");

  test("tells of a model what others can do with: the hub's name, or that it is a folder", () => {
    const modelOf = (model: string) => parseOffer(encodeOffer({ ...config, model }, 4)).model;

    expect(modelOf(config.model)).toEqual({ name: "bundled", isFolder: false });
    expect(modelOf("HuggingFaceTB/SmolLM2-135M")).toMatchObject({ isFolder: false });
    expect(modelOf("/srv/models/secret-place/llama")).toEqual({ name: "llama", isFolder: true });
  });

  test("of another version is refused by the key, and names the version that would do", () => {
    const offer = JSON.parse(new TextDecoder().decode(encodeOffer(config, 4))) as {
      run: Record<string, unknown>;
    };
    const bytes = (change: object) =>
      new TextEncoder().encode(JSON.stringify({ ...offer, klatch: "9.9.9", ...change }));
    const newer = bytes({ run: { ...offer.run, temperature: 3 } });

    expect(() => parseOffer(newer)).toThrow(/run\.temperature/);
    expect(() => parseOffer(newer)).toThrow(
      expect.objectContaining({ code: "incompatible", hint: expect.stringContaining("9.9.9") }),
    );
    expect(() => parseOffer(bytes({ seats: 1 }))).toThrow(/seats/);
    expect(() => parseOffer(bytes({ run: ofSize(config.run, 4) }))).toThrow(/members/);
    expect(() => parseOffer(new Uint8Array([255, 0]))).toThrow(/none that klatch/);
    expect(() => parseOffer(new Uint8Array(100_000))).toThrow(/none that klatch/);
    expect(parseOffer(bytes({})).klatch).toBe("9.9.9");
  });
});

describe("files of an admission", () => {
  test("that are damaged are named, at any cut", async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const { tickets } = await createRun(folder, config, CHOICES);
    writeTicket(config.dataDir, tickets[0] ?? "");
    expect(readTicket(config.dataDir)).toEqual(ticketIn(tickets[0]));
    for (const [name, read] of [
      ["admissions.json", readAdmissions],
      ["ticket", readTicket],
    ] as const) {
      const file = join(config.dataDir, name);
      const whole = readFileSync(file);
      for (const length of [0, 1, whole.length >> 1, whole.length - 2]) {
        writeFileSync(file, whole.subarray(0, length));
        expect(() => read(config.dataDir)).toThrow(/is damaged/);
      }
      writeFileSync(file, whole);
      expect(read(config.dataDir)).not.toBeNull();
    }
    expect([readAdmissions(folder), readTicket(folder)]).toEqual([null, null]);
  });

  test("the members go into the configuration, which keeps what the operator wrote", async () => {
    const folder = temporaryFolder();
    const config = configIn(folder);
    const created = await createRun(folder, config, CHOICES);
    writeFileSync(created.config, `# mine\n${readFileSync(created.config, "utf8")}`);
    const self = { peer: created.peerId, addresses: [] };
    const other = { peer: PEER, addresses: ["/ip4/203.0.113.9/tcp/1"] };
    writeMembers(created.config, config, [self, other], created.peerId);

    const { run, network } = loadConfig({ file: created.config });
    expect(run.members).toEqual([created.peerId, PEER].sort());
    expect(network.bootstrap).toEqual([`/ip4/203.0.113.9/tcp/1/p2p/${PEER}`]);
    expect(readFileSync(created.config, "utf8")).toMatch(/^# mine\n/);
  });
});
