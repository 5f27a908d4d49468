import { join } from "node:path";
import { z } from "zod";
import { ifThere, readJson } from "../files/file-access.ts";
import { idFields } from "../files/token-fields.ts";

const schema = z.looseObject({ eos_token_id: idFields.eos_token_id });

/**
 * The ids at which generation_config.json of a model folder ends a text; none where the folder has no such file. Chat
 * models often name the end of a turn there and not in config.json.
 *
 * @throws KlatchError `data` when the file is damaged
 */
export async function readEndIds(folder: string): Promise<readonly number[]> {
  const found = await ifThere(readJson(join(folder, "generation_config.json"), schema));
  return [found?.eos_token_id ?? []].flat();
}
