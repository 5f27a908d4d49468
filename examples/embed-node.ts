/**
 * Two nodes in one program: two organisations, each with a folder, a key and rows of its own, fine-tune the bundled model together
 * over the loopback interface. Prints every round, and with how many others it was mixed.
 *
 *     node -C klatch-source examples/embed-node.ts FOLDER     in a checkout
 *     node embed-node.ts FOLDER                               where klatch is installed
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createNode, identityFile, parseConfig, silentLogger } from "klatch";
import { loadOrCreateIdentity } from "klatch/network";

const folder = resolve(process.argv[2] ?? "klatch-example");
console.log(`working in ${folder}`);
const members = [await identityOf("library"), await identityOf("museum")];

const library = await start("library", []);
const museum = await start("museum", library.status().addresses);
await Promise.all([library.finished, museum.finished]);

let mixes = 0;
for (const [name, node] of Object.entries({ library, museum })) {
  for (const { round, trainLoss, mixed } of node.rounds(3)) {
    console.log(`${name}: round ${round}, loss ${trainLoss.toFixed(2)}, mixed ${mixed.length}`);
    mixes += mixed.length;
  }
  await node.stop();
}
console.log(`both are done: ${mixes} of 6 rounds mixed`);

async function identityOf(name: string): Promise<string> {
  mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  return (await loadOrCreateIdentity(identityFile(join(folder, name)))).peerId;
}

async function start(name: string, bootstrap: readonly string[]) {
  const rows = Array.from({ length: 20 }, (_, day) =>
    JSON.stringify({ prompt: `Who came to the ${name} on day ${day}?`, completion: `all ${day}` }),
  );
  writeFileSync(join(folder, name, "rows.jsonl"), rows.join("\n"));
  const settings = {
    dataDir: name,
    // What both have alike.
    run: { members, rounds: 3, steps: 2, batchSize: 4, sequenceMax: 32, adapter: { rank: 2 } },
    data: { train: [join(name, "rows.jsonl")] },
    network: { listen: ["/ip4/127.0.0.1/tcp/0"], bootstrap },
    engine: { threads: 1 },
    cache: "cache",
  };
  const node = createNode(parseConfig(settings, folder), { log: silentLogger() });
  await node.start();
  return node;
}
