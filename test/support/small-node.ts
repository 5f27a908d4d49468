import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { runJson } from "./command-line.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A node's folder with an identity, a configuration and a little data of its own. */
export interface SmallNode {
  readonly folder: string;
  readonly dataDir: string;
  readonly peerId: string;
  readonly config: string;
  readonly data: string;
}

/** Makes a node whose rows are about `topic`. */
export async function makeSmallNode(topic: string): Promise<SmallNode> {
  const folder = join(temporaryFolder(), topic);
  mkdirSync(folder);
  const { peerId, config } = await runJson<{ peerId: string; config: string }>(["init", folder]);
  const data = join(folder, "data.jsonl");
  const rows = Array.from({ length: 24 }, (_, row) =>
    JSON.stringify({ prompt: `question ${row} about ${topic}`, completion: `answer ${row % 5}` }),
  );
  writeFileSync(data, `${rows.join("\n")}\n`);
  return { folder, dataDir: join(folder, ".klatch"), peerId, config, data };
}

/** What a test says of a run; `terms` are further keys of section `run`. */
export interface SmallRun {
  readonly members: readonly SmallNode[];
  readonly rounds: number;
  readonly terms?: object;
}

/** Writes the node's configuration: rounds that take a second at most, ports that are free. */
export function configure(node: SmallNode, run: SmallRun, change: object = {}): void {
  const config = {
    run: {
      rounds: run.rounds,
      steps: 2,
      batchSize: 4,
      sequenceMax: 48,
      adapter: { rank: 2, targets: "q,v" },
      members: run.members.map(({ peerId }) => peerId),
      ...run.terms,
    },
    data: { train: ["data.jsonl"] },
    engine: { threads: 1 },
    network: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    status: { port: 0 },
    timing: { lingerMs: 0, commitGraceMs: 20_000 },
    log: { format: "json" },
    ...change,
  };
  writeFileSync(node.config, stringify(config));
}
