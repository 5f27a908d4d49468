import assert from "node:assert/strict";
import { sumTo } from "./reduction.ts";
import { broadcast, sameShape } from "./shapes.ts";
import type { Op, Value, Vjp } from "./value.ts";

function unary(op: Op, x: Value, vjp: Vjp): Value {
  return x.graph.value({ op, inputs: [x], shape: x.shape, dtype: x.dtype, vjp });
}

function binary(op: Op, a: Value, b: Value, vjp: Vjp): Value {
  assert.equal(a.dtype, b.dtype, `${op} of one type`);
  const shape = broadcast(a.shape, b.shape);
  return a.graph.value({ op, inputs: [a, b], shape, dtype: a.dtype, vjp });
}

function isScalar(x: Value, value: number): boolean {
  return x.op === "constant" && x.shape.length === 0 && x.data?.[0] === value;
}

/** a + b with broadcasting. */
export function add(a: Value, b: Value): Value {
  return binary("add", a, b, (g) => [sumTo(g, a.shape), sumTo(g, b.shape)]);
}

/** a - b with broadcasting. */
export function sub(a: Value, b: Value): Value {
  return binary("sub", a, b, (g) => [sumTo(g, a.shape), sumTo(neg(g), b.shape)]);
}

/** a * b with broadcasting; multiplying by the scalar one gives the other operand. */
export function mul(a: Value, b: Value): Value {
  if (isScalar(a, 1)) return b;
  if (isScalar(b, 1)) return a;
  return binary("mul", a, b, (g) => [sumTo(mul(g, b), a.shape), sumTo(mul(g, a), b.shape)]);
}

/** x times a number. */
export function scale(x: Value, factor: number): Value {
  return mul(x, x.graph.scalar(factor, x.dtype));
}

export function neg(x: Value): Value {
  return unary("neg", x, (g) => [neg(g)]);
}

export function exp(x: Value): Value {
  const y: Value = unary("exp", x, (g) => [mul(g, exp(x))]);
  return y;
}

export function log(x: Value): Value {
  return unary("log", x, (g) => [mul(g, reciprocal(x))]);
}

export function sqrt(x: Value): Value {
  return unary("sqrt", x, (g) => [mul(scale(g, 0.5), reciprocal(sqrt(x)))]);
}

export function reciprocal(x: Value): Value {
  return unary("reciprocal", x, (g) => [neg(mul(g, mul(reciprocal(x), reciprocal(x))))]);
}

/** 1 / (1 + exp(-x)); derivative s (1 - s). */
export function sigmoid(x: Value): Value {
  return unary("sigmoid", x, (g) => {
    const s = sigmoid(x);
    return [mul(g, sub(s, mul(s, s)))];
  });
}

/** The error function 2 / sqrt(pi) * integral from 0 to x of exp(-t^2); derivative 2 / sqrt(pi) * exp(-x^2). */
export function erf(x: Value): Value {
  return unary("erf", x, (g) => [scale(mul(g, exp(neg(mul(x, x)))), 2 / Math.sqrt(Math.PI))]);
}

/** a >= b as bool, shapes equal; has no gradient. */
export function greaterOrEqual(a: Value, b: Value): Value {
  assert.ok(sameShape(a.shape, b.shape), "greaterOrEqual of one shape");
  return a.graph.value({ op: "greaterOrEqual", inputs: [a, b], shape: a.shape, dtype: "bool" });
}
