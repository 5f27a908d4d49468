import { describe, expect, it } from "vitest";
import { dialReason } from "../../../../src/gossip/connections/dial-reason.ts";

const coded = (code: string) => Object.assign(new Error(`connect ${code} 1.2.3.4:1`), { code });
const named = (name: string, message = "") => Object.assign(new Error(message), { name });

describe("the reason of a failed attempt", () => {
  it.each([
    [coded("ECONNREFUSED"), "connection refused"],
    [new Error("outside", { cause: coded("ENOTFOUND") }), "no such name"],
    [new AggregateError([coded("ENETUNREACH")], "All failed"), "no way to that host"],
    [named("TimeoutError"), "no answer in time"],
    [
      named("EncryptionFailedError", "Payload identity key A does not match expected key B"),
      "another peer answers there",
    ],
    [named("EncryptionFailedError", "closed"), /^no handshake/],
  ])("of %s is told in words", (error, words) => {
    expect(dialReason(error)).toMatch(words);
  });

  it("of something unknown is one short line of plain characters", () => {
    expect(dialReason(new Error(`\u001b[31m${"x".repeat(500)}\nsecond`))).toMatch(/^[ -~]{100}$/);
    expect(dialReason("thrown")).toBe("thrown");
    const circle = new Error("around");
    circle.cause = circle;
    expect(dialReason(circle)).toBe("around");
  });
});
