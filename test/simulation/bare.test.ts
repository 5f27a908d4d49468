import { describe, expect, test } from "vitest";
import { BareSimulation } from "../../testnet/simulation/bare/bare-simulation.ts";
import type { SimulationReport } from "../../testnet/simulation/run.ts";
import { runCommand, runJson } from "../support/command-line.ts";

const scenario = { seed: 3, peers: 30, rounds: 8, steps: 5, rule: "mean", lossRate: 0 } as const;
const run = async (topology: string, more: Partial<typeof scenario> | object = {}) => {
  const simulation = new BareSimulation({ ...scenario, topology, ...more });
  await simulation.run();
  return simulation;
};

describe("peers that are the protocol alone", () => {
  test.each(["regular:4", "torus", "one-peer-exponential", "exponential", "epidemic:2"])(
    "mix in every round and accuse nobody, also where announcements are late: %s",
    async (topology) => {
      const onTime = await run(topology);
      const late = await run(topology, { lossRate: 0.3 });

      for (const { rounds, mixedRounds, accusations } of onTime.peers) {
        expect([rounds, mixedRounds, accusations]).toEqual([8, 8, 0]);
      }
      // whoever is late by more than a grace leaves a round out
      for (const { rounds, mixedRounds, accusations } of late.peers) {
        expect(rounds).toBeGreaterThanOrEqual(6);
        expect([mixedRounds, accusations]).toEqual([rounds, 0]);
      }
    },
  );

  test("tell the same history again, and another for another seed", async () => {
    const first = (await run("base:2")).result();

    expect((await run("base:2")).result()).toEqual(first);
    expect((await run("base:2", { seed: 4 })).result().digest).not.toBe(first.digest);
  });

  test("learn what whole nodes learn, which none does alone", async () => {
    const flags = ["sim", "run", "--peers", "24", "--rounds", "10", "--topology", "regular:6"];
    const steps = await runJson<SimulationReport>([...flags, "--driver", "step"]);
    const nodes = await runJson<SimulationReport>(flags);
    const alone = await run("one-peer-exponential", { peers: 1, rounds: 10 });

    expect(steps.driver).toBe("step");
    expect(nodes.driver).toBe("node");
    expect(Math.abs(steps.loss - nodes.loss)).toBeLessThan(0.01);
    // control
    expect(alone.result().loss).toBeGreaterThan(nodes.loss + 0.03);
  });

  test.each([
    [["--driver", "step", "--attack", "scaled"], "needs whole nodes"],
    [["--peers", "1001", "--topology", "full"], "choose a sparse one"],
  ])("%j is refused with a sentence", async (flags, sentence) => {
    const { code, stderr } = await runCommand(["sim", "run", ...flags]);

    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
  });
});
