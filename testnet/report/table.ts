import { mean, numberText, secondsText } from "../../src/node/view/quantities.ts";
import { aligned, bytes, columnWidths, short } from "../../src/node/view/table.ts";
import type { Member } from "../processes/fleet.ts";
import { reputationOf } from "./standing.ts";

/** How a cell is coloured on a terminal that can. */
type Tone = "plain" | "dim" | "good" | "warn" | "bad";

interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  /** Most lines; peers beyond are counted instead of shown. */
  readonly height: number;
  readonly colour: boolean;
  readonly seconds: number;
}

const ESCAPE = "\u001b[";
const TONES: Record<Tone, string> = { plain: "", dim: "2", good: "32", warn: "33", bad: "31" };
const STANDING_TONES = { full: "good", reduced: "warn", isolated: "bad", evicted: "bad" } as const;
/** Columns by number, least important last: dropped one after the other on a narrow terminal. */
const DROP_ORDER = [8, 7, 2, 5];
const HEADER = [
  "#",
  "organisation",
  "id",
  "round",
  "phase",
  "peers",
  "loss",
  "sent",
  "received",
  "held-out",
  "standing",
];

/** The live table: a title line, a header and one line per peer, each at most `width` columns wide. */
export function renderTable(members: readonly Member[], options: TableOptions): string[] {
  const header = HEADER.map((text): Cell => ({ text, tone: "dim" }));
  const rows = fitting([header, ...members.map((each) => memberCells(each, members))], options);
  const lines = aligned(rows.map(texts), {
    paint: (text, row, column) =>
      options.colour ? painted(text, rows[row]?.[column]?.tone ?? "plain") : text,
  });
  const title = titleLine(members, options).slice(0, options.width);
  const room = options.height - 3;
  if (lines.length <= room) return [title, "", ...lines];
  return [title, "", ...lines.slice(0, room), `… and ${lines.length - room} more peers`];
}

/** One line about the network as a whole, for output that is not a terminal. */
export function progressLine(members: readonly Member[], seconds: number): string {
  const honest = members.filter((member) => member.plan.role === "honest");
  const statuses = honest.flatMap(({ status }) => (status === null ? [] : [status]));
  const heldOut = mean(statuses.flatMap(({ heldOutLoss }) => heldOutLoss ?? []));
  const loss = mean(statuses.flatMap(({ trainLoss }) => trainLoss ?? []));
  const sent = mean(statuses.map(({ bytesSent }) => bytesSent)) ?? 0;
  const isolated = members.filter((member) => isShunned(member, members)).length;
  return [
    `round ${completedRounds(members)}/${statuses[0]?.rounds ?? "?"}`,
    `train loss ${numberText(loss)}`,
    `held-out ${numberText(heldOut)}`,
    `sent ${bytes(sent)} each`,
    ...(isolated > 0 ? [`${isolated} isolated`] : []),
    secondsText(seconds),
  ].join(" · ");
}

/** Rounds that every honest peer has behind it. */
export function completedRounds(members: readonly Member[]): number {
  const honest = members.filter((member) => member.plan.role === "honest");
  return Math.min(
    ...honest.map(({ status }) => {
      if (status === null) return 0;
      return status.state === "finished" ? status.rounds : status.round;
    }),
  );
}

// --- internal ---

function titleLine(members: readonly Member[], options: TableOptions): string {
  const status = members.find((member) => member.status !== null)?.status;
  const rounds = `round ${completedRounds(members)}/${status?.rounds ?? "?"}`;
  const rule = status
    ? `${status.rule}, certified for ${status.certifiedAttackers} attackers`
    : "starting";
  return [
    "klatch testnet",
    `${members.length} peers`,
    rounds,
    rule,
    secondsText(options.seconds),
  ].join(" · ");
}

function isShunned(member: Member, members: readonly Member[]): boolean {
  const { standing } = reputationOf(member.plan.id, honestStatuses(members));
  return standing === "isolated" || standing === "evicted";
}

function honestStatuses(members: readonly Member[]) {
  return members.flatMap(({ plan, status }) =>
    plan.role === "honest" && status !== null ? [status] : [],
  );
}

function memberCells(member: Member, members: readonly Member[]): Cell[] {
  const { plan, status } = member;
  const { standing } = reputationOf(plan.id, honestStatuses(members));
  const role = plan.role === "honest" ? "" : ` (${plan.role})`;
  const round =
    status === null ? "–" : `${Math.min(status.round + 1, status.rounds)}/${status.rounds}`;
  const connected = status?.peers.filter((peer) => peer.connected).length;
  return [
    { text: String(plan.index + 1), tone: "dim" },
    { text: `${plan.label}${role}`, ...(role === "" ? {} : { tone: "bad" }) },
    { text: short(plan.id), tone: "dim" },
    { text: round },
    phaseCell(member),
    { text: status === null ? "–" : `${connected}/${status.peers.length}` },
    { text: numberText(status?.trainLoss) },
    { text: status === null ? "–" : bytes(status.bytesSent) },
    { text: status === null ? "–" : bytes(status.bytesReceived) },
    { text: numberText(status?.heldOutLoss) },
    { text: standing, tone: STANDING_TONES[standing] },
  ];
}

function phaseCell({ status, answers, process }: Member): Cell {
  if (process.exit !== null) return { text: "down", tone: "bad" };
  if (!answers || status === null) return { text: "starting", tone: "warn" };
  if (status.state === "running") return { text: status.phase };
  return { text: status.state, tone: status.state === "finished" ? "good" : "warn" };
}

/** The rows without the columns that a terminal of this width has no room for. */
function fitting(
  rows: readonly (readonly Cell[])[],
  { width }: TableOptions,
): readonly (readonly Cell[])[] {
  const widths = columnWidths(rows.map(texts));
  let columns = [...widths.keys()];
  for (const dropped of [...DROP_ORDER, ...widths.keys()]) {
    const total = columns.reduce((sum, column) => sum + 2 + (widths[column] ?? 0), -2);
    if (total <= width || columns.length === 1) break;
    columns = columns.filter((column) => column !== dropped);
  }
  return rows.map((row) => row.filter((_, column) => columns.includes(column)));
}

function texts(row: readonly Cell[]): readonly string[] {
  return row.map(({ text }) => text);
}

function painted(text: string, tone: Tone): string {
  const code = TONES[tone];
  return code === "" ? text : `${ESCAPE}${code}m${text}${ESCAPE}0m`;
}
