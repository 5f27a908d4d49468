import { describe, expect, test } from "vitest";
import { MEASURED, OVERHEAD } from "../../../../src/node/budget/measured.ts";
import { priceOf } from "../../../../src/node/budget/price.ts";
import { openSettled, roundCosts, settled } from "../../../../src/node/budget/settle.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";
import { runDigest } from "../../../../src/node/peer/manifest.ts";
import { lengthAt, rankIn } from "../../../../src/training/index.ts";
import { layoutOf } from "../../../support/budget-layout.ts";

const MEMBERS = [
  "12D3KooWLmmAoYR4XQSzjBCUvN54u6oycubQnGv829J8LMhp8h4S",
  "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM",
  "12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2",
  "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo",
  "12D3KooWAnna11111111111111111111111111111111111111111",
];

const LAYOUT = layoutOf(8);
const KIB = 1024;

type Tree = {
  readonly run?: object;
  readonly network?: object;
  readonly training?: object;
  readonly init?: string;
};

const configOf = ({ run, ...rest }: Tree) =>
  parseConfig({ ...rest, run: { members: MEMBERS, mode: "agreed", ...run } }, "/");

/** What is chosen, in short. */
function choiceOf(run: object, layout = LAYOUT, rest: Tree = {}) {
  const { run: found } = settled(configOf({ ...rest, run }), layout);
  return [found.codec, found.adapter.rank, found.optimizer.learningRate];
}

/** Bytes of a round by a measured way. */
const costOf = (run: object, codec: "int8" | "int2" | "sign", rank: number) =>
  priceOf(configOf({ run }).run, codec, lengthAt(LAYOUT, rank)).sent;

test("the measured ways go from most bytes to fewest, and a cheaper one is at most 5 % better", () => {
  for (const mode of ["gossip", "agreed"] as const) {
    const ways = MEASURED[mode];
    const sizes = ways.map(({ codec, rank }) => {
      const { run } = configOf({ run: { mode } });
      return priceOf(run, codec, lengthAt(LAYOUT, rank)).sent;
    });
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    for (const [i, { loss }] of ways.entries()) {
      for (const cheaper of ways.slice(i)) expect(cheaper.loss).toBeGreaterThan(0.95 * loss);
    }
  }
});

describe("a price", () => {
  const payload = (length: number) => 12 + Math.ceil(length / 1024) + length;

  test.each([
    ["agreed counts every other member", { mode: "agreed" }, 4],
    ["gossip counts the neighbours: all", { mode: "gossip" }, 4],
    ["of a ring two", { mode: "gossip", topology: "ring" }, 2],
    ["of a regular graph its degree", { mode: "gossip", topology: "regular:2" }, 2],
    ["of two members one", { members: MEMBERS.slice(0, 2) }, 1],
    ["alone none", { members: MEMBERS.slice(0, 1) }, 0],
  ])("%s", (_, run, partners) => {
    const { members, ...rest } = configOf({ run }).run;
    const price = priceOf({ ...rest, members }, "int8", LAYOUT.length);
    const overhead = OVERHEAD[rest.mode as "gossip"] * (members.length - 1);

    expect(price.payload).toBe(payload(LAYOUT.length));
    expect(price.overhead).toBe(overhead);
    expect(price.sent).toBe(partners * payload(LAYOUT.length) + overhead);
    expect(price.received).toBe(price.sent);
  });
});

