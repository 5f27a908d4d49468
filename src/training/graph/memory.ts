import { computationOrder, operands } from "./gradient.ts";
import { type DType, sizeOf, type Value } from "./value.ts";

const BYTES: Readonly<Record<DType, number>> = { f32: 4, f64: 8, f16: 2, i64: 8, u8: 1, bool: 1 };

/** What a graph needs while it runs, in bytes. */
export interface GraphMemory {
  /** What is fed at every run. */
  readonly inputs: number;
  /** What the program itself holds. */
  readonly constants: number;
  /** Copies of constant matrices that an engine on the CPU packs, one for each product they are the right side of. */
  readonly packed: number;
  /** Copies of constants that it keeps as they are, because anything else reads them. */
  readonly kept: number;
  /** The most that is alive at one time of what the graph computes, outputs included. */
  readonly activations: number;
}

/**
 * The memory of a graph by liveness: a value takes its place when it is computed and gives it back after its last
 * use, in the order in which the graph is lowered. Engines that run in another order, work in place or round sizes up
 * differ.
 */
export function graphMemory(outputs: Readonly<Record<string, Value>>): GraphMemory {
  const order = computationOrder(Object.values(outputs));
  const lastUse = lastUses(order, Object.values(outputs));
  const given = { input: 0, constant: 0 };
  let alive = 0;
  let peak = 0;
  for (const [at, value] of order.entries()) {
    if (value.op === "input" || value.op === "constant") given[value.op] += bytesOf(value);
    else if (ownerOf(value) === value) alive += bytesOf(value);
    peak = Math.max(peak, alive);
    for (const freed of lastUse.get(at) ?? []) alive -= bytesOf(freed);
  }
  const { input: inputs, constant: constants } = given;
  return { inputs, constants, ...copiesOf(order), activations: peak };
}

// --- internal ---

function bytesOf(value: Value): number {
  return sizeOf(value.shape) * BYTES[value.dtype];
}

function copiesOf(order: readonly Value[]): Pick<GraphMemory, "packed" | "kept"> {
  const right: Value[] = [];
  const other = new Set<Value>();
  for (const value of order) {
    const isProduct = value.op === "matmul" && value.shape.length === 2;
    for (const [side, used] of operands(value).entries()) {
      if (used.op !== "constant") continue;
      if (isProduct && side === 1) right.push(used);
      else other.add(used);
    }
  }
  const sum = (values: readonly Value[]) =>
    values.reduce((total, each) => total + bytesOf(each), 0);
  return { packed: sum(right), kept: sum([...other]) };
}

/** The value whose memory `value` lies in: these operations only name it anew. */
function ownerOf(value: Value): Value {
  const [source] = value.inputs;
  const renames = value.op === "reshape" || value.op === "custom";
  return renames && source !== undefined ? ownerOf(source) : value;
}

/** The computed values that are free after each place of `order`; outputs never are. */
function lastUses(
  order: readonly Value[],
  outputs: readonly Value[],
): ReadonlyMap<number, readonly Value[]> {
  const last = new Map<Value, number>();
  for (const [at, value] of order.entries()) {
    for (const used of [value, ...operands(value)]) last.set(ownerOf(used), at);
  }
  const stays = new Set(outputs.map(ownerOf));
  const freed = new Map<number, Value[]>();
  for (const [value, at] of last) {
    if (stays.has(value) || value.op === "input" || value.op === "constant") continue;
    freed.set(at, [...(freed.get(at) ?? []), value]);
  }
  return freed;
}
