/**
 * A process that opens a data folder and saves checkpoints as fast as it can, one round after the other, telling each
 * that is safe by one line. It is there to be killed.
 */
import { openStore } from "../../src/node/store/store.ts";
import { RUN, sampleCheckpoint, sampleRound, sampleUpdate } from "../unit/node/node-samples.ts";

const [folder = "", mode = "write"] = process.argv.slice(2);
const store = openStore(folder);
const first = store.loadCheckpoint(RUN)?.checkpoint.round ?? 0;
process.stdout.write(`open ${first}\n`);
if (mode === "hold") setInterval(() => undefined, 1000);
else write();

function write(round = first): void {
  store.saveUpdate(sampleUpdate(round));
  store.commitRound(sampleCheckpoint(round + 1), sampleRound(round));
  process.stdout.write(`${round + 1}\n`);
  setImmediate(() => write(round + 1));
}
