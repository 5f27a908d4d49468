import assert from "node:assert/strict";
import { decode, encode, rfc8949EncodeOptions, Tokenizer } from "cborg";

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  rejectDuplicateMapKeys: true,
};

/** Deterministic CBOR (RFC 8949 section 4.2.1): equal values give equal bytes. */
export function encodeCanonical(value: unknown): Uint8Array {
  // a plain array of its own: what the encoder returns is a Buffer in Node
  return Uint8Array.from(encode(value, rfc8949EncodeOptions));
}

/**
 * Reads deterministic CBOR. Anything else is refused: trailing bytes, indefinite lengths, duplicate keys, and any
 * encoding that is not the one {@link encodeCanonical} would have produced, so that a value has one signature.
 *
 * @param maxItems - Values, nested ones and containers included, above which the bytes are refused: a byte of them may
 * cost a hundred in memory.
 * @returns the value, or undefined (which CBOR is not allowed to carry here) when the bytes are refused.
 */
export function decodeCanonical(bytes: Uint8Array, maxItems = Number.POSITIVE_INFINITY): unknown {
  try {
    const tokenizer = new BoundedTokenizer(bytes, maxItems);
    const value: unknown = decode(bytes, { ...DECODE_OPTIONS, tokenizer });
    return Buffer.compare(encodeCanonical(value), bytes) === 0 ? value : undefined;
  } catch (error) {
    // the decoder reports every malformed input, depth included, by throwing
    assert(error instanceof Error);
    return undefined;
  }
}

class BoundedTokenizer extends Tokenizer {
  #left: number;

  constructor(bytes: Uint8Array, maxItems: number) {
    super(bytes, DECODE_OPTIONS);
    this.#left = maxItems;
  }

  override next(): ReturnType<Tokenizer["next"]> {
    this.#left -= 1;
    if (this.#left < 0) throw new RangeError("more values than are allowed");
    return super.next();
  }
}
