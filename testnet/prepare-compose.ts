/**
 * `prepare-compose FOLDER PREFIX [PEERS]`: folders, identities, data and configurations for peers on addresses of their own,
 * PREFIX followed by 1, 2, ...: what testnet/compose.yaml starts. A folder that has them stays as it is.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { keepProcessPrivate } from "../src/node/process/private-process.ts";
import { prepareData } from "./data/run-data.ts";
import { parseOptions } from "./options.ts";
import { createIdentities, planPeers } from "./processes/peer-config.ts";
import { withPaths } from "./working-folder.ts";

/** The same on every address. */
const PORTS = { peer: 4001, status: 8800 };

const argumentsSchema = z.tuple([
  z.string().min(1),
  z.string().regex(/^\d+\.\d+\.\d+\.\d*$/),
  z.coerce.number().int().min(2).max(9).default(4),
]);

keepProcessPrivate();
const [folder, prefix, peers] = argumentsSchema.parse(process.argv.slice(2));
if (!existsSync(join(folder, "peer-01", "klatch.yaml"))) {
  const options = withPaths(parseOptions({ peers, rounds: 50, steps: 20, mode: "agreed" }));
  mkdirSync(folder, { recursive: true });
  const data = await prepareData(options, folder);
  const ids = await createIdentities(data.peers);
  await planPeers(options, data, ids, (index) => ({
    host: `${prefix}${index + 1}`,
    enter: [],
    ports: PORTS,
  }));
}
