import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Address, addressOf } from "../../../../src/gossip/connections/address.ts";
import type { Range } from "../../../../src/gossip/connections/address-range.ts";
import { KnownAddresses, MAX_LEARNT } from "../../../../src/gossip/connections/known-addresses.ts";

const at = (port: number, host = "1.2.3.4"): Address => addressOf("ip4", host, port);
const ports = (known: KnownAddresses) => known.learnt.map(({ address }) => address.port);
const range = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => at(from + index));

describe("the addresses of one peer", () => {
  it("are the operator's, and at most four that were told, whatever is told how often", () => {
    const telling = fc.record({
      teller: fc.constantFrom("itself", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"),
      ports: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 300 }),
      over: fc.constantFrom<Range>("public", "private", "loopback"),
      host: fc.constantFrom("1.2.3.4", "10.0.0.1", "127.0.0.1"),
    });
    fc.assert(
      fc.property(fc.array(telling, { maxLength: 40 }), (tellings) => {
        const known = new KnownAddresses();
        known.pin(range(1, 10));
        for (const { teller, ports: told, over, host } of tellings) {
          const addresses = told.map((port) => at(port, host));
          if (teller === "itself") known.say(addresses, over);
          else known.report(teller, addresses, over);
          if (told.length % 7 === 0) known.failed();
        }
        expect(known.operator).toEqual(range(1, 10));
        const learnt = known.learnt.map(({ address }) => address.text);
        expect(learnt.length).toBeLessThanOrEqual(MAX_LEARNT);
        expect(new Set([...learnt, ...known.operator.map(({ text }) => text)]).size).toBe(
          learnt.length + 10,
        );
      }),
    );
  });

  it("begin where it answered last, then its own words, then others'", () => {
    const known = new KnownAddresses();
    known.report("b", [at(30), at(31)], "public");
    known.say([at(20), at(21), at(22)], "public");
    known.reached({ address: at(31), over: "public" });
    expect(ports(known)).toEqual([31, 20, 21, 30]);
    known.failed();
    expect(ports(known)).toEqual([20, 21, 30, 31]);
  });

  it("are never all of one teller, and a teller that failed waits behind the others", () => {
    const known = new KnownAddresses();
    known.report("liar", range(100, 200), "public");
    known.report("b", [at(30)], "public");
    known.report("liar", range(300, 200), "public");
    expect(ports(known)).toEqual([300, 30, 301]);
    known.failed();
    expect(ports(known)).toEqual([30, 300, 301]);
    // a fifth, sixth, ... teller takes the last place in the row
    for (let index = 0; index < 50; index += 1) known.report(`sybil ${index}`, [at(500)], "public");
    expect(ports(known)[0]).toBe(30);
  });

  it("that the peer says of itself replace what it said before, unless none can be used", () => {
    const known = new KnownAddresses();
    known.say([at(20)], "public");
    known.say([at(21, "10.0.0.1"), at(22, "127.0.0.1")], "public");
    expect(ports(known)).toEqual([20]);
    known.say([at(23, "10.0.0.1")], "private");
    expect(ports(known)).toEqual([23]);
  });

  it("are told to others without hearsay, which nobody has proved", () => {
    const known = new KnownAddresses();
    known.pin([at(10)]);
    known.say([at(20)], "public");
    known.report("liar", [at(30)], "public");
    known.reached({ address: at(30), over: "public" });
    expect(known.forOthers.map(({ port }) => port)).toEqual([20, 10]);
  });
});
