import { KlatchError } from "../../errors.ts";
import { beyondF16, encodeF16 } from "../files/float-formats.ts";

/**
 * A weight's numbers as the bits of f16, rounded to nearest, ties to even; what is below 2^-25 becomes zero.
 *
 * @throws KlatchError `incompatible` when a number is beyond f16
 */
export function halfFloats(name: string, data: Float32Array): Uint16Array {
  const most = beyondF16(data);
  if (most === null) return new Uint16Array(encodeF16(data).buffer);
  throw new KlatchError(
    "incompatible",
    `${name} holds ${most.toPrecision(6)}, and f16 ends at 65504`,
    "keep this model as f32 or int8 (--dtype)",
  );
}
