import { expect, test } from "vitest";
import { costOf } from "../../../testnet/simulation/agreed/cost.ts";

// ten real peers that train the 656K model send 405 KB of payloads each in a round, with int8
test("ten members send less for agreement than a twentieth of their payloads, within three messages' time", async () => {
  const { bytesPerRound, medianMs, viewsLost } = await costOf({ members: 10, rounds: 3 });

  expect(bytesPerRound).toBeLessThan(12_000);
  expect(medianMs).toBeLessThan(3 * 100);
  expect(viewsLost).toBe(0);
});

test("what a member adds to a list, a ballot and a block is not told by everybody again", async () => {
  const [few, many] = [
    await costOf({ members: 7, rounds: 2 }),
    await costOf({ members: 28, rounds: 2 }),
  ];

  // four times the members: about four times the messages, not sixteen times the bytes
  expect(many.bytesPerRound).toBeLessThan(6 * few.bytesPerRound);
});
