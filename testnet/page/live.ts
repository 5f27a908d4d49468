import { numberText, secondsText } from "../../src/node/view/quantities.ts";
import { bytes, short } from "../../src/node/view/table.ts";
import type { TestnetOptions } from "../options.ts";
import type { Member } from "../processes/fleet.ts";
import { dashboardUrl } from "../processes/peer-status.ts";
import type { Incident } from "../processes/troubles.ts";
import { reputationOf } from "../report/standing.ts";
import { completedRounds } from "../report/table.ts";
import { html, type Markup } from "./markup.ts";
import { picture } from "./picture.ts";

/** The newest incidents that there is room for. */
const INCIDENTS_SHOWN = 30;

/** What the page of a network shows. */
export interface LiveView {
  readonly members: readonly Member[];
  readonly options: TestnetOptions;
  readonly incidents: readonly Incident[];
  readonly seconds: number;
}

/** The part of the page that changes. Pure. */
export function renderLive({ members, options, incidents, seconds }: LiveView): Markup {
  const done = completedRounds(members);
  const shown = incidents.slice(-INCIDENTS_SHOWN).toReversed();
  return html`<header>
<h1>Klatch testnet</h1>
<p role="status">${members.length} peers, ${done} of ${options.rounds} rounds done by every honest one, ${secondsText(seconds)}. ${attackText(options)}</p>
</header>
<div class="pair">
<section aria-labelledby="network"><h2 id="network">Network</h2>${picture(members, (member) => kindOf(member, members))}</section>
<section aria-labelledby="loss"><h2 id="loss">Loss</h2><img src="/curves.svg?round=${members.reduce((sum, { status }) => sum + (status?.round ?? 0), 0)}" alt="Loss of each honest peer by round; the table has the newest."/></section>
</div>
<section aria-labelledby="peers"><h2 id="peers">Peers</h2>
<div class="scroll" role="region" aria-label="Table of peers" tabindex="0"><table>
<thead><tr>${COLUMNS.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${members.map((member) => row(member, members))}</tbody>
</table></div></section>
<section aria-labelledby="happened"><h2 id="happened">What happened</h2>
${shown.length === 0 ? html`<p>Nothing that was not to be.</p>` : html`<ol>${shown.map(incidentItem)}</ol>`}
</section>`;
}

/** How a peer is, in a word. */
export function stateOf({ status, answers, process }: Member): string {
  if (process.isPaused) return "paused";
  if (!process.isRunning) return process.exit === null ? "comes later" : "down";
  if (!answers || status === null) return "starting";
  return status.state === "running" ? status.phase : status.state;
}

// --- internal ---

const COLUMNS = [
  ...["Peer", "State", "Round", "Connected", "Train loss", "Held-out loss", "Sent", "Received"],
  "Standing",
];

function attackText(options: TestnetOptions): string {
  return options.attack === undefined ? "" : `Attack: ${options.attack}.`;
}

function standingOf(member: Member, members: readonly Member[]) {
  const honest = members.filter(({ plan }) => plan.role === "honest");
  return reputationOf(
    member.plan.id,
    honest.flatMap(({ status }) => status ?? []),
  ).standing;
}

/** How a peer is drawn: by standing, or that it is away. */
function kindOf(member: Member, members: readonly Member[]): string {
  return member.answers ? standingOf(member, members) : "away";
}

function row(member: Member, members: readonly Member[]): Markup {
  const { plan, status } = member;
  const role = plan.role === "honest" ? null : html` <strong>${plan.role}</strong>`;
  const name = html`${plan.index + 1} <bdi>${plan.label}</bdi>`;
  const connected = status?.peers.filter((peer) => peer.connected).length ?? 0;
  const standing = standingOf(member, members);
  const kind = kindOf(member, members);
  const round = status === null ? 0 : Math.min(status.round + 1, status.rounds);
  return html`<tr><th scope="row"><a href="${dashboardUrl(plan)}" title="${plan.id}">${name}</a>${role} <code>${short(plan.id)}</code></th>
<td>${stateOf(member)}</td>
<td class="right">${status === null ? "–" : `${round} of ${status.rounds}`}</td>
<td class="right">${status === null ? "–" : `${connected} of ${status.peers.length}`}</td>
<td class="right">${numberText(status?.trainLoss)}</td>
<td class="right">${numberText(status?.heldOutLoss)}</td>
<td class="right">${status === null ? "–" : bytes(status.bytesSent)}</td>
<td class="right">${status === null ? "–" : bytes(status.bytesReceived)}</td>
<td><span class="key ${kind}" aria-hidden="true"></span>${standing}</td></tr>`;
}

function incidentItem({ peer, round, what }: Incident): Markup {
  return html`<li>round ${round + 1}, peer ${peer}: <bdi>${what}</bdi></li>`;
}
