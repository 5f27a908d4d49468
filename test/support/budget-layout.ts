import type { AdapterLayout } from "../../src/types.ts";

/** Two layers of 4,096 and 1,024 outputs over 1,024 inputs, and a head that no rank touches. */
export function layoutOf(rank: number): AdapterLayout {
  const shapes: readonly (readonly [string, readonly number[]])[] = [
    ["base_model.model.up.lora_A.weight", [rank, 1024]],
    ["base_model.model.up.lora_B.weight", [4096, rank]],
    ["base_model.model.down.lora_A.weight", [rank, 1024]],
    ["base_model.model.down.lora_B.weight", [1024, rank]],
    ["classifier.weight", [10, 100]],
  ];
  let length = 0;
  const tensors = shapes.map(([name, shape]) => {
    const slot = { name, shape, offset: length };
    length += shape.reduce((size, side) => size * side, 1);
    return slot;
  });
  return { tensors, length, digest: String(rank).padStart(64, "0") };
}
