import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { generateIdentity, type Network, parseTicket } from "../../../src/gossip/index.ts";
import { readAdmissions, readOffer } from "../../../src/node/admission/admission-files.ts";
import { takenOf } from "../../../src/node/admission/admissions.ts";
import { bootstrapOf } from "../../../src/node/admission/asking.ts";
import { awaitSeal, type OpenRun, openRunOf } from "../../../src/node/admission/await-seal.ts";
import { createRun } from "../../../src/node/admission/create-run.ts";
import { type JoinedRun, joinRun } from "../../../src/node/admission/join-run.ts";
import { parseOffer } from "../../../src/node/admission/offer.ts";
import { visit } from "../../../src/node/admission/visit.ts";
import type { Config } from "../../../src/node/config/config.ts";
import { loadConfig, newConfig } from "../../../src/node/config/load.ts";
import { bundledModel } from "../../../src/node/folders/package-folder.ts";
import { silentLogger } from "../../../src/node/process/logger.ts";
import { fetchModel } from "../../../src/node/sharing/fetch-model.ts";
import { lentModel } from "../../../src/node/sharing/run-model.ts";
import { freePorts } from "../../../testnet/processes/free-ports.ts";
import { hubWith, ID, weightsOf } from "../../support/small-hub.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const networks: Network[] = [];
const ends: AbortController[] = [];
const log = silentLogger();

afterEach(async () => {
  for (const end of ends.splice(0)) end.abort(new Error("the test is over"));
  await Promise.all(networks.splice(0).map((network) => network.stop()));
  vi.unstubAllEnvs();
});

/** The model that comes with Klatch as somebody's own folder, which no name says what it is. */
function ownModel(): string {
  const folder = join(temporaryFolder(), "our-model");
  cpSync(bundledModel(), folder, { recursive: true });
  return folder;
}

function configOf(folder: string, port: number | undefined, tree: object = {}): Config {
  const data = join(folder, "..", "rows.jsonl");
  writeFileSync(data, `${JSON.stringify({ prompt: "a", completion: "b" })}\n`);
  const own = { data: { train: [data] }, network: { listen: [`/ip4/127.0.0.1/tcp/${port}`] } };
  return newConfig({ run: { name: "waters" }, status: { port: 0 }, ...own, ...tree }, folder);
}

/** A run of four seats, of which one stays open: its creator waits for it, from now on until the test is over. */
async function waitingCreator(tree: object) {
  const folder = join(temporaryFolder(), "creator");
  const [port] = await freePorts(1);
  const config = configOf(folder, port, tree);
  const choices = { seats: 4, expires: Date.now() + 600_000, standing: true };
  const given = ["network.listen", "model", "shareModel", "cache", "data.train"];
  const created = await createRun(folder, config, { ...choices, given });
  const file = { file: created.config, log, tell: () => undefined };
  const own = loadConfig({ file: created.config });
  const end = new AbortController();
  ends.push(end);
  // ends with the test, by the signal
  awaitSeal(openRunOf(own) as OpenRun, own, file, end.signal).catch(() => undefined);
  return { ...created, dataDir: config.dataDir };
}

type Creator = Awaited<ReturnType<typeof waitingCreator>>;

/** Somebody who joins, in a folder of its own unless given. */
async function join2(
  { tickets }: Creator,
  { folder = join(temporaryFolder(), "joiner"), tree = {}, given = [] as string[] } = {},
) {
  const said: string[] = [];
  const [port] = await freePorts(1);
  const config = configOf(folder, port, tree);
  const own = ["network.listen", "data.train", "status.port", ...given];
  const joined: JoinedRun = await joinRun(
    { ticket: tickets[0] ?? "", folder, config, given: own },
    { log, tell: (line) => void said.push(line) },
    AbortSignal.timeout(100_000),
  );
  return { joined, said, folder, config };
}

const filesOf = ({ dataDir }: Creator) =>
  parseOffer(readAdmissions(dataDir)?.offer ?? new Uint8Array()).model.files;

