/**
 * Damages payloads of every codec in a seeded way, and decodes them: a decoder refuses or decodes what its encoder would
 * have made, and does not throw. Exits with 1 when one takes anything else.
 *
 *   node scripts/codec-mutations/run.ts [--mutations 1000000] [--seed 1]
 */
import { parseArgs } from "node:util";
import { mutateAll } from "./mutations.ts";

const { values } = parseArgs({
  options: {
    mutations: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
  },
});
const counts = mutateAll(Number(values.mutations), Number(values.seed));
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exitCode = Object.values(counts).every(({ foreign }) => foreign === 0) ? 0 : 1;
