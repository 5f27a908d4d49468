/**
 * The program of a dishonest peer: `attacker CONFIG ATTACK SEED INDEX`. It is the same node as everyone else's, but for what it
 * sends.
 */
import { z } from "zod";
import { CODECS, encodeState } from "../../src/consensus/index.ts";
import { KlatchError } from "../../src/errors.ts";
import { loadConfig } from "../../src/node/config/load.ts";
import { keepProcessPrivate } from "../../src/node/process/private-process.ts";
import { runNode } from "../../src/node/run-node.ts";
import { ATTACK_NAMES, attackOffer } from "../attacks/attacks.ts";
import { spoilPayload } from "../attacks/spoil.ts";
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
  const codec = CODECS[config.run.codec];
  return runNode(config, {
    offer: (context) =>
      attackOffer(name, context, {
        random: createRandom(seed, "attack", index, context.round),
        spoil: ({ trained, initial }) =>
          spoilPayload(codec.name, encodeState(codec, trained, initial), codec.size(0)),
      }) ?? context.trained,
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