describe("who joins a run whose model is a folder at its creator's", () => {
  test("has it from there, checked, and a configuration that names it", async () => {
    const model = ownModel();
    const creator = await waitingCreator({ model });
    const files = filesOf(creator) ?? [];
    const bytes = files.reduce((sum, each) => sum + each.bytes, 0);
    expect(creator.sharedModel).toEqual({ files: 4, bytes });

    const { joined, said, config } = await join2(creator);
    const from = [creator.peerId];
    expect(joined).toMatchObject({
      state: "waiting",
      model: { from: "peers", fetched: { files: 4, bytes, received: bytes, from } },
    });
    expect(basename(joined.model.name)).toBe("our-model");
    expect(loadConfig({ file: joined.config }).model).toBe(joined.model.name);
    for (const { name } of files) {
      const [theirs, ours] = [model, joined.model.name].map((at) => readFileSync(join(at, name)));
      expect(Buffer.compare(theirs as Buffer, ours as Buffer)).toBe(0);
    }
    expect(existsSync(join(joined.model.name, "README.md"))).toBe(false);
    expect(said.join("\n")).toMatch(/fetches the model from the peers: 4 files, 2\.0 MiB/);
    // what it was offered is kept, so that it can give the model to others in turn
    const { ticket } = parseTicket(creator.tickets[0] ?? "") as { ticket: { run: string } };
    expect(readOffer(config.dataDir, ticket)).not.toBeNull();
    expect(readOffer(config.dataDir, { run: "ab".repeat(32) })).toBeNull();
    const members = [creator.peerId, joined.peerId];
    const whole = { ...loadConfig({ file: joined.config }) };
    const lent = lentModel({ ...whole, run: { ...whole.run, members } }, config.dataDir, null, log);
    expect(lent?.files.size).toBe(4);
    expect([lent?.isFor(creator.peerId), lent?.isFor("12D3KooWother")]).toEqual([true, false]);
    expect(await lent?.open(files[0]?.sha256 ?? "")).not.toBeNull();
    expect(lentModel({ ...whole, shareModel: "never" }, config.dataDir, null, log)).toBeNull();
  });

  test("is given nothing without a seat, though it can call; nor what the creator changed since", async () => {
    const model = ownModel();
    const creator = await waitingCreator({ model });
    const { ticket } = parseTicket(creator.tickets[0] ?? "") as {
      ticket: Parameters<typeof bootstrapOf>[0];
    };
    const identity = await generateIdentity();
    const config = configOf(join(temporaryFolder(), "stranger"), 7117);
    const call = { config, identity, log, hosts: [creator.peerId], bootstrap: bootstrapOf(ticket) };
    const fetch = { files: filesOf(creator) ?? [], folder: join(temporaryFolder(), "model") };
    const sources = [creator.peerId];
    const signal = AbortSignal.timeout(100_000);
    const asked = visit(
      call,
      (network) => fetchModel({ ...fetch, sources, network, tell: () => undefined }, signal),
      signal,
    );
    await expect(asked).rejects.toThrow(/config\.json of the model was not had .* does not serve/);

    writeFileSync(join(model, "config.json"), "{}");
    const folder = join(temporaryFolder(), "joiner");
    await expect(join2(creator, { folder })).rejects.toThrow(
      /config\.json of the model was not had/,
    );
    expect(existsSync(join(folder, "klatch.yaml"))).toBe(false);
    // control: mended, and with the seat that it has; the creator looks anew when it starts again
    const state = readAdmissions(creator.dataDir);
    expect(state && takenOf(state)).toBe(2);
    const own = await join2(creator, { folder, tree: { model: ownModel() }, given: ["model"] });
    expect(own.joined.model).toMatchObject({ from: "own", fetched: null });
  });

  test("is told which files of its own model are not the run's; none of one that is alike", async () => {
    const creator = await waitingCreator({ model: ownModel() });
    const other = ownModel();
    writeFileSync(
      join(other, "config.json"),
      ` ${readFileSync(join(other, "config.json"), "utf8")}`,
    );
    const { said, folder } = await join2(creator, { tree: { model: other }, given: ["model"] });
    expect(said.join("\n")).toContain(`not as at the run's creator: config.json of ${other};`);
    expect(existsSync(join(folder, "klatch.yaml"))).toBe(true);
    const alike = await join2(creator, { tree: { model: ownModel() }, given: ["model"] });
    expect(alike.said.join("\n")).not.toContain("not as at");
  });

  test("brings its own where the creator gives none, as from earlier versions; the seat is its own", async () => {
    const creator = await waitingCreator({ model: ownModel(), shareModel: "never" });
    expect([creator.sharedModel, filesOf(creator)]).toEqual([null, undefined]);
    const folder = join(temporaryFolder(), "joiner");
    await expect(join2(creator, { folder })).rejects.toThrow(
      expect.objectContaining({
        code: "usage",
        message: expect.stringContaining("our-model, which it does not give to who joins"),
        hint: expect.stringContaining("run the command again with --model"),
      }),
    );
    const model = ownModel();
    const { joined } = await join2(creator, { folder, tree: { model }, given: ["model"] });
    expect(joined.model).toEqual({ name: model, from: "own", fetched: null });
  });
});

describe("who joins a run with a model of the hub", () => {
  test("has it from the hub, and from the creator where the hub is not reached", async () => {
    const { server, hub } = await hubWith();
    vi.stubEnv("HF_ENDPOINT", server.endpoint);
    const creator = await waitingCreator({
      ...{ model: ID, shareModel: "always", cache: hub.cacheFolder },
    });
    expect(creator.sharedModel).toMatchObject({ files: 6 });

    const reached = await join2(creator, { tree: { cache: temporaryFolder() } });
    expect(reached.joined.model).toEqual({ name: ID, from: "hub", fetched: null });

    server.stop();
    const away = await join2(creator, { tree: { cache: temporaryFolder() } });
    expect(away.joined.model).toMatchObject({
      from: "peers",
      fetched: { files: 6, from: [creator.peerId] },
    });
    expect(away.said.join("\n")).toMatch(/the hub does not give some-lab\/tiny: .*asks the peers/);
    const cached = join(hub.cacheFolder, "hub", "some-lab--tiny");
    const [commit = ""] = [readFileSync(join(cached, "refs", "main"), "utf8").trim()];
    expect(weightsOf(away.joined.model.name)).toEqual(weightsOf(join(cached, commit)));
  });

  test("fetches nothing when it joins unless the creator gives it, as before", async () => {
    const { server, hub } = await hubWith();
    vi.stubEnv("HF_ENDPOINT", server.endpoint);
    const creator = await waitingCreator({ model: ID, cache: hub.cacheFolder });
    const { joined } = await join2(creator, { tree: { cache: temporaryFolder() } });
    expect(joined.model).toEqual({ name: ID, from: "hub", fetched: null });
    expect(server.asked).toEqual([]);
  });
});
