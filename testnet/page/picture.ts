import { short } from "../../src/node/view/table.ts";
import type { Member } from "../processes/fleet.ts";
import { html, type Markup } from "./markup.ts";

const REACH = 100;
const SIZE = 124;
const WIDTH_MAX = 5;

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/** The peers on a ring, an edge between those that are connected: wider for more bytes. */
export function picture(members: readonly Member[], kindOf: (member: Member) => string): Markup {
  const edges = edgesOf(members);
  const most = Math.max(1, ...edges.map(({ bytes }) => bytes));
  const at = members.map((_, index) => placeOf(index, members.length));
  const radius = Math.min(9, (Math.PI * REACH * 0.7) / members.length);
  return html`<svg class="network" viewBox="${-SIZE} ${-SIZE} ${2 * SIZE} ${2 * SIZE}" role="img" aria-label="${members.length} peers and the connections among them; the table has the same in words.">
${edges.map(({ from, to, bytes }) => {
  const [a, b] = [at[from] ?? [0, 0], at[to] ?? [0, 0]] as const;
  const width = (
    0.4 +
    WIDTH_MAX * Math.sqrt(bytes / most) * Math.min(1, 12 / members.length)
  ).toFixed(2);
  return html`<line x1="${a[0]}" y1="${a[1]}" x2="${b[0]}" y2="${b[1]}" stroke-width="${width}"/>`;
})}
${members.map((member, index) => {
  const [x, y] = at[index] ?? [0, 0];
  const name = `peer ${index + 1} ${short(member.plan.id)}`;
  return html`<g class="${kindOf(member)}"><title>${name}</title><circle cx="${x}" cy="${y}" r="${radius.toFixed(1)}"/><text x="${(x * 1.16).toFixed(1)}" y="${(y * 1.16).toFixed(1)}" text-anchor="middle" dominant-baseline="middle">${index + 1}</text></g>`;
})}
</svg>`;
}

// --- internal ---

function placeOf(index: number, count: number): readonly [number, number] {
  const angle = (2 * Math.PI * index) / count - Math.PI / 2;
  const rounded = (value: number) => Math.round(10 * value) / 10;
  return [rounded(REACH * Math.cos(angle)), rounded(REACH * Math.sin(angle))];
}

/** Each pair once, as one of them tells it. */
function edgesOf(members: readonly Member[]): readonly Edge[] {
  const places = new Map(members.map(({ plan }, index) => [plan.id, index]));
  const told = members.flatMap(({ status, answers }, from) =>
    (answers ? (status?.peers ?? []) : [])
      .filter(({ connected }) => connected)
      .map(({ peer, traffic }) => {
        const bytes = traffic === null ? 0 : traffic.sent + traffic.received;
        return { from, to: places.get(peer) ?? from, bytes };
      }),
  );
  const byPair = new Map(
    told.map((edge) => [[edge.from, edge.to].sort((a, b) => a - b).join(" "), edge]),
  );
  return [...byPair.values()].filter(({ from, to }) => from !== to);
}
