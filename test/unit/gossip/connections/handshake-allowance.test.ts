import { describe, expect, it } from "vitest";
import { HandshakeAllowance } from "../../../../src/gossip/connections/handshake-allowance.ts";

const rates = {
  strangers: { burst: 2, refillMs: 1000 },
  homes: { burst: 4, refillMs: 100 },
};
const [HOST, OTHER] = ["192.0.2.1", "192.0.2.2"];

/** How many handshakes of a host may begin at this moment. */
function begun(allowance: HandshakeAllowance, host: string, now: number): number {
  let count = 0;
  while (allowance.has(host, now) && allowance.take(host, now)) count += 1;
  return count;
}

describe("handshakes in vain", () => {
  it("are as many as a host may begin, and no other host pays", () => {
    const allowance = new HandshakeAllowance(rates);
    expect(begun(allowance, HOST, 0)).toBe(2);
    expect(allowance.take(HOST, 999)).toBe(false);
    expect(allowance.take(HOST, 1000)).toBe(true);
    expect(begun(allowance, OTHER, 1000)).toBe(2);
  });

  it("of a host where a member is are more: it is not kept out by who shares its address", () => {
    const allowance = new HandshakeAllowance(rates);
    begun(allowance, HOST, 0);
    allowance.isHome(HOST, { hasBegun: false });
    expect(begun(allowance, HOST, 0)).toBe(4);
    expect(begun(allowance, HOST, 200)).toBe(2);
  });

  it("are not those of members, however many come at once", () => {
    const allowance = new HandshakeAllowance(rates);
    for (let member = 0; member < 100; member += 1) {
      expect(allowance.take(HOST, 0)).toBe(true);
      allowance.isHome(HOST, { hasBegun: true });
    }
  });

  it("are remembered of a bounded number of hosts", () => {
    const allowance = new HandshakeAllowance(rates);
    allowance.isHome(HOST, { hasBegun: false });
    for (let i = 0; i < 5000; i += 1) allowance.isHome(`host ${i}`, { hasBegun: true });
    expect(begun(allowance, HOST, 0)).toBe(2);
  });
});
