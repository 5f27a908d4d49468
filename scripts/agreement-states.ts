/**
 * Every state that one height of four members can come to in two views, one of whom may sign anything, by the real
 * functions of the agreement: with that one at each place of the turns. Exits with 1 when there may be two final
 * blocks, when an honest member looks guilty, or when three views after the network has healed no block is final.
 *
 *   node scripts/agreement-states.ts [--place 0..3]
 */
import { parseArgs } from "node:util";
import { explore, TURNS } from "../test/support/agreed-states/explore.ts";

const { values } = parseArgs({ options: { place: { type: "string" } } });
for (const [place, turns] of TURNS.entries()) {
  if (values.place !== undefined && Number(values.place) !== place) continue;
  const started = performance.now();
  const { states, bad, views } = explore({ turns, healing: true });
  const needed = [...views].sort(([a], [b]) => a - b).map(([count, of]) => `${of} in ${count}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `liar proposes in view ${place}: ${bad ?? "holds"}, ${states} states, ${seconds} s; views until final: ${needed.join(", ")}\n`,
  );
  if (bad !== null) process.exitCode = 1;
}
