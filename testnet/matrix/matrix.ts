import { KlatchError } from "../../src/errors.ts";
import { checkOutFolder } from "../../src/node/folders/out-folder.ts";
import { mean } from "../../src/node/view/quantities.ts";
import type { Learner } from "../../src/training/index.ts";
import { ATTACKS } from "../attacks/catalogue.ts";
import { trainAlone } from "../baselines.ts";
import type { PeerData } from "../data/run-data.ts";
import { type AgreedRun, runAgreed } from "../federation/agreed-run.ts";
import { attackersOf, type TestnetOptions } from "../options.ts";
import { type CellResult, CellStore, digestOfInputs } from "./cell-store.ts";
import { type MatrixInput, type MatrixPlan, planMatrix, type Setting } from "./matrix-options.ts";
import { World } from "./world.ts";

/** One attack under one rule. Peers are told by their index, as reports have it; the last ones attack. */
export interface MatrixCell extends Setting {
  readonly mode: "agreed";
  /** Of the agreed state on the common test set; null where training diverged. */
  readonly loss: number | null;
  /** The same of plain averaging without attackers, with the same codec. */
  readonly clean: number | null;
  /** Mean over the honest peers, each trained alone for as many steps. */
  readonly localOnly: number | null;
  /** (localOnly - loss) / (localOnly - clean): 1 is as good as no attack, 0 as no federation. */
  readonly retainedGain: number | null;
  /** Whom ballots give the least trust at the end. */
  readonly isolated: readonly number[];
  /** Who is no member any more: what it sent was unsound. */
  readonly evicted: readonly number[];
  /** The honest among both. */
  readonly falselyIsolated: readonly number[];
  /** Share of the test rows with a backdoor's trigger that are answered as its attackers want; null where rows have no answers. */
  readonly opened: number | null;
  /** The same of plain averaging without attackers: what chance gives. */
  readonly openedClean: number | null;
  /** Share of canaries that no peer had which are refused as honest peers teach it; null where none have any. */
  readonly refused: number | null;
  readonly refusedClean: number | null;
  /** What the cell's own run took of processors. */
  readonly cpuSeconds: number;
}

/** All cells, and what they were made of. */
export interface Matrix {
  readonly axes: MatrixPlan["axes"];
  readonly peers: number;
  readonly rounds: number;
  readonly steps: number;
  readonly cells: readonly MatrixCell[];
}

/**
 * Runs every cell in this process, or takes it from the folder of the report, where each is kept; `note` hears of every
 * one.
 *
 * @throws KlatchError `usage`, `data` and what the learner throws but `diverged`
 */
export async function runMatrix(
  input: MatrixInput & { readonly report: string },
  note: (text: string) => void,
): Promise<Matrix> {
  const plan = planMatrix(input);
  const { settings } = plan;
  checkOutFolder(input.report);
  const store = new CellStore(input.report);
  const inputs = await digestOfInputs([input.model, input.data, input.test ?? ""]);
  const cells: MatrixCell[] = [];
  // settings of one split and seed follow one another
  for (const some of Map.groupBy(settings, ({ split, seed }) => `${seed} ${split}`).values()) {
    const world = new World(plan.optionsAlone(some[0] as Setting));
    try {
      for (const setting of some) {
        const cell = await cellOf(setting, plan, { store, inputs, world });
        cells.push(cell);
        note(`${cells.length}/${settings.length} · ${nameOf(cell)} · ${gainText(cell)}`);
      }
    } finally {
      await world.close();
    }
  }
  const [first] = settings as [Setting, ...Setting[]];
  const { peers, rounds, steps } = plan.optionsOf(first);
  return { axes: plan.axes, peers, rounds, steps, cells };
}

/** What a cell is, in a line. */
export function nameOf({ attack, rule, split, attackers, seed, codec, lies }: Setting): string {
  const who = `${attackers} attackers${lies ? " that lie in ballots" : ""}`;
  return `${attack}, ${rule}, ${who}, ${split}, ${codec}, seed ${seed}`;
}

/** How much of the gain is left, for a person. */
export function gainText({
  loss,
  retainedGain,
}: Pick<MatrixCell, "loss" | "retainedGain">): string {
  if (loss === null) return "diverged";
  return retainedGain === null ? "no gain to keep" : retainedGain.toFixed(3);
}

// --- internal ---

interface Kept {
  readonly store: CellStore;
  /** Digest of model and data. */
  readonly inputs: string;
  readonly world: World;
}

