import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  createNetwork,
  type FileLender,
  generateIdentity,
  type Network,
  networkConfigSchema,
} from "../../../src/gossip/index.ts";
import { encodeHeader, FILE_PROTOCOL } from "../../../src/gossip/payloads/payload-protocol.ts";
import { visit } from "../../../src/node/admission/visit.ts";
import { parseConfig } from "../../../src/node/config/load.ts";
import { silentLogger } from "../../../src/node/process/logger.ts";
import { type FetchedModel, fetchModel } from "../../../src/node/sharing/fetch-model.ts";
import { LentModel } from "../../../src/node/sharing/lent-model.ts";
import type { ModelFile } from "../../../src/training/index.ts";
import { addressOf, stopRawPeers } from "../../support/raw-peer.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { type Answer, serveHonestly, startServer } from "../gossip/misbehaving-peer.ts";

const networks: Network[] = [];
const log = silentLogger();

afterEach(async () => {
  await Promise.all(networks.splice(0).map((network) => network.stop()));
  await stopRawPeers();
});

const CONTENT: Readonly<Record<string, Uint8Array>> = {
  "config.json": new TextEncoder().encode("{}"),
  "merges.txt": new Uint8Array(),
  "model.safetensors": new Uint8Array(randomBytes(2_500_000)),
};
const WEIGHTS = CONTENT["model.safetensors"] as Uint8Array;
const FILES: readonly ModelFile[] = Object.entries(CONTENT).map(([name, content]) => ({
  ...{ name, bytes: content.byteLength },
  sha256: createHash("sha256").update(content).digest("hex"),
}));
const TOTAL = FILES.reduce((sum, { bytes }) => sum + bytes, 0);

function modelFolder(): string {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(CONTENT)) writeFileSync(join(folder, name), content);
  return folder;
}

/** A lender of the same files that tells of each part before it is read. */
const watched =
  (onRead: (offset: number, length: number) => void) =>
  (lender: FileLender): FileLender => ({
    files: lender.files,
    isFor: () => true,
    open: async (digest) => {
      const file = await lender.open(digest);
      const read = (offset: number, length: number) => {
        onRead(offset, length);
        return file?.read(offset, length) ?? Promise.resolve(null);
      };
      return file && { byteLength: file.byteLength, read };
    },
  });

/** A member that gives the model to whom it is for; anyone may call it. */
async function startLender(
  isFor: (peer: string) => boolean,
  change: (lender: FileLender) => FileLender = (lender) => lender,
): Promise<Network> {
  const folder = modelFolder();
  const lender = new LentModel({ files: FILES, folder: async () => folder, isFor, log });
  const { key } = await generateIdentity();
  const config = networkConfigSchema.parse({ listen: ["/ip4/127.0.0.1/tcp/0"] });
  const network = await createNetwork(config, { key, visits: true, files: change(lender) });
  networks.push(network);
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  await network.start();
  return network;
}

interface Choices {
  readonly folder?: string;
  readonly files?: readonly ModelFile[];
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
  readonly network?: object;
}

/** Somebody of its own who fetches from these addresses, and what it said. */
async function fetchFrom(addresses: readonly string[], choices: Choices = {}) {
  const { folder = join(temporaryFolder(), "model"), files = FILES, network = {} } = choices;
  const { patienceMs = 60_000, signal = AbortSignal.timeout(110_000) } = choices;
  const said: string[] = [];
  const tell = (line: string) => void said.push(line);
  const identity = await generateIdentity();
  const config = parseConfig({ network: { redialBaseMs: 50, ...network } }, "/");
  const sources = addresses.map((each) => each.split("/p2p/")[1] ?? "");
  const call = { config, identity, log, hosts: sources, bootstrap: addresses };
  const work = visit(
    call,
    (wire) => fetchModel({ files, folder, sources, network: wire, tell, patienceMs }, signal),
    signal,
  );
  const outcome = await work.then(
    (fetched): FetchedModel | Error => fetched,
    (error: Error) => error,
  );
  return { outcome, folder, said, sources };
}

const addressesOf = (network: Network) => [...network.addresses()];
const inFolder = (folder: string) => readdirSync(folder).sort();

/** A peer that has the weights alone, and answers for them as it likes. */
async function hostile(answer: Answer) {
  const server = await startServer(answer, FILE_PROTOCOL);
  const files = FILES.filter(({ name }) => name === "model.safetensors");
  return { address: addressOf(server), files };
}

