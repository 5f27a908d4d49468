import type { NodeStatus, PeerStatus } from "../../records/records.ts";
import { numberText } from "../quantities.ts";
import { bytes, duration, short, table } from "../table.ts";
import type { Seen } from "./follower.ts";
import { type Model, PHASE_WORDS } from "./model.ts";
import { sparkline } from "./sparkline.ts";

/** A screen, and how far a person has scrolled down on it. */
export interface Look {
  readonly columns: number;
  readonly rows: number;
  /** Lines of the lower part that are above the screen. */
  readonly scrolled: number;
  readonly now: number;
}

/**
 * What `klatch top` shows: exactly as many lines as the screen has rows, none longer than it is wide. The lines that
 * say how the round is stand still; peers, evidence and chain below them are scrolled.
 */
export function frameOf(seen: Seen, look: Look): readonly string[] {
  const { columns, rows } = look;
  const [still, moving] = partsOf(seen, look);
  const room = Math.max(0, rows - still.length - 1);
  const from = Math.min(look.scrolled, Math.max(0, moving.length - room));
  const below = moving.slice(from, from + room);
  const blank = Array.from({ length: room - below.length }, () => "");
  const left = moving.length - from - below.length;
  const foot = `q ends   j k arrows scroll${left > 0 ? `   ${left} lines more` : ""}`;
  return [...still, ...below, ...blank, foot]
    .slice(0, rows)
    .map((line) => plain(line).slice(0, columns));
}

/** All of it, for a printer: no screen, nothing to scroll. */
export function wholeFrame(seen: Seen, columns: number, now: number): readonly string[] {
  const parts = partsOf(seen, { columns, rows: 0, scrolled: 0, now });
  return parts.flat().map((line) => plain(line).trimEnd());
}

/** How far down one can scroll. */
export function scrollMax(seen: Seen, look: Look): number {
  const [still, moving] = partsOf(seen, look);
  return Math.max(0, moving.length - Math.max(0, look.rows - still.length - 1));
}

// --- internal ---

type Parts = readonly [still: readonly string[], moving: readonly string[]];

function partsOf({ model, trouble }: Seen, look: Look): Parts {
  if (model === null) {
    return [[trouble === null ? "asks the node" : `${trouble.message}; tries again`], []];
  }
  const old = trouble === null ? [] : [`OLD       ${trouble.message}; tries again`];
  return [
    [...old, ...headLines(model.status, look.now), ...lossLines(model, look.columns), ""],
    [...peerLines(model), "", ...evidenceLines(model), ...chainLines(model, look.now)],
  ];
}

function headLines(status: NodeStatus, now: number): readonly string[] {
  const { peerId, run, state, round, rounds, phase, peers } = status;
  const connected = peers.filter((peer) => peer.connected).length;
  const { bytesSent, bytesReceived, rule, certifiedAttackers, agreed } = status;
  const mode = agreed === null ? `gossip, ${rule}` : `agreed, a quorum is ${agreed.quorum}`;
  return [
    `klatch    node ${short(peerId)} in run ${run.slice(0, 12)}, ${state}`,
    `round     ${round} of ${rounds}: ${PHASE_WORDS[phase]}${waitText(status, now)}`,
    `network   ${connected} of ${peers.length} peers connected; mode ${mode}, certified for ${certifiedAttackers} attackers`,
    `traffic   ${bytes(bytesSent)} sent, ${bytes(bytesReceived)} received`,
  ];
}

/** For whom, and until when. */
function waitText({ waitingFor, deadline }: NodeStatus, now: number): string {
  if (waitingFor.length === 0) return "";
  const left = deadline === null ? null : Math.max(0, Math.ceil((deadline - now) / 1000));
  const until = left === null ? "" : `, at most ${left} s more`;
  return `, for ${waitingFor.map(short).join(" ")}${until}`;
}

function lossLines({ curves }: Model, columns: number): readonly string[] {
  const line = (name: string, values: readonly (number | null)[]) =>
    `${name.padEnd(NAME)}${numberText(values.at(-1), 4).padStart(9)}  ${sparkline(values, Math.max(0, columns - NAME - 11))}`;
  return [line("loss, mine", curves.trainLoss), line("loss, mixed", curves.heldOutLoss)];
}

/** Characters of the longest name of a loss, and a blank. */
const NAME = 12;

function peerLines({ status }: Model): readonly string[] {
  const sorted = status.peers.toSorted(
    (a, b) => troubleOf(b) - troubleOf(a) || (a.peer < b.peer ? -1 : 1),
  );
  const headers = ["peer", "standing", "score", "round", "sent", "received", "trip ms", "why"];
  return table(headers, sorted.map(peerRow));
}

function peerRow(peer: PeerStatus): readonly (string | number | null)[] {
  const { connected, standing, score, round, traffic, roundTripMs, reason, notes, lastDial } = peer;
  const dial = lastDial === null ? [] : [`${lastDial.address}: ${lastDial.reason}`];
  const words = [...(reason === null ? [] : [reason]), ...notes, ...dial];
  return [
    ...[short(peer.peer), connected ? standing : `away, ${standing}`, Number(score.toFixed(2))],
    ...[round, traffic && bytes(traffic.sent), traffic && bytes(traffic.received)],
    ...[roundTripMs === null ? null : Math.round(roundTripMs), words.join("; ")],
  ];
}

/** How much a peer wants to be looked at. */
function troubleOf({ standing, connected, reason, notes }: PeerStatus): number {
  const worse = { full: 0, reduced: 4, isolated: 8, evicted: 6 }[standing];
  return worse + (connected ? 0 : 2) + (reason === null ? 0 : 2) + (notes.length > 0 ? 1 : 0);
}

function evidenceLines({ evidence }: Model): readonly string[] {
  if (evidence.length === 0) return ["evidence  nobody was seen to do anything wrong"];
  return evidence.toReversed().map(({ peer, round, kind, detail = "" }) => {
    const words = detail === "" ? "" : `: ${detail}`;
    return `evidence  ${short(peer)} ${kind} in round ${round}${words}`;
  });
}

function chainLines({ chain, status }: Model, now: number): readonly string[] {
  if (status.mode !== "agreed") return [];
  if (chain.length === 0) return ["", "chain     no block yet"];
  const age = status.agreed?.headAt ?? null;
  return [
    "",
    ...chain.toReversed().map(({ round, block, signers, members, cut }, place) => {
      const old = place > 0 || age === null ? "" : `, ${duration((now - age) / 1000)} old`;
      return `chain     round ${round} ${block.slice(0, 12)}, ${signers.length} of ${members} signed, ${cut.length} updates${old}`;
    }),
  ];
}

/** What other members say is printed: nothing in it moves the cursor or sets colours. */
function plain(text: string): string {
  return [...text].map((each) => (isControl(each) ? "?" : each)).join("");
}

function isControl(character: string): boolean {
  const code = character.codePointAt(0) ?? 0;
  return code < 32 || (code >= 127 && code < 160);
}