async function cellOf(setting: Setting, plan: MatrixPlan, kept: Kept): Promise<MatrixCell> {
  const options = plan.optionsOf(setting);
  const honest = options.peers - attackersOf(options);
  const plain = { ...setting, attack: "none", rule: "mean", attackers: 0, lies: false } as const;
  const plainly = await federated(plan.optionsOf(plain), kept);
  const localOnly = await alone(plan.optionsAlone(setting), honest, kept);
  const { loss: clean, opened: openedClean, refused: refusedClean } = plainly;
  const { loss, levels, cpuSeconds, ...shown } = await federated(options, kept, setting.lies);
  const isolated = placesOf(levels, (level) => level === 0);
  const evicted = placesOf(levels, (level) => level === null);
  return {
    ...{ ...setting, mode: "agreed", loss, clean, localOnly },
    retainedGain: retained(loss, clean, localOnly),
    ...{ isolated, evicted },
    falselyIsolated: [...isolated, ...evicted].filter((index) => index < honest),
    ...{ ...shown, openedClean, refusedClean, cpuSeconds },
  };
}

function retained(loss: number | null, clean: number | null, by: number | null): number | null {
  if (loss === null || clean === null || by === null || by === clean) return null;
  return (by - loss) / (by - clean);
}

function federated(
  options: TestnetOptions,
  { store, inputs, world }: Kept,
  lies = false,
): Promise<CellResult> {
  const told = lies ? { lies } : {};
  const depends = { kind: "agreed", inputs, options: { ...deciding(options), ...told } };
  return store.get(depends, async () => {
    const { attack = null } = options;
    const run = { ...options, lies };
    // a lie in the data takes data of its own
    if (attack === null || ATTACKS[attack].kind !== "data") return rounds(run, world);
    const own = new World(options);
    try {
      return await rounds(run, own);
    } finally {
      await own.close();
    }
  });
}

async function rounds(options: AgreedRun, world: World): Promise<CellResult> {
  const { data, learners } = await world.members();
  const honest = options.peers - attackersOf(options);
  const peers = data.peers.map((peer, index): PeerData => {
    return { ...peer, role: index < honest ? "honest" : (options.attack ?? "honest") };
  });
  return measured(async () => {
    let end: Outcome = DIVERGED;
    await runAgreed(options, { ...data, peers }, learners, async (reached) => {
      const { round, levels, state, loss } = reached;
      if (round !== options.rounds) return;
      const shown = { opened: await world.opened(state), refused: await world.refused(state) };
      end = { ...shown, loss: finite(await loss()), levels: [...levels] };
    });
    return end;
  });
}

/** Mean loss of the first peers, each trained by itself; null where one diverged. */
async function alone(
  options: TestnetOptions,
  peers: number,
  { store, inputs, world }: Kept,
): Promise<number | null> {
  const losses: number[] = [];
  for (let peer = 0; peer < peers; peer += 1) {
    const depends = { kind: "alone", inputs, peer, options: deciding(options) };
    const { loss } = await store.get(depends, async () => {
      const { learners } = await world.members();
      return measured(async () => {
        const evaluation = await trainAlone(options, learners[peer] as Learner);
        return { loss: finite(evaluation.loss), levels: [], ...NOTHING_SHOWN };
      });
    });
    if (loss === null) return null;
    losses.push(loss);
  }
  return mean(losses);
}

type Outcome = Omit<CellResult, "cpuSeconds">;

const NOTHING_SHOWN = { opened: null, refused: null };
const DIVERGED: Outcome = { loss: null, levels: [], ...NOTHING_SHOWN };

/** With what it took of processors; training that diverges is a result. */
async function measured(run: () => Promise<Outcome>): Promise<CellResult> {
  const before = process.cpuUsage();
  const outcome = await run().catch((error: unknown) => {
    if (error instanceof KlatchError && error.code === "diverged") return DIVERGED;
    throw error;
  });
  const { user, system } = process.cpuUsage(before);
  return { ...outcome, cpuSeconds: (user + system) / 1e6 };
}

/** Where files lie decides nothing, nor does what only processes have. */
const BESIDE: readonly string[] = [
  ...["model", "data", "test", "report", "folder", "baselines", "topology", "rule"],
  ...["commitGraceMs", "killEach", "timeLimitSeconds"],
];

/** The options that a result follows from. */
function deciding(options: TestnetOptions): object {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !BESIDE.includes(name)));
}

function finite(loss: number): number | null {
  return Number.isFinite(loss) ? loss : null;
}

function placesOf(
  levels: CellResult["levels"],
  isMeant: (level: number | null) => boolean,
): readonly number[] {
  return levels.flatMap((level, index) => (isMeant(level) ? [index] : []));
}
