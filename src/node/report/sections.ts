import { numberText, percentText } from "../view/quantities.ts";
import { bytes, duration, short } from "../view/table.ts";
import type { Comparison } from "./measure.ts";
import type { MemberReport, NodeReport } from "./node-report.ts";

/** A part of a report: sentences, then a table where there is one. */
export interface Section {
  readonly title: string;
  readonly lines: readonly string[];
  readonly table?: {
    readonly headers: readonly string[];
    readonly rows: readonly (readonly string[])[];
  };
}

/** What a report says, whatever it is written as. */
export function sectionsOf(report: NodeReport): readonly Section[] {
  return [
    { title: "Was it worth it for us?", lines: verdictLines(report) },
    ...report.comparisons.map(comparisonSection),
    costSection(report),
    memberSection(report),
    evidenceSection(report),
    ...chainSections(report),
  ];
}

/** The headline: what the run is, in a line. */
export function subjectOf({ name, mode, rounds, members, model }: NodeReport): string {
  const done = rounds.done === rounds.of ? `${rounds.of}` : `${rounds.done} of ${rounds.of}`;
  return `Run ${name}: ${members.length} members, ${done} rounds in mode ${mode}, model ${model}.`;
}

/** Loss that federation saves beside training alone, as a share of what training alone saves; null where none is known. */
export function extraGain({ base, localOnly, federated }: Comparison): number | null {
  if (localOnly === null) return null;
  const alone = base.loss - localOnly.loss;
  return alone > 0 ? (localOnly.loss - federated.loss) / alone : null;
}

// --- internal ---

const ROWS = "Losses are means over the node's own rows, which took no part in training.";
const ALONE =
  "Training alone began where the run did, took as many steps on the node's rows, and is taken at its best: the comparison favours it.";
const SETS = { "held-out": "held-out rows", test: "test rows" } as const;

function verdictLines({ comparisons }: NodeReport): readonly string[] {
  const hasAlone = comparisons.some(({ localOnly }) => localOnly !== null);
  return [...comparisons.map(verdictOf), hasAlone ? `${ROWS} ${ALONE}` : ROWS];
}

function verdictOf(comparison: Comparison): string {
  const { set, base, localOnly, federated } = comparison;
  const on = `On our own ${SETS[set]}`;
  const from = `${on} the loss went from ${numberText(base.loss)} to ${numberText(federated.loss)}`;
  if (localOnly === null) return `${from}; training alone was not measured.`;
  const less = localOnly.loss - federated.loss;
  const extra = extraGain(comparison);
  const share = extra === null ? "" : ` (${percentText(Math.abs(extra))} of what that gained)`;
  const alone = `training alone reaches ${numberText(localOnly.loss)}`;
  return less >= 0
    ? `${from}; ${alone}: federation gained ${numberText(less)} more${share}.`
    : `${from}; ${alone}: that is better by ${numberText(-less)}${share}. Rows unlike the others', and few rounds, gain more alone.`;
}

function comparisonSection({ set, examples, ...states }: Comparison): Section {
  const { base, localOnly, federated } = states;
  const rows = [
    ["before the run", base],
    ["trained alone", localOnly],
    ["federated", federated],
  ] as const;
  return {
    title: `On our own ${SETS[set]}`,
    lines: [`${examples} examples.`],
    table: {
      headers: ["", "loss", "perplexity", "exact match"],
      rows: rows.flatMap(([name, quality]) =>
        quality === null
          ? []
          : [
              [
                ...[name, numberText(quality.loss), numberText(quality.perplexity, 2)],
                percentText(quality.exactMatch),
              ],
            ],
      ),
    },
  };
}

