import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Stream } from "@libp2p/interface";
import { lpStream } from "@libp2p/utils";
import { multiaddr } from "@multiformats/multiaddr";
import { encodeGreeting } from "../../src/gossip/greetings/greeting-message.ts";
import { GREETING_PROTOCOL } from "../../src/gossip/greetings/greetings.ts";
import { loadIdentity } from "../../src/gossip/index.ts";
import { describeSelf, encodeSelf } from "../../src/node/acquaintance/self-description.ts";
import { loadConfig } from "../../src/node/config/load.ts";
import { identityFile } from "../../src/node/folders/data-folder.ts";
import { bundledModel } from "../../src/node/folders/package-folder.ts";
import { freePorts } from "../../testnet/processes/free-ports.ts";
import { runJson } from "./command-line.ts";
import { type RawPeer, startRawPeer } from "./raw-peer.ts";
import { configure, makeSmallNode, type SmallNode } from "./small-node.ts";

/** Members that Anna's node calls on, and others that call on it. */
const CALLED = ["list", "key", "down", "mistyped", "moved"] as const;
const CALLING = ["model", "template", "adapter", "task", "rule", "setting", "stranger"] as const;
const OTHERS = ["clock", "leaver", "wordless", "elder"] as const;
type Who = (typeof CALLED)[number] | (typeof CALLING)[number] | (typeof OTHERS)[number];

/** Anna's node, and nodes each of which has something not like it. */
export interface Mismatches {
  readonly anna: SmallNode;
  readonly members: Readonly<Record<Who, SmallNode>>;
  /** Those that may run in one process. */
  readonly inOneProcess: readonly SmallNode[];
  /** Connects those that are of an earlier version, once Anna's node is there. */
  readonly connectElders: () => Promise<void>;
}

/** Writes the folders and configurations of all of them. */
export async function makeMismatches(): Promise<Mismatches> {
  const names = [...CALLED, ...CALLING, ...OTHERS];
  const [anna, ...made] = (await Promise.all(["anna", ...names].map(makeSmallNode))) as [
    SmallNode,
    ...SmallNode[],
  ];
  const members = Object.fromEntries(
    names.map((name, i) => [name, made[i]]),
  ) as Mismatches["members"];
  const [annasPort, listPort, keyPort] = (await freePorts(3)) as [number, number, number];
  const at = (port: number, { peerId }: SmallNode) => `/ip4/127.0.0.1/tcp/${port}/p2p/${peerId}`;
  const run = {
    members: [anna, ...made].filter((each) => each !== members.stranger),
    rounds: 1000,
  };
  const pace = { redialBaseMs: 200, redialMaxMs: 1000 };
  const network = (port: number, bootstrap: readonly string[], more: object = {}) => ({
    network: { listen: [`/ip4/127.0.0.1/tcp/${port}`], bootstrap, ...pace, ...more },
  });

  const bootstrap = [
    at(listPort, members.list),
    at(keyPort, members.key),
    at(1, members.down),
    `/dns4/mistyped.invalid/tcp/7117/p2p/${members.mistyped.peerId}`,
    at(listPort, members.moved),
  ];
  configure(anna, run, network(annasPort, bootstrap));
  const { networkKey } = await runJson<{ networkKey: string }>([
    "init",
    join(members.key.folder, "with-key"),
    "--network-key",
  ]);
  configure(members.list, { ...run, members: [members.list] }, network(listPort, []));
  configure(members.key, run, network(keyPort, [], { networkKeyFile: networkKey }));

  const terms: Partial<Record<Who, object>> = {
    adapter: { adapter: { rank: 4, targets: "q,v" } },
    task: { task: "classification" },
    rule: { rule: "mean", codec: "float32" },
    setting: { steps: 3 },
    stranger: { members: [anna, members.stranger].map(({ peerId }) => peerId) },
  };
  const models: Partial<Record<Who, string>> = {
    model: otherModel(members.model.folder),
    template: otherTemplate(members.template.folder),
  };
  writeFileSync(members.task.data, classified());
  for (const name of [...CALLING, "clock", "leaver"] as const) {
    const model = models[name];
    configure(
      members[name],
      { ...run, terms: terms[name] ?? {} },
      { ...network(0, [at(annasPort, anna)]), ...(model === undefined ? {} : { model }) },
    );
  }
  return {
    anna,
    members,
    inOneProcess: [members.list, members.key, ...CALLING.map((name) => members[name])],
    connectElders: () => connectElders(at(annasPort, anna), anna, members),
  };
}

// --- internal ---

/** The bundled model with one number changed. */
function otherModel(folder: string): string {
  const model = join(folder, "other-model");
  cpSync(bundledModel(), model, { recursive: true });
  const file = join(model, "model.safetensors");
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 4) ^ 1, bytes.length - 4);
  writeFileSync(file, bytes);
  return model;
}

/** The bundled model with a chat template that it has not. */
function otherTemplate(folder: string): string {
  const model = join(folder, "model");
  cpSync(bundledModel(), model, { recursive: true });
  writeFileSync(join(model, "chat_template.jinja"), "{{ messages[0].content }}");
  return model;
}

function classified(): string {
  const rows = Array.from({ length: 24 }, (_, row) =>
    JSON.stringify({ text: `text ${row}`, label: row % 2 === 0 ? "even" : "odd" }),
  );
  return `${rows.join("\n")}\n`;
}

/** Two members whose klatch speaks version 1: one from before there were greetings, and one that greets. */
async function connectElders(
  address: string,
  anna: SmallNode,
  { wordless, elder }: Pick<Mismatches["members"], "wordless" | "elder">,
): Promise<void> {
  const [first, second] = await Promise.all([
    speakingOldVersion(wordless),
    speakingOldVersion(elder),
  ]);
  const { folder: cwd, config: file } = anna;
  const description = describeSelf(loadConfig({ cwd, file }), null);
  const body = encodeSelf({ ...description, protocol: 1, version: "0.9.0" });
  await second.handle(GREETING_PROTOCOL, async (stream: Stream) => {
    const wire = lpStream(stream);
    await wire.read();
    await wire.write(encodeGreeting({ sentAt: Date.now(), leaves: false, body }));
    await stream.close();
  });
  await Promise.all([first, second].map((peer) => peer.dial(multiaddr(address))));
}

async function speakingOldVersion({ dataDir }: SmallNode): Promise<RawPeer> {
  const peer = await startRawPeer(await loadIdentity(identityFile(dataDir)));
  await peer.handle("/klatch/announcements/1", (stream) => stream.abort(new Error("not spoken")));
  return peer;
}
