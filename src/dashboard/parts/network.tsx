import type { NodeStatus, PeerStatus } from "../../node/records/records.ts";
import { edgeWidth, type Place, places, REACH } from "../layout.ts";
import { bytes, counted, short } from "../words.ts";
import { Section } from "./section.tsx";

/** Peers whose names there is room for. */
const NAMED_MAX = 16;
/** Room for names around the ring. */
const MARGIN = 34;

/** The network as this node sees it: itself in the middle, the others by standing, edges by bytes. */
export function Network({ status }: { readonly status: NodeStatus }) {
  const { peers, peerId } = status;
  const here = peers.filter(({ connected }) => connected).length;
  const at = places(peers.length);
  const size = REACH + MARGIN;
  const most = Math.max(0, ...peers.map(bytesWith));
  return (
    <Section
      id="network"
      title="Network"
      note={`${here} of ${counted(peers.length, "peer")} connected`}
    >
      <svg
        class="network"
        viewBox={`${-size} ${-size} ${2 * size} ${2 * size}`}
        role="img"
        aria-label={`This node and ${counted(peers.length, "peer")}, ${here} of them connected; the table of peers has the same in words.`}
      >
        {peers.map((peer, index) => (
          <Edge
            key={peer.peer}
            peer={peer}
            place={at[index] as Place}
            width={edgeWidth(bytesWith(peer), most, peers.length)}
          />
        ))}
        {peers.map((peer, index) => (
          <Node
            key={peer.peer}
            peer={peer}
            place={at[index] as Place}
            isNamed={peers.length <= NAMED_MAX}
          />
        ))}
        <g class="self">
          <circle r="11" />
          <title>{`this node ${short(peerId)}`}</title>
        </g>
      </svg>
      <ul class="legend">
        {["full", "reduced", "isolated", "evicted", "away"].map((kind) => (
          <li key={kind}>
            <span class={`key ${kind}`} aria-hidden="true" />
            {kind}
          </li>
        ))}
        <li class="hint">wider: more bytes</li>
      </ul>
    </Section>
  );
}

// --- internal ---

function bytesWith({ traffic }: PeerStatus): number {
  return traffic === null ? 0 : traffic.sent + traffic.received;
}

function Edge({
  peer,
  place,
  width,
}: {
  readonly peer: PeerStatus;
  readonly place: Place;
  readonly width: number;
}) {
  const { connected, neighbour, standing } = peer;
  if (!(connected || neighbour)) return null;
  const kind = connected ? standing : "away";
  return (
    <line class={`edge ${kind}`} x2={place.x} y2={place.y} stroke-width={connected ? width : 0.8} />
  );
}

function Node({
  peer,
  place,
  isNamed,
}: {
  readonly peer: PeerStatus;
  readonly place: Place;
  readonly isNamed: boolean;
}) {
  const { x, y, radius } = place;
  const words = [
    ...[short(peer.peer), peer.connected ? peer.standing : "away"],
    ...(peer.traffic === null ? [] : [bytes(bytesWith(peer))]),
    ...(peer.reason === null ? [] : [peer.reason]),
  ];
  const away = 1 + (radius + 9) / REACH;
  return (
    <g class={`peer ${peer.connected ? peer.standing : "away"}`}>
      <title>{words.join(", ")}</title>
      <circle cx={x} cy={y} r={radius} />
      {isNamed ? (
        <text x={x * away} y={y * away} text-anchor={anchorOf(x)} dominant-baseline="middle">
          {peer.peer.slice(-5)}
        </text>
      ) : null}
    </g>
  );
}

function anchorOf(x: number): "start" | "middle" | "end" {
  if (Math.abs(x) < 20) return "middle";
  return x < 0 ? "end" : "start";
}
