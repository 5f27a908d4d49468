import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import { checkShape } from "../files/file-access.ts";

const schema = z.object({
  quantization_config: z
    .object({ quant_method: z.string().max(64).optional(), bits: z.number().optional() })
    .nullish(),
});

/**
 * Refuses a config.json that says that the stored weights are quantised (GPTQ, AWQ, bitsandbytes, FP8, ...): their
 * tensors are packed in formats of their own.
 *
 * @throws KlatchError `incompatible`, naming the method
 */
export function refuseQuantised(json: unknown, file: string): void {
  const { quantization_config: quantised } = checkShape(json, schema, file);
  if (quantised === undefined || quantised === null) return;
  const { quant_method: method = "unnamed method", bits } = quantised;
  throw new KlatchError(
    "incompatible",
    `${file}: the weights are stored quantised (${method}${bits === undefined ? "" : `, ${bits} bit`})`,
    "name the original model, in F32, BF16 or F16; --dtype int8 or int4 quantises it on reading",
  );
}
