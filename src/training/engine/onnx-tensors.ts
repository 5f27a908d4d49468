import assert from "node:assert/strict";
import type { Tensor } from "onnxruntime-node";
import { type DType, sizeOf, type TypedArray } from "../graph/value.ts";
import type { OnnxPort } from "../onnx/model-proto.ts";
import { onnxRuntime } from "./onnx-runtime.ts";

const TYPE: Readonly<Record<DType, string>> = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  i64: "int64",
  u8: "uint8",
  bool: "bool",
};

/** A tensor over `data`, which is not copied. */
export function tensor(port: OnnxPort, data: TypedArray | undefined): Tensor {
  assert.ok(data !== undefined, `an array for ${port.name}`);
  assert.equal(data.length, sizeOf(port.shape), `${port.name} has shape [${port.shape}]`);
  // The constructor is overloaded by type name, which a table of names cannot express.
  const construct = onnxRuntime.Tensor as new (
    type: string,
    data: TypedArray,
    dims: number[],
  ) => Tensor;
  const made = new construct(TYPE[port.dtype], data, [...port.shape]);
  // The package shows these bits as a Float16Array, which its native half takes for an empty array.
  if (data instanceof Uint16Array) Object.defineProperty(made, "data", { value: data });
  return made;
}

export function arrayOf(value: unknown): TypedArray {
  assert.ok(value instanceof onnxRuntime.Tensor, "a tensor for each output");
  return value.data as TypedArray;
}
