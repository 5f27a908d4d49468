import { z } from "zod";
import { CODEC_NAMES, COMMON_RULE_NAMES } from "../../src/consensus/index.ts";
import { KlatchError } from "../../src/errors.ts";
import { RUN_MODES } from "../../src/types.ts";
import { ATTACK_NAMES, ATTACKS, type AttackName } from "../attacks/catalogue.ts";
import { parseOptions, type TestnetInput, type TestnetOptions } from "../options.ts";

/** Attacks that act on what is sent: the others need a network. */
const IN_PROCESS = ATTACK_NAMES.filter((name) =>
  ["value", "payload", "data"].includes(ATTACKS[name].kind),
);

/** What is typed as a list, with commas between. */
const LISTS = ["attacks", "rules", "attackers", "modes", "splits", "codecs"] as const;

/** What a matrix compares; its other options are those of a testnet. */
const axesSchema = z.object({
  attacks: z
    .array(z.enum(["none", "all", ...ATTACK_NAMES]))
    .max(100)
    .default(["all"]),
  rules: z.array(z.enum(COMMON_RULE_NAMES)).max(100).default(["check-twins", "mean"]),
  attackers: z.array(z.coerce.number().int().min(1).max(99)).max(99).default([2]),
  modes: z.array(z.enum(RUN_MODES)).max(10).default(["agreed"]),
  splits: z.array(z.string().max(300)).max(100).default(["dirichlet:1.0"]),
  codecs: z.array(z.enum(CODEC_NAMES)).max(100).default(["int8"]),
  seeds: z.int().min(1).max(100).default(1),
  lies: z.boolean().default(false),
  simulate: z.boolean().default(false),
});

/** Axes as they are typed, and the options that all cells share. */
export type MatrixInput = {
  readonly [List in (typeof LISTS)[number]]?: string;
} & {
  readonly seeds?: number;
  readonly lies?: boolean;
  readonly simulate?: boolean;
  readonly model: string;
  readonly data: string;
} & Omit<
    TestnetInput,
    | "model"
    | "data"
    | "attack"
    | "attackers"
    | "mode"
    | "agreedRule"
    | "partition"
    | "codec"
    | "seed"
  >;

/** Checked axes of a matrix. */
export type Axes = Omit<z.output<typeof axesSchema>, "attacks"> & {
  readonly attacks: readonly (AttackName | "none")[];
};

/** One cell, before it is run. */
export interface Setting {
  readonly attack: AttackName | "none";
  readonly rule: (typeof COMMON_RULE_NAMES)[number];
  readonly split: string;
  readonly attackers: number;
  readonly seed: number;
  readonly codec: (typeof CODEC_NAMES)[number];
  /** Whether ballots of attackers call every honest update harmful, and their own helpful. */
  readonly lies: boolean;
}

/** A matrix, checked before anything runs. */
export interface MatrixPlan {
  readonly axes: Axes;
  readonly settings: readonly Setting[];
  optionsOf(setting: Setting): TestnetOptions;
  /** Of members that train by themselves: codecs, rules and attackers are nothing to them. */
  optionsAlone(setting: Pick<Setting, "split" | "seed">): TestnetOptions;
}

/** Plans every cell; throws `usage` with the name of the flag. */
export function planMatrix(input: MatrixInput): MatrixPlan {
  const axes = axesOf(input);
  const common = Object.fromEntries(
    Object.entries(input).filter(([name]) => !(name in axesSchema.shape)),
  );
  const optionsOf = ({ attack, rule, split, attackers, seed, codec }: Setting) =>
    parseOptions({
      ...{ ...common, mode: "agreed", agreedRule: rule, partition: split, seed, codec },
      ...(attack === "none" ? {} : { attack, attackers }),
    });
  const { outerMomentum: _, gate: __, ...alone } = common;
  const settings = settingsOf(axes);
  for (const setting of settings) optionsOf(setting);
  return {
    ...{ axes, settings, optionsOf },
    optionsAlone: ({ split, seed }) =>
      parseOptions({ ...alone, mode: "agreed", partition: split, seed }),
  };
}

// --- internal ---

function axesOf(input: MatrixInput): Axes {
  const lists = LISTS.flatMap((name) => {
    const { [name]: text } = input;
    return text === undefined ? [] : [[name, text.split(",")] as const];
  });
  const parsed = axesSchema.safeParse({ ...input, ...Object.fromEntries(lists) });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw usage(`--${String(issue?.path[0] ?? "options")}: ${issue?.message ?? "not understood"}`);
  }
  const { attacks, modes, simulate } = parsed.data;
  if (modes.includes("gossip")) {
    const hint = "use klatch testnet run --mode gossip --attack NAME --baselines";
    throw usage("--modes gossip: mode gossip is not run without its network", hint);
  }
  if (!simulate) {
    const hint = "add --simulate, or use klatch testnet run --attack NAME --baselines";
    throw usage("a matrix runs in this process: real processes take one run at a time", hint);
  }
  const named = [...new Set(attacks.flatMap((each) => (each === "all" ? IN_PROCESS : [each])))];
  for (const attack of named) {
    if (attack === "none" || IN_PROCESS.includes(attack)) continue;
    const hint = "use klatch testnet run --attack, or klatch sim run";
    throw usage(`--attacks ${attack} needs a network, and --simulate has none`, hint);
  }
  return { ...parsed.data, attacks: named };
}

/** Without attackers their number is nothing, so that there is one cell for all. */
function settingsOf({ attacks, rules, splits, codecs, seeds, ...axes }: Axes): readonly Setting[] {
  const each = Array.from({ length: seeds }, (_, at) => at + 1);
  return splits.flatMap((split) =>
    codecs.flatMap((codec) =>
      attacks.flatMap((attack) =>
        (attack === "none" ? [0] : axes.attackers).flatMap((attackers) =>
          rules.flatMap((rule) =>
            each.map((seed): Setting => {
              const lies = axes.lies && attack !== "none";
              return { attack, rule, split, attackers, seed, codec, lies };
            }),
          ),
        ),
      ),
    ),
  );
}

function usage(message: string, hint = "see klatch testnet matrix --help"): KlatchError {
  return new KlatchError("usage", message, hint);
}
