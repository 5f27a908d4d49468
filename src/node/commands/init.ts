import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { KlatchError } from "../../errors.ts";
import { createIdentity, createNetworkKey, loadIdentity } from "../../gossip/index.ts";
import { CONFIG_FILE, parseConfig } from "../config/load.ts";
import { configTemplate } from "../config/template.ts";
import { identityFile, makeNodeFolders } from "../folders/data-folder.ts";
import type { Terminal } from "../view/terminal.ts";

/** `klatch init`: an identity that only its owner can read, and a commented configuration. Overwrites nothing. */
export function define(command: Command, terminal: Terminal): void {
  command
    .argument("[folder]", "where to write klatch.yaml and the data folder", ".")
    .option("--network-key", "also write a pre-shared network key for all members")
    .option("--bytes-per-round <size>", "bytes that a member may send in a round, such as 64KiB")
    .option("--link <speed>", "speed of this node's link, such as 10Mbit")
    .option("--json", "print one JSON document")
    .action(async (folder: string, { json, ...options }: InitOptions & { json?: boolean }) => {
      const result = await init(resolve(folder), options);
      if (json === true) return terminal.json(result);
      const { peerId, identity, config, kept } = result;
      terminal.line(`peer id        ${peerId}`);
      terminal.line(`identity       ${identity}${kept.includes("identity") ? " (kept)" : ""}`);
      terminal.line(`configuration  ${config}${kept.includes("config") ? " (kept)" : ""}`);
      if (result.networkKey !== null) {
        terminal.line(`network key    ${result.networkKey}: give it to the members, in secret`);
      }
      terminal.line("");
      terminal.line("Exchange peer ids and addresses with the other members, list all under");
      terminal.line("run.members and network.bootstrap, name your files under data.train, then:");
      terminal.line(`  klatch doctor --config ${config}`);
      terminal.line(`  klatch start --config ${config}`);
    });
}

// --- internal ---

/** Beside the configuration, whose relative paths start there. */
const NETWORK_KEY_FILE = "network.key";

interface InitOptions {
  readonly networkKey?: boolean;
  readonly bytesPerRound?: string;
  readonly link?: string;
}

interface InitResult {
  readonly peerId: string;
  readonly identity: string;
  readonly config: string;
  /** The pre-shared network key, when one was asked for. */
  readonly networkKey: string | null;
  /** What was there already and was left alone. */
  readonly kept: readonly ("identity" | "config")[];
}

async function init(
  folder: string,
  { networkKey: withNetworkKey = false, bytesPerRound, link }: InitOptions,
): Promise<InitResult> {
  const config = join(folder, CONFIG_FILE);
  const run = bytesPerRound === undefined ? {} : { bytesPerRound };
  const network = link === undefined ? {} : { link };
  // checks what will be written
  const { dataDir } = parseConfig({ run, network }, folder);
  const identity = identityFile(dataDir);
  const hasConfig = existsSync(config);
  const hasIdentity = existsSync(identity);
  if (hasConfig && hasIdentity) {
    throw new KlatchError(
      "usage",
      `${folder} has a configuration and an identity already`,
      "nothing was changed; choose another folder for another node",
    );
  }
  makeNodeFolders(folder, dataDir);
  const { peerId } = hasIdentity ? await loadIdentity(identity) : await createIdentity(identity);
  const networkKey = withNetworkKey && !hasConfig ? join(folder, NETWORK_KEY_FILE) : null;
  if (networkKey !== null) createNetworkKey(networkKey);
  const text = configTemplate({
    "run.members": [peerId],
    "data.train": [],
    ...(bytesPerRound === undefined ? {} : { "run.bytesPerRound": bytesPerRound }),
    ...(link === undefined ? {} : { "network.link": link }),
    ...(networkKey === null ? {} : { "network.networkKeyFile": NETWORK_KEY_FILE }),
  });
  // Exclusive: what appeared in the meantime is somebody's work.
  if (!hasConfig) writeFileSync(config, text, { flag: "wx", mode: 0o600 });
  const kept = [
    ...(hasIdentity ? (["identity"] as const) : []),
    ...(hasConfig ? (["config"] as const) : []),
  ];
  return { peerId, identity, config, networkKey, kept };
}
