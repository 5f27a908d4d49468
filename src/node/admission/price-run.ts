import { quorumOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { type HubOptions, type MemoryPlan, parseHubModel } from "../../training/index.ts";
import type { Config } from "../config/config.ts";
import { modeOf } from "../config/mode-of.ts";
import { learn } from "../doctor/learned.ts";
import { Neighbourhoods } from "../peer/neighbourhoods.ts";

/** What a run asks of one member, as far as a trial on its machine tells; null where it does not. */
export interface RunPrice {
  readonly rounds: number;
  readonly members: number;
  /** Of a round. */
  readonly bytes: { readonly sent: number; readonly received: number } | null;
  /** Of training: one step, and a round of them; and what a round's updates take on `network.link`, where it is said. */
  readonly seconds: {
    readonly engine: string;
    readonly step: number;
    readonly round: number;
    readonly link: number | null;
  } | null;
  /** Of training at most, and what the device has. */
  readonly memory: Pick<MemoryPlan, "total" | "available"> | null;
  /** Members that may do anything without harm to the others. */
  readonly certifiedAttackers: number;
  /** Why something is not known, a sentence each. */
  readonly unknown: readonly string[];
}

/**
 * Prices a run of known size by opening its model and data and taking a training step, as `klatch doctor` does. Nothing
 * is downloaded: of a model that is not here the price is unknown.
 *
 * @param config - with as many `run.members` as the run is to have
 */
export async function priceRun(config: Config, hub: HubOptions): Promise<RunPrice> {
  const { run, network } = config;
  const { model, costs, data, plan, step } = await learn(config, { ...hub, offline: true });
  const isAway = parseHubModel(config.model) !== null && isTrouble(model, "network");
  const troubles = isAway
    ? [`${config.model} is not here yet; \`klatch doctor\` fetches it, and tells the price`]
    : [model, costs, data, plan, step].flatMap((each) =>
        each instanceof KlatchError ? [each.message] : [],
      );
  const way = known(costs)?.ways.find(({ isChosen }) => isChosen);
  const taken = known(step);
  const planned = known(plan);
  return {
    rounds: run.rounds,
    members: run.members.length,
    bytes: way === undefined ? null : { sent: way.sent, received: way.received },
    seconds: taken && {
      engine: taken.engine,
      step: taken.seconds,
      round: run.steps * taken.seconds,
      link: network.link === null ? null : (way?.seconds ?? null),
    },
    memory: planned && { total: planned.total, available: planned.available },
    certifiedAttackers: certifiedAttackers(run),
    unknown: [...new Set(troubles)],
  };
}

// --- internal ---

function isTrouble(found: object, code: KlatchError["code"]): boolean {
  return found instanceof KlatchError && found.code === code;
}

function known<T extends object>(found: T | KlatchError | null): T | null {
  return found instanceof KlatchError ? null : found;
}

/** In mode gossip as the first member sees it: the mixing rule's certificate on its neighbours. */
function certifiedAttackers(run: Config["run"]): number {
  const [first = ""] = run.members;
  if (modeOf(run) === "agreed") return quorumOf(run.members.length).faulty;
  return new Neighbourhoods(run, first).at(0).certificate.attackersMax;
}
