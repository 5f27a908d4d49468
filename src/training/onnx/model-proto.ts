import type { DType, Shape, TypedArray } from "../graph/value.ts";
import { Message } from "./protobuf.ts";

/** Attribute of an ONNX node. A bare number is an integer. */
export type NodeAttribute =
  | number
  | readonly number[]
  | { readonly float: number }
  | { readonly text: string };

export interface OnnxNode {
  readonly type: string;
  /** Names of tensors; an empty name is an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, NodeAttribute>>;
  /** "" is ONNX's own operator set, "com.microsoft" ONNX Runtime's. */
  readonly domain?: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

export interface OnnxPort {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

// Field numbers below are those of onnx.proto3 (ONNX IR version 10, operator set 21).
const DATA_TYPE: Readonly<Record<DType, number>> = {
  f32: 1,
  u8: 2,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
};
const IR_VERSION = 10;
const OPSET = 21;

export interface EncodedModel {
  /** A ModelProto. */
  readonly bytes: Uint8Array;
  /** Constants that are not in `bytes`, which name them by `path`; a session copies them when it is made. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/** Constants from here on lie beside the model where they may. */
const EXTERNAL_BYTES_MIN = 1 << 16;

/** `graph` as ONNX Runtime takes it, its large constants in the model's bytes or beside them. */
export function encodeModel(graph: OnnxGraph, beside = false): EncodedModel {
  const body = new Message().text(2, "klatch");
  const external: { path: string; data: Uint8Array }[] = [];
  for (const node of graph.nodes) body.message(1, encodeNode(node));
  for (const tensor of graph.initializers) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    const data = new Uint8Array(buffer, byteOffset, byteLength);
    const path = `constant${external.length}`;
    const isBeside = beside && byteLength >= EXTERNAL_BYTES_MIN;
    if (isBeside) external.push({ path, data });
    body.message(5, encodeTensor(tensor, isBeside ? { path, bytes: byteLength } : data));
  }
  for (const port of graph.inputs) body.message(11, encodePort(port));
  for (const port of graph.outputs) body.message(12, encodePort(port));
  const bytes = new Message()
    .integer(1, IR_VERSION)
    .text(2, "klatch")
    .message(7, body)
    .message(8, new Message().text(1, "").integer(2, OPSET))
    .message(8, new Message().text(1, "com.microsoft").integer(2, 1))
    .encode();
  return { bytes, external };
}

function encodeNode(node: OnnxNode): Message {
  const message = new Message();
  for (const name of node.inputs) message.text(1, name);
  for (const name of node.outputs) message.text(2, name);
  message.text(4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message.message(5, encodeAttribute(name, value));
  }
  if (node.domain !== undefined) message.text(7, node.domain);
  return message;
}

function encodeAttribute(name: string, value: NodeAttribute): Message {
  const message = new Message().text(1, name);
  if (typeof value === "number") return message.integer(3, value).integer(20, 2);
  if ("float" in value) return message.float(2, value.float).integer(20, 1);
  if ("text" in value) return message.text(4, value.text).integer(20, 3);
  for (const item of value) message.integer(8, item);
  return message.integer(20, 7);
}

/** Where a constant is that lies beside the model. */
interface Elsewhere {
  readonly path: string;
  readonly bytes: number;
}

function encodeTensor(tensor: OnnxTensor, content: Uint8Array | Elsewhere): Message {
  const message = new Message();
  for (const dimension of tensor.shape) message.integer(1, dimension);
  message.integer(2, DATA_TYPE[tensor.dtype]).text(8, tensor.name);
  if (content instanceof Uint8Array) return message.bytes(9, content);
  const place = { location: content.path, offset: "0", length: String(content.bytes) };
  for (const [key, value] of Object.entries(place)) {
    message.message(13, new Message().text(1, key).text(2, value));
  }
  return message.integer(14, 1);
}

function encodePort(port: OnnxPort): Message {
  const shape = new Message();
  for (const size of port.shape) shape.message(1, new Message().integer(1, size));
  const tensor = new Message().integer(1, DATA_TYPE[port.dtype]).message(2, shape);
  return new Message().text(1, port.name).message(2, new Message().message(1, tensor));
}
