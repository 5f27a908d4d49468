import fc from "fast-check";
import { expect, test } from "vitest";
import { VirtualTime } from "../../../../testnet/simulation/virtual-time.ts";

test("actions run in the order of time, and those of one instant in the order they were planned", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 })), async (delays) => {
      const time = new VirtualTime();
      const ran: { readonly at: number; readonly place: number }[] = [];
      for (const [place, delay] of delays.entries()) {
        time.after(delay, () => ran.push({ at: time.now, place }));
      }

      await time.run(100, () => false);

      const planned = delays.map((at, place) => ({ at, place }));
      expect(ran).toEqual(planned.sort((a, b) => a.at - b.at || a.place - b.place));
    }),
    { numRuns: 50 },
  );
});

test("what an action plans for its own instant comes after all that was planned for it before", async () => {
  const time = new VirtualTime();
  const ran: string[] = [];
  time.after(5, () => {
    ran.push("first");
    time.after(0, () => ran.push("third"));
    queueMicrotask(() => ran.push("settled"));
  });
  time.after(5, () => ran.push("second"));
  time.after(6, () => ran.push("later"));

  await time.run(100, () => false);

  expect(ran).toEqual(["first", "second", "third", "settled", "later"]);
});

test("time stops at its bound, and when all is done", async () => {
  const time = new VirtualTime();
  const ran: number[] = [];
  for (const delay of [1, 2, 30]) time.after(delay, () => ran.push(delay));

  await time.run(100, () => ran.length === 1);
  expect(ran).toEqual([1]);
  await time.run(20, () => false);
  expect(ran).toEqual([1, 2]);
});