function costSection({ traffic, time, energy, rounds }: NodeReport): Section {
  const { sent, received, dense } = traffic;
  const saved =
    dense <= sent
      ? ""
      : `; uncompressed updates would have been ${bytes(dense)}, ${numberText(dense / sent, 1)} times as much`;
  const hours = time === null ? [] : [`From the first round to the last: ${periodText(time)}.`];
  const spent =
    energy === null
      ? []
      : [
          `Energy, an estimate at ${energy.watts} W all the time: ${energy.kilowattHours.toPrecision(2)} kWh.`,
        ];
  const mixed = `${rounds.mixed} of ${rounds.done} rounds mixed updates of others.`;
  return {
    title: "What it cost",
    lines: [
      `Sent ${bytes(sent)} and received ${bytes(received)}${saved}.`,
      mixed,
      ...hours,
      ...spent,
    ],
  };
}

function periodText({ from, to }: NonNullable<NodeReport["time"]>): string {
  const day = (at: number) => new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return `${duration((to - from) / 1000)} (${day(from)} to ${day(to)} UTC)`;
}

function memberSection({ members, mode }: NodeReport): Section {
  const isAgreed = mode === "agreed";
  return {
    title: "Contributions",
    lines: isAgreed
      ? [SAID_BY_ALL, ...(members.some(({ worth }) => worth !== null) ? [WORTH] : [])]
      : [SAID_BY_US],
    table: {
      headers: [
        ...["member", "rounds", "share"],
        ...(isAgreed ? ["helpful", "neutral", "harmful", "worth to us"] : []),
        ...["standing", "last reason"],
      ],
      rows: members.map((member) => memberRow(member, isAgreed)),
    },
  };
}

const SAID_BY_ALL =
  "Share is the mean part of a member's updates in the certified mix. Helpful, neutral and harmful count what ballots of the other members said of them, each on private rows of its own.";
const SAID_BY_US =
  "Share is the mean part of a member's updates in this node's mixes, ours the rest. What others think of ours stays with them in mode gossip.";
const WORTH =
  "Worth to us: rounds that are still kept here were mixed again without the member's update; by how much that raises the loss on our own held-out rows, in thousandths of a nat per token, and in how many of the rounds it does. That is what an update does at once on our rows, not what it brings later or to others: members whose rows are unlike ours are often below zero, and no worse for it; who brings what others bring too is missed little. Who was worth most over the whole run it hardly tells, and may say the opposite.";

function memberRow(member: MemberReport, isAgreed: boolean): readonly string[] {
  const { peer, isSelf, rounds, share, opinions, worth, standing, reason } = member;
  const said = opinions ? [opinions.helpful, opinions.neutral, opinions.harmful].map(String) : [];
  const name = isSelf ? `${short(peer)} (us)` : short(peer);
  return [
    ...[name, String(rounds), percentText(share), ...said],
    ...(isAgreed ? [worthText(worth)] : []),
    ...[standing ?? "–", reason ?? "–"],
  ];
}

function worthText(worth: MemberReport["worth"]): string {
  if (worth === null) return "–";
  const sign = worth.gain > 0 ? "+" : "";
  return `${sign}${numberText(1000 * worth.gain, 1)} (${worth.helped} of ${worth.rounds})`;
}

function evidenceSection({ evidence }: NodeReport): Section {
  const title = "Held against members";
  if (evidence.length === 0) return { title, lines: ["Nothing."] };
  return {
    ...{ title, lines: [] },
    table: {
      headers: ["member", "what", "times", "last in round"],
      rows: evidence.map(({ peer, kind, times, lastRound }) => [
        ...[short(peer), kind, String(times), String(lastRound)],
      ]),
    },
  };
}

function chainSections({ chain, run }: NodeReport): readonly Section[] {
  if (chain === null) return [];
  const { valid, blocks, head, adapter, problems } = chain;
  const state = valid
    ? `${blocks} rounds are certified by a quorum of the members, and every signature holds.`
    : "The chain of certificates does NOT hold:";
  return [
    {
      title: "Certificates",
      lines: [
        ...[state, ...problems],
        ...[`Run ${run}`, `Head ${head ?? "–"}`, `Adapter ${adapter ?? "–"}`],
        "Anybody can check that offline: `klatch verify` on the node's folder or on an exported adapter.",
      ],
    },
  ];
}
