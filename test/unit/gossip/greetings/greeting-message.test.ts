import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeGreeting,
  encodeGreeting,
  MAX_BODY_BYTES,
} from "../../../../src/gossip/greetings/greeting-message.ts";

describe("a greeting", () => {
  it("arrives as it was sent", () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 31),
        fc.boolean(),
        fc.uint8Array({ maxLength: 200 }),
        (sentAt, leaves, body) => {
          const message = { sentAt, leaves, body };
          expect(decodeGreeting(encodeGreeting(message))).toEqual(message);
        },
      ),
    );
  });

  it("may be as large as its limit says", () => {
    const message = { sentAt: 1, leaves: false, body: new Uint8Array(MAX_BODY_BYTES) };
    expect(decodeGreeting(encodeGreeting(message))?.body).toHaveLength(MAX_BODY_BYTES);
  });

  it.each([
    ["of another version", [2, 1, false, new Uint8Array()]],
    ["without a time", [1, "noon", false, new Uint8Array()]],
    ["from before all time", [1, -1, false, new Uint8Array()]],
    ["with a body that is no bytes", [1, 1, false, "text"]],
    ["with a body that is too large", [1, 1, false, new Uint8Array(MAX_BODY_BYTES + 1)]],
    ["with a part too few", [1, 1, false]],
    ["with a part too many", [1, 1, false, new Uint8Array(), 1]],
  ])("%s is refused", (_, value) => {
    expect(decodeGreeting(encode(value))).toBeNull();
  });

  it("that is anything at all is refused or read, and throws never", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => decodeGreeting(bytes)).not.toThrow();
      }),
    );
  });
});
