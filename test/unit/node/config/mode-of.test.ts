import { describe, expect, test } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { settled } from "../../../../src/node/budget/settle.ts";
import { parseConfig } from "../../../../src/node/config/load.ts";
import {
  modeOf,
  requireConnections,
  requireMode,
  requireRanks,
} from "../../../../src/node/config/mode-of.ts";
import { Neighbourhoods } from "../../../../src/node/peer/neighbourhoods.ts";
import { layoutOf } from "../../../support/budget-layout.ts";
import { PEERS } from "../node-samples.ts";

const MEMBERS = [
  ...PEERS,
  "12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2",
  "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo",
];
const runOf = (run: object) => parseConfig({ run: { members: MEMBERS, ...run } }, "/").run;

describe("the mode of a run", () => {
  test.each([
    ["gossip where nothing is said", {}, "gossip"],
    ["agreed where auto finds four members and a full topology", { mode: "auto" }, "agreed"],
    ["gossip where auto finds three", { mode: "auto", members: MEMBERS.slice(1) }, "gossip"],
    ["gossip where auto finds a ring", { mode: "auto", topology: "ring" }, "gossip"],
    ["gossip where auto finds changes", { mode: "auto", roster: [`8 -${PEERS[0]}`] }, "gossip"],
    ["agreed where that is said", { mode: "agreed", members: MEMBERS.slice(1) }, "agreed"],
  ])("is %s", (_, run, mode) => {
    expect(modeOf(runOf(run))).toBe(mode);
    expect(() => requireMode(runOf(run))).not.toThrow();
  });

  test.each([
    ["another topology", { topology: "ring" }, /full topology, and run.topology is ring/],
    ["changes of the members", { roster: [`8 -${PEERS[0]}`] }, /knows no run.roster/],
  ])("agreed is refused with %s, with a way out, before a node begins", (_, run, message) => {
    const agreed = runOf({ mode: "agreed", ...run });

    expect(() => requireMode(agreed)).toThrow(message);
    expect(() => new Neighbourhoods(agreed, PEERS[0])).toThrow(KlatchError);
    // control
    expect(() => new Neighbourhoods(runOf(run), PEERS[0])).not.toThrow();
  });

  test.each(["ternary", "sparse"])(
    "agreed is refused with %s and a rule by coordinate, which leaves nothing of it",
    (codec) => {
      const run = (rule: string, name = codec) =>
        runOf({ mode: "agreed", codec: name, agreedRule: rule });
      for (const rule of ["median", "trimmed-mean"]) {
        expect(() => requireMode(run(rule))).toThrow(/tells other values of each member/);
        // control
        expect(() => requireMode(run(rule, "masked"))).not.toThrow();
      }
      expect(() => requireMode(run("check-twins"))).not.toThrow();
    },
  );

  test.each(["ternary", "sparse", "masked"])("gossip is refused with %s", (codec) => {
    expect(() => requireMode(runOf({ codec }))).toThrow(/mode gossip takes updates of all values/);
    // control
    expect(() => requireMode(runOf({ codec, mode: "agreed" }))).not.toThrow();
  });

  test.each(["one-peer-exponential", "base:2", "epidemic:3"])(
    "gossip is refused with tracks and %s, whose neighbours do not stay",
    (topology) => {
      for (const codec of ["int4", "int2", "sign"]) {
        expect(() => requireMode(runOf({ codec, topology }))).toThrow(/needs neighbours that stay/);
        // control
        expect(() => requireMode(runOf({ codec, topology: "exponential" }))).not.toThrow();
      }
      expect(() => requireMode(runOf({ topology }))).not.toThrow();
      expect(() => requireMode(runOf({ topology, mode: "agreed" }))).toThrow(/full topology/);
    },
  );

  test("gossip is refused with signs and momentum, which drives peers apart", () => {
    const of = (momentum: number | "auto", codec: string, mode = "gossip") =>
      runOf({ codec, mode, outer: { momentum } });

    expect(() => requireMode(of(0.3, "sign"))).toThrow(/drives peers apart that tell signs/);
    // control
    for (const run of [
      of("auto", "sign"),
      of(0, "sign"),
      of(0.3, "int2"),
      of(0.3, "sign", "agreed"),
    ])
      expect(() => requireMode(run)).not.toThrow();
  });

  test("a topology with other neighbours in every round is refused where not all may be connected", () => {
    const config = (topology: string, maxPeers: number) =>
      parseConfig({ run: { members: MEMBERS, topology }, network: { maxPeers } }, "/");
    expect(() => requireConnections(config("base:2", 2))).toThrow(/network.maxPeers is 2/);
    // control
    expect(() => requireConnections(config("base:2", MEMBERS.length - 1))).not.toThrow();
    expect(() => requireConnections(config("regular:2", 2))).not.toThrow();
  });

  test.each(["int8", "float32", "int4", "int2", "sign"])("both modes take %s", (codec) => {
    expect(() => requireMode(runOf({ codec }))).not.toThrow();
    expect(() => requireMode(runOf({ codec, mode: "agreed" }))).not.toThrow();
  });
});

describe("the rank that a node trains of the run's", () => {
  const configOf = (training: object, run: object = {}) =>
    parseConfig({ training, run: { members: MEMBERS, mode: "agreed", ...run } }, "/");

  const several = { rankMin: 2 };

  test.each([
    ["all of it where nothing is said", {}, {}],
    ["all of it in a run of several", {}, several],
    ["less than the run has, where that takes it", { rank: 2 }, several],
    ["all that the run has", { rank: 16 }, { adapter: { rank: 16 } }],
    ["the same for all in mode gossip", { rank: 8 }, { mode: "gossip" }],
    ["less of another method with ranks", { rank: 4 }, { ...several, adapter: { kind: "dora" } }],
  ])("may be %s", (_, training, run) => {
    expect(() => requireRanks(configOf(training, run))).not.toThrow();
  });

  test.each([
    ["more than the run has", { rank: 9 }, several, /training.rank is 9, and the run has rank 8/],
    ["less where all have one", { rank: 7 }, {}, /the run takes no rank below 8/],
    ["less than the run takes", { rank: 1 }, several, /the run takes no rank below 2/],
    ["less in mode gossip", { rank: 2 }, { mode: "gossip" }, /mode gossip has one rank for all/],
    ["one of several in mode gossip", {}, { ...several, mode: "gossip" }, /one rank for all/],
    ["one of a method without", { rank: 1 }, { adapter: { kind: "ia3" } }, /ia3 has no rank/],
    ["one of several with codec masked", {}, { ...several, codec: "masked" }, /the same values/],
    ["of a run whose lowest is above", {}, { rankMin: 9 }, /run.rankMin is 9, and the run has/],
  ])("may not be %s, which one line says with a way out", (_, training, run, message) => {
    expect(() => requireRanks(configOf(training, run))).toThrow(message);
  });

  test("is checked where codec and rank are settled, before a node begins", () => {
    const layout = layoutOf(8);
    expect(() => settled(configOf({ rank: 9 }), layout)).toThrow(KlatchError);
    expect(() => settled(configOf({ rank: 8 }), layout)).not.toThrow();
  });
});
