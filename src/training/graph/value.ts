import assert from "node:assert/strict";

/** Element types of a graph; `f64` exists for gradient checks, `f16` and `u8` for storing frozen weights. */
export type DType = "f32" | "f64" | "f16" | "i64" | "u8" | "bool";
export type Shape = readonly number[];
export type Attribute = number | boolean | readonly number[];
/** f16 elements are given as their bits, in a Uint16Array. */
export type TypedArray = Float32Array | Float64Array | BigInt64Array | Uint8Array | Uint16Array;

/** Arrays by the name of a program's input or output. */
export type Arrays = Readonly<Record<string, TypedArray>>;

/** Every operation of the graph. Each has one constructor (shape rule and VJP) and one ONNX lowering. */
export type Op =
  | "input"
  | "constant"
  | "custom"
  | "add"
  | "sub"
  | "mul"
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "reciprocal"
  | "sigmoid"
  | "erf"
  | "greaterOrEqual"
  | "matmul"
  | "packedMatmul"
  | "widen"
  | "reshape"
  | "transpose"
  | "expand"
  | "slice"
  | "pad"
  | "concat"
  | "gatherRows"
  | "scatterAddRows"
  | "pickColumns"
  | "placeColumns"
  | "sum"
  | "sumSquares"
  | "max"
  | "softmax"
  | "rope";

/** Vector-Jacobian product: from dL/d(value) to dL/d(input) for each input; undefined where it is zero. */
export type Vjp = (gradient: Value) => readonly (Value | undefined)[];

/** One tensor in the graph. Immutable; values built alike are the same object. */
export interface Value {
  readonly graph: Graph;
  readonly id: number;
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly shape: Shape;
  readonly dtype: DType;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Name of an input, or of a constant in messages. */
  readonly name?: string;
  /** Elements of a constant, row-major. */
  readonly data?: TypedArray;
  readonly vjp?: Vjp;
}

export interface ValueSpec {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly shape: Shape;
  readonly dtype: DType;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly name?: string;
  readonly data?: TypedArray;
  readonly vjp?: Vjp;
}

/**
 * The table of values under construction. Interning makes common subexpressions one value; what no output
 * reaches is never lowered, so nothing needs to be deleted.
 */
export class Graph {
  readonly #interned = new Map<string, Value>();
  readonly #segments: Value[] = [];
  #next = 0;

  /** The value for `spec`: an existing one if the same operation was already applied to the same inputs. */
  value(spec: ValueSpec): Value {
    const { op, inputs, shape, dtype, attributes = {} } = spec;
    for (const input of inputs) assert.equal(input.graph, this, "values of one graph");
    // Comparing the elements of a table costs more than all other building: large ones have names.
    const content = spec.name ?? (op === "constant" ? Array.from(spec.data ?? [], String) : "");
    const key =
      op === "custom"
        ? `#${this.#next}`
        : JSON.stringify([op, inputs.map((v) => v.id), shape, dtype, attributes, content]);
    const known = this.#interned.get(key);
    if (known !== undefined) return known;
    const made: Value = { ...spec, attributes, graph: this, id: this.#next++ };
    this.#interned.set(key, made);
    return made;
  }

  /** Marks `value` as the whole of what the values after it are computed from: see `recomputedGradients`. */
  startSegment(value: Value): void {
    this.#segments.push(value);
  }

  /** The marked values, in the order in which they were marked. */
  get segments(): readonly Value[] {
    return this.#segments;
  }

  /** A tensor fed at every run. */
  input(name: string, shape: Shape, dtype: DType): Value {
    return this.value({ op: "input", inputs: [], shape, dtype, name });
  }

  /** A tensor known when the program is compiled; row-major data. Named ones are the same when their names are. */
  constant(data: TypedArray, shape: Shape, dtype: DType, name?: string): Value {
    assert.equal(data.length, sizeOf(shape), `constant ${name ?? ""} fills its shape`);
    return this.value({
      op: "constant",
      inputs: [],
      shape,
      dtype,
      data,
      ...(name === undefined ? {} : { name }),
    });
  }

  /** A constant of shape []. */
  scalar(value: number, dtype: DType): Value {
    return this.constant(floats(dtype, [value]), [], dtype);
  }
}

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** A typed array of `dtype` holding `values`. */
export function floats(dtype: DType, values: Iterable<number>): Float32Array | Float64Array {
  assert.ok(dtype === "f32" || dtype === "f64", "a floating-point type");
  return dtype === "f32" ? Float32Array.from(values) : Float64Array.from(values);
}
