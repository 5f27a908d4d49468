import { LOWERINGS, type Lowerings, transposedOperands } from "./operators.ts";
import { dequantizedAsFloats, packedMatmul } from "./packed-operators.ts";

/**
 * ONNX for ONNX Runtime's WebGPU provider: what it has no kernel for would run on the CPU, with copies both ways.
 * Missing in 1.30 are Sum (a fusion of the CPU provider), FusedMatMul and the second output of
 * SimplifiedLayerNormalization.
 */
export const WEBGPU_LOWERINGS: Lowerings = {
  ...LOWERINGS,
  norm: undefined,
  add: (to, _value, inputs) => to.node("Add", inputs),
  matmul: (to, value, inputs) =>
    value.shape.length > 2
      ? transposedOperands(to, value, inputs)
      : LOWERINGS.matmul(to, value, inputs),
  packedMatmul: packedMatmul(dequantizedAsFloats),
};
