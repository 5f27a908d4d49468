/**
 * The program of a dishonest peer: `attacker CONFIG ATTACK SEED INDEX ATTACKERS FOLDER`. It is the same node as everyone
 * else's behind ports in disguise; the attackers, which are the last peers, collude through the folder.
 */
import { z } from "zod";
import { KlatchError } from "../../src/errors.ts";
import { loadConfig } from "../../src/node/config/load.ts";
import { openPorts } from "../../src/node/peer/ports.ts";
import { keepProcessPrivate } from "../../src/node/process/private-process.ts";
import { runNode } from "../../src/node/run-node.ts";
import type { Attacker } from "../attacks/attack.ts";
import { ATTACK_NAMES, ATTACKS } from "../attacks/catalogue.ts";
import { colluding } from "../attacks/collusion.ts";
import { createRandom } from "../random.ts";
import { throughFolder } from "./collusion-folder.ts";

const argumentsSchema = z.tuple([
  z.string().min(1),
  z.enum(ATTACK_NAMES),
  z.coerce.number().int(),
  z.coerce.number().int(),
  z.coerce.number().int().min(1),
  z.string().min(1),
]);

async function attack(): Promise<number> {
  const [file, name, seed, index, attackers, folder] = argumentsSchema.parse(process.argv.slice(2));
  const config = loadConfig({ file });
  const { rounds, agreedRule: rule } = config.run;
  const members = config.run.members.length;
  const place = index - (members - attackers);
  const attacker: Attacker = {
    rounds,
    collusion: colluding({ members, attackers, rule }, throughFolder(folder, place, attackers)),
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
