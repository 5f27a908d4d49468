import assert from "node:assert/strict";
import type { Tensor } from "@tensorflow/tfjs-core";
import { decodeF16 } from "../../files/float-formats.ts";
import { type DType, sizeOf, type TypedArray, type Value } from "../../graph/value.ts";
import type { TensorFlow } from "./backends.ts";

const TYPE = { f32: "float32", f16: "float32", i64: "int32", u8: "int32", bool: "bool" } as const;

/** A tensor of a value's elements; of integers, each must be from 0 to below `limit` where there is one. */
export function upload(
  tf: TensorFlow,
  { name, shape, dtype }: Value,
  data: TypedArray | undefined,
  limit?: number,
): Tensor {
  assert.ok(data !== undefined, `an array for ${name}`);
  assert.equal(data.length, sizeOf(shape), `${name} has shape [${shape}]`);
  assert.ok(dtype !== "f64", "no f64 in a compiled program");
  return tf.tensor(elementsOf(data, limit) as Float32Array, [...shape], TYPE[dtype]);
}

function elementsOf(data: TypedArray, limit: number | undefined): TypedArray | Int32Array {
  if (data instanceof BigInt64Array) return int32(data, limit);
  if (!(data instanceof Uint16Array)) return data;
  const floats = new Float32Array(data.length);
  decodeF16(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), floats);
  return floats;
}

function int32(data: BigInt64Array, limit: number | undefined): Int32Array {
  const integers = Int32Array.from(data, (x) => {
    assert.equal(BigInt.asIntN(32, x), x, "an integer of 32 bits");
    return Number(x);
  });
  const inside = limit === undefined || integers.every((x) => 0 <= x && x < limit);
  assert.ok(inside, `indices from 0 to below ${limit}`);
  return integers;
}

const ARRAY: Readonly<Record<DType, new (length: number) => TypedArray>> = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  bool: Uint8Array,
};

/** Copies a tensor's elements into `target`, or a new array. */
export function download(
  tensor: Tensor,
  { shape, dtype }: Value,
  target: TypedArray = new ARRAY[dtype](sizeOf(shape)),
): TypedArray {
  assert.equal(target.length, sizeOf(shape), `an output has shape [${shape}]`);
  const elements = tensor.dataSync();
  if (target instanceof BigInt64Array) target.set(Array.from(elements, BigInt));
  else target.set(elements);
  return target;
}

/** Arrays that never change, each uploaded when it is first fed. */
export class KeptTensors {
  readonly #wanted = new Set<TypedArray>();
  readonly #tensors = new Map<TypedArray, Tensor>();

  keep(arrays: Iterable<TypedArray>): void {
    for (const array of arrays) this.#wanted.add(array);
  }

  /** The tensor kept for `data`, made with `make` the first time; undefined when it is not to be kept. */
  get(data: TypedArray | undefined, make: () => Tensor): Tensor | undefined {
    if (data === undefined || !this.#wanted.has(data)) return undefined;
    const tensor = this.#tensors.get(data) ?? make();
    this.#tensors.set(data, tensor);
    return tensor;
  }

  close(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
    this.#wanted.clear();
  }
}
