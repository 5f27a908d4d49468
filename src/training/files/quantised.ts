import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { readJson } from "./file-access.ts";

const schema = z.object({
  quantization_config: z
    .object({ quant_method: z.string().max(64).optional(), bits: z.number().optional() })
    .nullish(),
});

/**
 * Refuses a folder whose config.json says that the stored weights are quantised (GPTQ, AWQ, bitsandbytes, FP8, ...):
 * their tensors are packed in formats of their own.
 *
 * @throws KlatchError `incompatible`, naming the method; `data` when config.json cannot be read
 */
export async function refuseQuantised(folder: string): Promise<void> {
  const file = join(folder, "config.json");
  const { quantization_config: quantised } = await readJson(file, schema);
  if (quantised === undefined || quantised === null) return;
  const { quant_method: method = "unnamed method", bits } = quantised;
  throw new KlatchError(
    "incompatible",
    `${file}: the weights are stored quantised (${method}${bits === undefined ? "" : `, ${bits} bit`})`,
    "Klatch reads weights in F32, BF16 or F16: name the original model that this one was made from",
  );
}