describe("a model", () => {
  test("comes file by file, each with its digest, and once", async () => {
    const member = await startLender(() => true);
    const { outcome, folder, said } = await fetchFrom(addressesOf(member));

    expect(outcome).toEqual({ files: 3, bytes: TOTAL, received: TOTAL, from: [member.peerId] });
    expect(inFolder(folder)).toEqual(Object.keys(CONTENT));
    for (const [name, content] of Object.entries(CONTENT)) {
      expect(Buffer.compare(readFileSync(join(folder, name)), content)).toBe(0);
    }
    expect(said[0]).toBe("fetches the model from the peers: 3 files, 2.4 MiB");
    expect(said.at(-1)).toContain(`the model is here, each file checked by its digest: ${folder}`);
    const again = await fetchFrom(addressesOf(member), { folder });
    expect(again.outcome).toEqual({ files: 3, bytes: TOTAL, received: 0, from: [] });
  });

  test("goes on where it was, from another member too", async () => {
    const [first, second] = [await startLender(() => true), await startLender(() => true)];
    const folder = join(temporaryFolder(), "model");
    mkdirSync(folder);
    writeFileSync(join(folder, "model.safetensors.part"), WEIGHTS.subarray(0, 1_500_000));
    const addresses = [...addressesOf(first), ...addressesOf(second)];
    await first.stop();
    const { outcome, said } = await fetchFrom(addresses, { folder });

    const received = TOTAL - 1_500_000;
    expect(outcome).toEqual({ files: 3, bytes: TOTAL, received, from: [second.peerId] });
    expect(said[0]).toMatch(/2\.4 MiB; 1\.4 MiB are here from before/);
    expect(said.join("\n")).toContain(`does not come from ${first.peerId}`);
  });

  test("whose part is another's is brought anew, and nothing wrong gets a name", async () => {
    const member = await startLender(() => true);
    const folder = join(temporaryFolder(), "model");
    mkdirSync(folder);
    writeFileSync(join(folder, "model.safetensors.part"), new Uint8Array(1_500_000));
    writeFileSync(join(folder, "config.json"), "[]");
    const { outcome, said } = await fetchFrom(addressesOf(member), { folder });

    const received = TOTAL + WEIGHTS.byteLength - 1_500_000;
    expect(outcome).toMatchObject({ received, from: [member.peerId] });
    expect(said.join("\n")).toContain("what it sent is another file");
    expect(readFileSync(join(folder, "config.json"), "utf8")).toBe("{}");
  });

  test("is given to who has a seat, and to nobody else: that ends at once", async () => {
    const closed = await startLender(() => false);
    const { outcome, folder } = await fetchFrom(addressesOf(closed));

    expect(outcome).toMatchObject({
      code: "network",
      message: `config.json of the model was not had from ${closed.peerId}: the peer does not serve the payload`,
    });
    expect(inFolder(folder)).toEqual(["config.json.part"]);
  });

  test("larger than the disk is not begun", async () => {
    const member = await startLender(() => true);
    const huge = ["a", "b", "c", "d"].map((name) => ({
      ...{ name: `${name}.safetensors`, bytes: 2 ** 40, sha256: "ab".repeat(32) },
    }));
    const { outcome, folder } = await fetchFrom(addressesOf(member), { files: huge });
    expect(outcome).toMatchObject({ code: "disk", message: expect.stringContaining("4.0 TiB") });
    expect(inFolder(folder)).toEqual([]);
  });

  test("is in memory a chunk at a time: the next is read when the one before is written", async () => {
    const read: [number, number][] = [];
    const member = await startLender(
      () => true,
      watched((offset, length) => read.push([offset, length])),
    );
    await fetchFrom(addressesOf(member), { files: FILES.slice(2) });
    expect(read).toEqual([
      [0, 1_048_576],
      [1_048_576, 1_048_576],
      [2_097_152, 402_848],
    ]);
  });
});

describe("a member that", () => {
  test("sends another file is asked twice, and then the next", async () => {
    const zeros = new Uint8Array(WEIGHTS.byteLength);
    const { address, files } = await hostile((wire, request) =>
      serveHonestly(wire, zeros, request),
    );
    const alone = await fetchFrom([address], { files });
    expect(alone.outcome).toMatchObject({ code: "data" });
    expect(inFolder(alone.folder)).toEqual(["model.safetensors.part"]);

    const honest = await startLender(() => true);
    const both = await fetchFrom([address, ...addressesOf(honest)], { files });
    expect(both.outcome).toMatchObject({ from: [both.sources[0], honest.peerId] });
    expect(Buffer.compare(readFileSync(join(both.folder, "model.safetensors")), WEIGHTS)).toBe(0);
  });

  test("sends more than it was asked for is not asked again", async () => {
    let asked = 0;
    const { address, files } = await hostile(async (wire, { length }) => {
      asked += 1;
      await wire.write(encodeHeader({ status: "data", length: length - 1 }));
      await wire.write(new Uint8Array(length));
    });
    const { outcome, folder } = await fetchFrom([address], { files });
    expect(outcome).toMatchObject({
      code: "network",
      message: expect.stringContaining("the payload is shorter than announced"),
    });
    expect(asked).toBe(1);
    expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
  });

  test("sends nothing, or a trickle, is given up in its time, and named", async () => {
    const { address, files } = await hostile(async (wire, { length }) => {
      await wire.write(encodeHeader({ status: "data", length }));
      await wire.write(new Uint8Array(1));
    });
    const network = { stallMs: 200, fetchAttempts: 1 };
    const { outcome, said } = await fetchFrom([address], { files, network, patienceMs: 1500 });
    expect(outcome).toMatchObject({
      code: "network",
      message: expect.stringContaining("too little came for 200 ms"),
    });
    expect(said.join("\n")).toMatch(/tries again until \d{4}-/);
  });
});

test("a transfer that is called off leaves what has come, and the process its folder", async () => {
  const end = new AbortController();
  const member = await startLender(
    () => true,
    watched((offset) => {
      if (offset > 0) end.abort(new Error("called off"));
    }),
  );
  const { outcome, folder } = await fetchFrom(addressesOf(member), { signal: end.signal });
  expect(outcome).toMatchObject({ message: "called off" });
  const part = readFileSync(join(folder, "model.safetensors.part"));
  expect(part.byteLength).toBeGreaterThanOrEqual(1_048_576);
  expect(Buffer.compare(part, WEIGHTS.subarray(0, part.byteLength))).toBe(0);

  const honest = await startLender(() => true);
  const again = await fetchFrom(addressesOf(honest), { folder });
  expect(again.outcome).toMatchObject({ received: WEIGHTS.byteLength - part.byteLength });
  expect(inFolder(dirname(folder))).toEqual(["model"]);
});
