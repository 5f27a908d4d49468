import type { MultiaddrConnection } from "@libp2p/interface";
import { describe, expect, it } from "vitest";
import { MemberLinks } from "../../../../src/gossip/connections/member-links.ts";

const link = () =>
  Object.assign(new EventTarget(), { status: "open" }) as unknown as MultiaddrConnection;
const close = (each: MultiaddrConnection) => each.dispatchEvent(new Event("close"));

describe("the connections of a member", () => {
  it("are two; another is admitted when one of them closes", async () => {
    const links = new MemberLinks({ most: 2, probe: async () => undefined });
    const [first, second] = [link(), link()];
    expect(await links.admit("peer", first)).toBe(true);
    expect(await links.admit("peer", second)).toBe(true);
    expect(await links.admit("peer", link())).toBe(false);
    expect(await links.admit("other", link())).toBe(true);
    close(first);
    expect(await links.admit("peer", link())).toBe(true);
    expect(links.count("peer")).toBe(2);
  });

  it("are asked whether they are alive before another is refused", async () => {
    const [dead, alive] = [link(), link()];
    const probe = async () => {
      close(dead);
    };
    const links = new MemberLinks({ most: 2, probe });
    await links.admit("peer", dead);
    await links.admit("peer", alive);
    expect(await links.admit("peer", link())).toBe(true);
    expect(await links.admit("peer", link())).toBe(false);
  });

  it("are counted before they are open: of ten at the same moment two are admitted", async () => {
    const links = new MemberLinks({ most: 2, probe: async () => undefined });
    const all = Array.from({ length: 10 }, () => links.admit("peer", link()));
    expect((await Promise.all(all)).filter(Boolean)).toHaveLength(2);
  });

  it("are none when they are closed", async () => {
    const links = new MemberLinks({ most: 2, probe: async () => undefined });
    const only = link();
    await links.admit("peer", only);
    close(only);
    expect(links.count("peer")).toBe(0);
    expect(await links.admit("peer", Object.assign(link(), { status: "closed" }))).toBe(false);
  });
});