describe("a budget", () => {
  test("of none leaves int8 and rank 8", () => {
    expect(choiceOf({})).toEqual(["int8", 8, "auto"]);
  });

  test.each(["gossip", "agreed"] as const)(
    "in mode %s takes the dearest measured way that keeps to it, to the byte",
    (mode) => {
      for (const { codec, rank, learningRate } of MEASURED[mode]) {
        const bytesPerRound = costOf({ mode }, codec as "int8", rank);
        const found = choiceOf({ mode, bytesPerRound });
        expect(found).toEqual([codec, rank, learningRate ?? "auto"]);
        // control: with a byte less it does not keep to it
        const cheaper = () => choiceOf({ mode, bytesPerRound: bytesPerRound - 1 });
        if (codec === MEASURED[mode].at(-1)?.codec && rank === MEASURED[mode].at(-1)?.rank) {
          expect(cheaper).toThrow(/the fewest that work here/);
        } else expect(cheaper()).not.toEqual(found);
      }
    },
  );

  test("chooses by neighbours in mode gossip: what is too little for all does for a ring", () => {
    const bytesPerRound = costOf({ mode: "gossip", topology: "ring" }, "int8", 8);

    expect(choiceOf({ mode: "gossip", topology: "ring", bytesPerRound })[0]).toBe("int8");
    expect(choiceOf({ mode: "gossip", bytesPerRound })[0]).not.toBe("int8");
  });

  test.each([
    ["a rank that is named", { adapter: { rank: 16 } }, {}],
    ["another method", { adapter: { kind: "rslora" } }, {}],
    ["an adapter to begin from", {}, { init: "/adapter" }],
  ])("leaves %s, and finds a codec for it", (_, run, rest) => {
    const rank = "adapter" in run && "rank" in run.adapter ? 16 : 8;
    const signs = priceOf(configOf({ run }).run, "sign", lengthAt(LAYOUT, rank)).sent;

    expect(choiceOf({ ...run, bytesPerRound: signs }, LAYOUT, rest)).toEqual([
      ...["sign", rank],
      "auto",
    ]);
    expect(() => choiceOf({ ...run, bytesPerRound: signs - 1 }, LAYOUT, rest)).toThrow(/fewest/);
  });

  test("leaves a learning rate that is named", () => {
    const bytesPerRound = costOf({}, "sign", 4);
    const optimizer = { learningRate: 0.002 };

    expect(choiceOf({ bytesPerRound, optimizer })).toEqual(["sign", 4, 0.002]);
  });

  test("leaves a codec that is named, measured or not", () => {
    const most = 1024 * KIB;

    expect(choiceOf({ codec: "ternary", bytesPerRound: most })[0]).toBe("ternary");
    expect(choiceOf({ codec: "sign", bytesPerRound: most })).toEqual(["sign", 8, "auto"]);
    // control: with the same budget int8 would be taken
    expect(choiceOf({ bytesPerRound: most })[0]).toBe("int8");
    // the codec stays and the rank falls
    expect(choiceOf({ codec: "sign", bytesPerRound: costOf({}, "sign", 4) })[1]).toBe(4);
  });

  test("and a codec that it has no room for are refused in one line, with what would do", () => {
    const needed = costOf({}, "int8", 8);
    const refused = () => choiceOf({ codec: "int8", bytesPerRound: 100 * KIB });

    expect(refused).toThrow(
      /^run.codec int8 and run.bytesPerRound 100 KiB contradict: .* sends [0-9]+ KiB/,
    );
    expect(refused).toThrow(
      expect.objectContaining({
        code: "usage",
        hint: expect.stringContaining(`${Math.ceil(needed / KIB)}KiB`),
      }),
    );
    expect(choiceOf({ codec: "int8", bytesPerRound: needed })[0]).toBe("int8");
  });

  test("that is too small is refused with the smallest that works, which does", () => {
    const refusal = (): { message: string; hint: string } => {
      try {
        choiceOf({ bytesPerRound: 2 * KIB });
      } catch (error) {
        return error as { message: string; hint: string };
      }
      throw new Error("it was accepted");
    };
    const [, least] = /run\.bytesPerRound ([0-9]+KiB)/.exec(refusal().hint) ?? [];

    expect(refusal().message).toMatch(
      /^run.bytesPerRound is 2.0 KiB, and the fewest .*\(sign at rank 4\)$/,
    );
    expect(choiceOf({ bytesPerRound: least })).toEqual(["sign", 4, 0.005]);
  });
});

describe("alike on every member", () => {
  const info = { modelDigest: "a".repeat(64), tokenizerDigest: "b".repeat(64), layout: LAYOUT };
  const idOf = (tree: Tree, layout = LAYOUT) =>
    runDigest(settled(configOf(tree), layout).run, info);
  const bytesPerRound = costOf({}, "sign", 4);
  const budget = { run: { bytesPerRound } };

  test("whatever its link, the order of its members and the rank that it was opened at", () => {
    const id = idOf(budget);

    for (const link of ["1kbit", "100Gbit"])
      expect(idOf({ ...budget, network: { link } })).toBe(id);
    expect(idOf({ run: { bytesPerRound, members: MEMBERS.toReversed() } })).toBe(id);
    expect(idOf(budget, layoutOf(4))).toBe(id);
    expect(idOf(budget, layoutOf(2))).toBe(id);
    // control: another choice is another run
    expect(idOf({ run: { bytesPerRound: 1024 * KIB } })).not.toBe(id);
  });

  test("the run is the one that names what was chosen, and one of another budget that chooses alike", () => {
    const named = {
      codec: "sign",
      adapter: { rank: 4 },
      optimizer: { learningRate: 0.005 },
    };

    expect(idOf({ run: named })).toBe(idOf(budget));
    expect(idOf({ run: { bytesPerRound: bytesPerRound + 1 } })).toBe(idOf(budget));
    expect(idOf({ run: { ...named, optimizer: {} } })).not.toBe(idOf(budget));
    expect(idOf({})).toBe(idOf({ run: { codec: "int8", adapter: { rank: 8 } } }));
  });
});

