import { describe, expect, test } from "vitest";
import { LentFiles } from "../../../../src/gossip/files/lent-files.ts";
import type { FileLender, GivenFile } from "../../../../src/gossip/index.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const FILE: GivenFile = { byteLength: 3 * MIB, read: async (_, length) => new Uint8Array(length) };

/** A lender of files a and b for anna, of which b is not what it was. */
function lent() {
  const opened: string[] = [];
  const refused: string[] = [];
  const opening = Promise.withResolvers<void>();
  const lender: FileLender = {
    files: new Map([
      ["a", 3 * MIB],
      ["b", 1],
    ]),
    isFor: (peer) => peer === "anna",
    open: async (digest) => {
      opened.push(digest);
      await opening.promise;
      return digest === "a" ? FILE : null;
    },
  };
  let now = 0;
  const files = new LentFiles(lender, {
    now: () => now,
    onRefused: (peer, why) => void refused.push(`${peer}: ${why}`),
  });
  const pass = (ms: number) => {
    now += ms;
  };
  return { files, opened, refused, pass, ready: opening.resolve };
}

describe("files that are lent", () => {
  test("are opened once, and closed until then", async () => {
    const { files, opened, refused, ready } = lent();
    expect([files.look("a", "anna"), files.look("a", "anna")]).toEqual(["closed", "closed"]);
    const waiting = files.change("a", 60_000, never);
    ready();
    await waiting;
    expect(files.look("a", "anna")).toBe(FILE);
    expect([opened, refused]).toEqual([["a"], []]);
  });

  test("wake who waits after the time, and at the signal", async () => {
    const { files } = lent();
    files.look("a", "anna");
    await files.change("a", 1, never);
    await files.change("a", 60_000, AbortSignal.abort());
    expect(files.look("a", "anna")).toBe("closed");
  });

  test("are not given to strangers, by other digests, or when they are not what they were", async () => {
    const { files, opened, refused, ready } = lent();
    ready();
    expect([files.look("a", "bert"), files.look("c", "anna")]).toEqual(["unknown", "unknown"]);
    expect(opened).toEqual([]);
    files.look("b", "anna");
    await files.change("b", 60_000, never);
    expect(files.look("b", "anna")).toBe("unknown");
    expect(refused).toEqual([
      ...["bert: it has no seat", "anna: no such file is given"],
      "anna: the file is not what it was",
    ]);
  });

  test("are given several times to a peer, not without end", async () => {
    const { files, refused, pass, ready } = lent();
    ready();
    files.look("a", "anna");
    await files.change("a", 60_000, never);
    // four times four chunks, and some that are spare
    const given = Array.from({ length: 1000 }, () => files.look("a", "anna"));
    expect(given.filter((each) => each === FILE)).toHaveLength(4 * (3 + 1 + 64));
    expect(refused.at(-1)).toBe("anna: it has had all several times");
    pass(1000);
    expect(files.look("a", "anna")).toBe(FILE);
  });
});
