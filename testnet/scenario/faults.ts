import { z } from "zod";
import { KlatchError } from "../../src/errors.ts";
import { bytesField } from "../../src/node/budget/units.ts";

/** Most faults of one run, and most peers of one network. */
const FAULTS_MAX = 1000;
const PEERS_MAX = 100;
const ROUNDS_MAX = 10_000;
const SECONDS_MAX = 604_800;

const peer = z.int().min(1).max(PEERS_MAX).describe("Number of a peer, from 1.");
const when = {
  round: z
    .number()
    .min(1)
    .max(ROUNDS_MAX)
    .optional()
    .describe("Once a peer is in this round; 3.5 is half a round later than 3."),
  second: z
    .number()
    .min(0)
    .max(SECONDS_MAX)
    .optional()
    .describe("So many seconds after every peer answered."),
};
const length = {
  rounds: z.number().positive().max(ROUNDS_MAX).optional().describe("For so many rounds' time."),
  seconds: z.number().positive().max(SECONDS_MAX).optional().describe("For so many seconds."),
};

const fault = z
  .discriminatedUnion("do", [
    z
      .strictObject({ do: z.literal("kill"), peer, ...when, ...length })
      .describe("SIGKILL; it is started again after a while, or never."),
    z
      .strictObject({ do: z.literal("restart"), peer, ...when })
      .describe("SIGKILL, and started again at once."),
    z
      .strictObject({ do: z.literal("pause"), peer, ...when, ...length })
      .describe("SIGSTOP, and SIGCONT after a while."),
    z.strictObject({ do: z.literal("join"), peer, ...when }).describe("It is started only then."),
    z
      .strictObject({
        do: z.literal("part"),
        peers: z.array(peer).min(1).max(PEERS_MAX),
        ...when,
        ...length,
      })
      .describe("These and the others do not reach one another: takes root."),
    z
      .strictObject({
        do: z.literal("fill-disk"),
        peer,
        ...when,
        ...length,
        size: bytesField.optional().describe("Of the disk of its own that it gets; 64MiB."),
      })
      .describe("Its disk is full for a while: takes root."),
  ])
  .superRefine((one, context) => {
    const { round, second } = one;
    const told = one as { readonly rounds?: number; readonly seconds?: number };
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    if ((round === undefined) === (second === undefined)) refuse("needs round or second, not both");
    if (told.rounds !== undefined && told.seconds !== undefined) refuse("has rounds and seconds");
    const isUntimed = told.rounds === undefined && told.seconds === undefined;
    if (isUntimed && LASTING.has(one.do)) refuse("needs rounds or seconds: how long");
    const takesRoundTime = told.rounds !== undefined || (round ?? 1) % 1 > 0;
    if (takesRoundTime && (round ?? 0) < 2) {
      refuse("counts in rounds' time, which nobody knows before round 2");
    }
  });

/** What has no end of its own. */
const LASTING: ReadonlySet<string> = new Set(["pause", "part", "fill-disk"]);

/** What befalls the peers of a run. */
export const faultsField = z
  .array(fault)
  .max(FAULTS_MAX)
  .superRefine((faults, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", message });
    const sides = new Set(faults.flatMap((one) => (one.do === "part" ? [sideOf(one.peers)] : [])));
    if (sides.size > 1) refuse("all of kind part must name the same peers");
    const joins = faults.flatMap((one) => (one.do === "join" ? [one.peer] : []));
    if (new Set(joins).size < joins.length) refuse("a peer joins once");
  });

const sideOf = (peers: readonly number[]) => [...new Set(peers)].sort((a, b) => a - b).join(" ");

/** Something that befalls peers, at a time that is told in rounds, from 1, or in seconds. */
export type Fault = Readonly<z.output<typeof fault>>;

/** Peers whose clock is wrong from the start, by so many seconds: `{ 3: 300 }`. */
export const clocksField = z.record(
  z.string().regex(/^[1-9][0-9]?$|^100$/, "expected the number of a peer, from 1"),
  z.number().min(-SECONDS_MAX).max(SECONDS_MAX),
);

/** The peers that a fault befalls, from 1. */
export function peersOf(one: Fault): readonly number[] {
  return one.do === "part" ? one.peers : [one.peer];
}

/** What is to befall peers must find them, in a round that there is; throws `usage`. */
export function requirePlayable(scenario: {
  readonly peers: number;
  readonly rounds: number;
  readonly faults: readonly Fault[];
  readonly clocks: z.output<typeof clocksField>;
}): void {
  const { peers, rounds, faults, clocks } = scenario;
  const named = [...faults.flatMap(peersOf), ...Object.keys(clocks).map(Number)];
  const unknown = named.find((peer) => peer > peers);
  const late = faults.find(({ round = 1 }) => round >= rounds + 1);
  const parted = faults.find((one) => one.do === "part" && new Set(one.peers).size >= peers);
  const trouble =
    (unknown !== undefined && `there is no peer ${unknown} among ${peers}`) ||
    (late !== undefined && `there is no round ${late.round} among ${rounds}`) ||
    (parted !== undefined && "all peers on one side part nobody");
  if (trouble === false) return;
  const hint = "Change it, or --peers and --rounds.";
  throw new KlatchError("usage", `the scenario: ${trouble}`, hint);
}
