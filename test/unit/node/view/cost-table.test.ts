import { expect, test } from "vitest";
import type { RoundCosts } from "../../../../src/node/records/records.ts";
import { costTable, describeCosts } from "../../../../src/node/view/cost-table.ts";
import { linkSpeed } from "../../../../src/node/view/table.ts";

const way = { rank: 8, received: 20_480, overhead: 10_240, seconds: null, isChosen: false };
const costs: RoundCosts = {
  budget: null,
  link: null,
  ways: [
    { ...way, codec: "float32", payload: 10_240, sent: 20_480, loss: null, isChosen: true },
    { ...way, codec: "sign", payload: 1024, sent: 11_264, loss: 1.06 },
  ],
};
const onLink: RoundCosts = {
  ...{ budget: 65_536, link: 2_500_000 },
  ways: costs.ways.map((each, i) => ({ ...each, seconds: i === 0 ? 120 : 0.5 })),
};

test("one line says how updates travel and what it costs", () => {
  expect(describeCosts(costs)).toBe(
    "float32, rank 8: about 20.0 KiB sent a round, 10.0 KiB of it besides payloads",
  );
  expect(describeCosts(onLink)).toBe(
    "float32, rank 8: about 20.0 KiB sent a round of at most 64.0 KiB, 10.0 KiB of it besides payloads, 2 min at 2.5 Mbit/s",
  );
});

test("the table marks the chosen way, and has seconds where the link is known", () => {
  const [header, chosen, other] = costTable(onLink);

  expect(header).toMatch(
    /^ +a round +rank +payload +sent +received +overhead +at 2.5 Mbit\/s +loss/,
  );
  expect(chosen).toMatch(/^\* +float32 .* 2 min +-$/);
  expect(other).toMatch(/^ +sign .* 0.5 s +1.06$/);
  expect(costTable(costs)[0]).not.toContain("bit/s");
});

test.each([
  [1, "1 bit/s"],
  [1000, "1 kbit/s"],
  [999_999, "1000 kbit/s"],
  [10_000_000, "10 Mbit/s"],
  [1e12, "1 Tbit/s"],
])("%i bits a second are %s", (speed, text) => {
  expect(linkSpeed(speed)).toBe(text);
});