describe("a learner", () => {
  const opened: number[] = [];
  const closed: number[] = [];
  const open = async ({
    run,
  }: {
    readonly run: { readonly adapter: { rank: number | "auto" } };
  }) => {
    const rank = run.adapter.rank === "auto" ? 8 : run.adapter.rank;
    opened.push(rank);
    return {
      info: { layout: layoutOf(rank) },
      close: async () => {
        closed.push(rank);
      },
    };
  };
  const rankFor = async (run: object) => {
    opened.length = 0;
    closed.length = 0;
    const { learner, config } = await openSettled(configOf({ run }), open);
    return [rankIn(learner.info.layout), config.run.adapter.rank];
  };

  test("is opened again where the budget wants another rank, and only then", async () => {
    expect(await rankFor({ bytesPerRound: costOf({}, "sign", 4) })).toEqual([4, 4]);
    expect([opened, closed]).toEqual([[8, 4], [8]]);

    expect(await rankFor({ bytesPerRound: costOf({}, "sign", 8) })).toEqual([8, 8]);
    expect([opened, closed]).toEqual([[8], []]);
  });

  test("is closed where nothing keeps to the budget", async () => {
    await expect(rankFor({ bytesPerRound: "2KiB" })).rejects.toThrow(/fewest/);
    expect([opened, closed]).toEqual([[8], [8]]);
  });
});

describe("what is told of a round", () => {
  const tree = (run: object, link: string | null = null) =>
    roundCosts(configOf({ run, network: { link } }), LAYOUT);

  test("are the chosen way and the others, with their seconds on the link", () => {
    const { link, ways } = tree({ bytesPerRound: costOf({}, "sign", 8) }, "10Mbit");
    const names = ways.map(({ codec, rank, isChosen }) => `${codec} ${rank}${isChosen ? "*" : ""}`);

    expect(names).toEqual(["int8 8", "int2 8", "sign 8*", "sign 4"]);
    expect(link).toBe(10_000_000);
    for (const { seconds, sent } of ways) expect(seconds).toBeCloseTo((8 * sent) / 1e7, 9);
    // control
    expect(tree({}).ways.every(({ seconds }) => seconds === null)).toBe(true);
  });

  test("of a node of a lower rank it sends less than it receives, whatever rank the budget chooses for all", () => {
    const told = (rank: number | null) =>
      roundCosts(
        configOf({ training: { rank }, run: { codec: "int8", rankMin: 2 } }),
        LAYOUT,
      ).ways.find(({ isChosen }) => isChosen);
    const [whole, low] = [told(null), told(2)];
    expect(low?.received).toBe(whole?.sent);
    expect(low?.sent).toBe(priceOf(configOf({}).run, "int8", lengthAt(LAYOUT, 2)).sent);
    expect(low?.sent).toBeLessThan(0.5 * (whole?.sent ?? 0));
    // the run's rank is chosen by what all have alike
    const bytesPerRound = costOf({}, "sign", 8);
    const training = { rank: 2 };
    expect(choiceOf({ bytesPerRound, rankMin: 2 }, LAYOUT, { training })).toEqual(
      choiceOf({ bytesPerRound }),
    );
  });

  test("a way that was not measured stands beside those that were, in its place", () => {
    const { ways } = tree({ codec: "float32" });

    expect(ways[0]).toMatchObject({ codec: "float32", rank: 8, loss: null, isChosen: true });
    expect(ways.filter(({ isChosen }) => isChosen)).toHaveLength(1);
    const masked = tree({ codec: "masked" }).ways;
    expect(masked.at(-1)).toMatchObject({ codec: "masked", isChosen: true });
  });
});

test("what a budget chooses suits the topology, as what is named has to", () => {
  const run = { mode: "gossip", topology: "one-peer-exponential" };
  const within = (codec: "int8" | "int2") => ({ ...run, bytesPerRound: costOf(run, codec, 8) });
  expect(() => choiceOf(within("int2"))).toThrow(/codec int2 needs neighbours that stay/);
  expect(choiceOf(within("int8"))[0]).toBe("int8");
});
