import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_BYTES, ByteQueue } from "../../../../src/gossip/connections/byte-queue.ts";

describe("a queue of bytes", () => {
  it("gives back what it was given, in order, in blocks", () => {
    const length = fc.integer({ min: 0, max: 3 * BLOCK_BYTES });
    fc.assert(
      fc.property(fc.array(fc.option(length), { maxLength: 20 }), (steps) => {
        const queue = new ByteQueue();
        const given: Uint8Array[] = [];
        const taken: Uint8Array[] = [];
        for (const [index, step] of steps.entries()) {
          const piece = new Uint8Array(step ?? 0).fill(index);
          given.push(piece);
          queue.append(piece);
          // no length: something is taken here
          if (step === null) taken.push(queue.take() ?? piece);
        }
        for (let block = queue.take(); block !== null; block = queue.take()) taken.push(block);
        expect(queue.byteLength).toBe(0);
        expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
        expect(taken.every(({ byteLength }) => byteLength <= BLOCK_BYTES)).toBe(true);
      }),
    );
  });

  it("keeps a hundred thousand tiny pieces in nineteen blocks", () => {
    const queue = new ByteQueue();
    for (let count = 0; count < 100_000; count += 1) queue.append(new Uint8Array(12));
    expect(queue.byteLength).toBe(1_200_000);
    let blocks = 0;
    while (queue.take() !== null) blocks += 1;
    expect(blocks).toBe(19);
  });

  it("is empty when it is cleared, and can be filled again", () => {
    const queue = new ByteQueue();
    queue.append(new Uint8Array(100_000));
    queue.clear();
    expect([queue.byteLength, queue.take()]).toEqual([0, null]);
    queue.append(Uint8Array.of(1, 2));
    expect(queue.take()).toEqual(Uint8Array.of(1, 2));
  });
});
