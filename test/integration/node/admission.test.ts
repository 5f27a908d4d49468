import { afterEach, describe, expect, test } from "vitest";
import {
  createNetwork,
  generateIdentity,
  type Identity,
  loadIdentity,
  type Network,
  networkConfigSchema,
  parseTicket,
  type Ticket,
} from "../../../src/gossip/index.ts";
import { readAdmissions, writeAdmissions } from "../../../src/node/admission/admission-files.ts";
import { type Admissions, takenOf } from "../../../src/node/admission/admissions.ts";
import { askForSeat, type Seated } from "../../../src/node/admission/asking.ts";
import { awaitSeal, type OpenRun, openRunOf } from "../../../src/node/admission/await-seal.ts";
import { createRun } from "../../../src/node/admission/create-run.ts";
import { Desk } from "../../../src/node/admission/desk.ts";
import { requireSealed } from "../../../src/node/admission/sealed-config.ts";
import { loadConfig, newConfig, parseConfig } from "../../../src/node/config/load.ts";
import { identityFile } from "../../../src/node/folders/data-folder.ts";
import { silentLogger } from "../../../src/node/process/logger.ts";
import { freePorts } from "../../../testnet/processes/free-ports.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const networks: Network[] = [];
const log = silentLogger();

afterEach(async () => {
  await Promise.all(networks.splice(0).map((network) => network.stop()));
});

/** A run of so many seats in a folder of its own, whose creator listens nowhere yet. */
async function created(seats: number) {
  const folder = temporaryFolder();
  const [port] = await freePorts(1);
  const listen = `/ip4/127.0.0.1/tcp/${port}`;
  const config = newConfig({ run: { name: "waters" }, network: { listen: [listen] } }, folder);
  const choices = {
    seats,
    expires: Date.now() + 600_000,
    standing: false,
    given: ["network.listen"],
  };
  const { tickets, config: file } = await createRun(folder, config, choices);
  const identity = await loadIdentity(identityFile(config.dataDir));
  const desk = () => Desk.of({ dataDir: config.dataDir, identity, log }) as Desk;
  const read = tickets.map((text) => (parseTicket(text) as { ticket: Ticket }).ticket);
  return { dataDir: config.dataDir, file, identity, listen, desk, tickets: read };
}

async function listen(
  at: { readonly identity: Identity; readonly listen: string },
  members: string[] | "anyone",
  desk?: Desk,
): Promise<Network> {
  const config = { listen: [at.listen], members, peerExchange: false };
  const admission = desk === undefined ? {} : { admission: desk.answer };
  const { key } = at.identity;
  const network = await createNetwork(networkConfigSchema.parse(config), { key, ...admission });
  networks.push(network);
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  await network.start();
  return network;
}

function ask(
  ticket: Ticket,
  identity: Identity,
  isEnough: (answer: Seated) => boolean = () => true,
  tell: (sentence: string) => void = () => undefined,
): Promise<Seated> {
  const config = parseConfig({ network: { listen: ["/ip4/127.0.0.1/tcp/7117"] } }, "/");
  const asking = { config, identity, ticket, log, tell, isEnough };
  return askForSeat(asking, AbortSignal.timeout(120_000));
}

describe("a run of two", () => {
  test("is sealed by its last seat, on disk first, and given to the member as often as it asks", async () => {
    const run = await created(2);
    const [ticket] = run.tickets as [Ticket];
    const identity = await generateIdentity();
    const said: string[] = [];
    // the creator is not there yet: who asks waits, and says so
    const asked = ask(
      ticket,
      identity,
      ({ kind }) => kind === "sealed",
      (line) => said.push(line),
    );
    await expect.poll(() => said.join("\n"), { timeout: 60_000 }).toContain("connection refused");
    const network = await listen(run, "anyone", run.desk());
    const answer = await asked;

    expect(answer.kind).toBe("sealed");
    if (answer.kind !== "sealed") return;
    expect(() => requireSealed(answer.run, ticket, identity.peerId)).not.toThrow();
    const other = { ...ticket, run: "0".repeat(64) };
    expect(() => requireSealed(answer.run, other, identity.peerId)).toThrow(/another run/);
    expect(() => requireSealed(answer.run, ticket, run.tickets[0]?.run ?? "")).toThrow(/not among/);
    expect(readAdmissions(run.dataDir)?.sealed).not.toBeNull();

    // another process of the creator, which lets members in alone
    await network.stop();
    await listen(run, [identity.peerId], run.desk());
    const again = await ask(ticket, identity);
    expect(again).toEqual(answer);
  });
});

describe("a creator", () => {
  test("waits until all seats are taken, tells the last who all are, and writes it down", async () => {
    const run = await created(2);
    const said: string[] = [];
    const config = loadConfig({ file: run.file });
    const open = openRunOf(config);
    expect(open).toMatchObject({ role: "creator", taken: 1, seats: 2 });
    const options = { file: run.file, log, tell: () => undefined };
    const waiting = awaitSeal(open as OpenRun, config, options, AbortSignal.timeout(120_000));
    const identity = await generateIdentity();
    const tell = (sentence: string) => void said.push(sentence);
    const answer = await ask(run.tickets[0] as Ticket, identity, () => true, tell);
    await waiting;

    expect(answer.kind).toBe("sealed");
    // it was heard at once, though the creator stops listening then
    expect(said.join("\n")).not.toContain("closed");
    const members = [run.identity.peerId, identity.peerId].sort();
    expect(loadConfig({ file: run.file }).run.members).toEqual(members);
    expect(openRunOf(loadConfig({ file: run.file }))).toBeNull();
  });

  test("that died before it sealed seals the same run", async () => {
    const run = await created(2);
    await listen(run, "anyone", run.desk());
    await ask(run.tickets[0] as Ticket, await generateIdentity());
    const state = readAdmissions(run.dataDir) as Admissions;
    writeAdmissions(run.dataDir, { ...state, sealed: null });

    const desk = run.desk();
    await Promise.all([desk.sealIfFull(), desk.sealIfFull()]);
    await desk.isSealed;

    expect(readAdmissions(run.dataDir)).toEqual(state);
  });
});

describe("who has no seat", () => {
  test("is told that the run is sealed, where the creator's node takes no calls of strangers", async () => {
    const run = await created(2);
    await listen(run, [], run.desk());

    const asked = ask(run.tickets[0] as Ticket, await generateIdentity());

    await expect(asked).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("the run is sealed, and this node has no seat in it"),
    });
  });

  test("and a replayed or forged right, changes nothing on disk", async () => {
    const run = await created(3);
    const [ticket] = run.tickets as [Ticket];
    await listen(run, "anyone", run.desk());
    const forged = { ...ticket, secret: new Uint8Array(16) };
    await expect(ask(forged, await generateIdentity())).rejects.toThrow(/given out no such ticket/);
    const before = readAdmissions(run.dataDir);
    expect(before && takenOf(before)).toBe(1);

    // control: the right itself, once
    await ask(ticket, await generateIdentity());
    await expect(ask(ticket, await generateIdentity())).rejects.toThrow(
      /another peer has the seat/,
    );
    const after = readAdmissions(run.dataDir);
    expect(after && takenOf(after)).toBe(2);
  });
});
