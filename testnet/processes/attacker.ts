/**
 * The program of a dishonest peer: `attacker CONFIG ATTACK SEED INDEX`. It is the same node as everyone else's behind
 * ports in disguise.
 */
import { z } from "zod";
import { KlatchError } from "../../src/errors.ts";
import { loadConfig } from "../../src/node/config/load.ts";
import { openPorts } from "../../src/node/peer/ports.ts";
import { keepProcessPrivate } from "../../src/node/process/private-process.ts";
import { runNode } from "../../src/node/run-node.ts";
import { ATTACK_NAMES, ATTACKS } from "../attacks/catalogue.ts";
import { createRandom } from "../random.ts";

const argumentsSchema = z.tuple([
  z.string().min(1),
  z.enum(ATTACK_NAMES),
  z.coerce.number().int(),
  z.coerce.number().int(),
]);

async function attack(): Promise<number> {
  const [file, name, seed, index] = argumentsSchema.parse(process.argv.slice(2));
  const config = loadConfig({ file });
  const attacker = {
    rounds: config.run.rounds,
    random: (round: number) => createRandom(seed, "attack", index, round),
  };
  return runNode(config, {
    ports: async (...context) => ATTACKS[name].disguise(await openPorts(...context), attacker),
  });
}

keepProcessPrivate();
try {
  process.exitCode = await attack();
} catch (error) {
  if (!(error instanceof KlatchError)) throw error;
  process.stderr.write(`error: ${error.message}\nhint: ${error.hint}\n`);
  process.exitCode = error.exitCode;
}
