import type { PeerStatus } from "../../node/records/records.ts";
import { bytes, short } from "../words.ts";
import { Section } from "./section.tsx";

/** The other members, those with something to say of them first. */
export function Peers({ peers }: { readonly peers: readonly PeerStatus[] }) {
  const sorted = [...peers].sort((a, b) => trouble(b) - trouble(a) || (a.peer < b.peer ? -1 : 1));
  return (
    <Section id="peers" title="Peers" wide>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="scroll" aria-label="Table of peers" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">Peer</th>
              <th scope="col">Standing</th>
              <th scope="col" class="right">
                Round
              </th>
              <th scope="col" class="right">
                Sent
              </th>
              <th scope="col" class="right">
                Received
              </th>
              <th scope="col" class="right">
                Round trip
              </th>
              <th scope="col">What there is to say</th>
            </tr>
          </thead>
          <tbody>
            {sorted.map((peer) => (
              <Row key={peer.peer} peer={peer} />
            ))}
          </tbody>
        </table>
      </section>
    </Section>
  );
}

// --- internal ---

/** How much a peer wants to be looked at. */
function trouble({ standing, connected, reason, notes }: PeerStatus): number {
  const worse = { full: 0, reduced: 4, isolated: 8, evicted: 6 }[standing];
  return worse + (connected ? 0 : 2) + (reason === null ? 0 : 2) + (notes.length > 0 ? 1 : 0);
}

function Row({ peer }: { readonly peer: PeerStatus }) {
  const { connected, standing, traffic, roundTripMs, round, reason, notes, lastDial } = peer;
  const words = [
    ...(reason === null ? [] : [reason]),
    ...notes,
    ...(lastDial === null ? [] : [`${lastDial.address}: ${lastDial.reason}`]),
  ];
  const kind = connected ? standing : "away";
  return (
    <tr>
      <th scope="row">
        <code title={peer.peer}>{short(peer.peer)}</code>
      </th>
      <td>
        <span class={`key ${kind}`} aria-hidden="true" />
        {connected ? standing : `away, ${standing}`}
      </td>
      <td class="right">{round ?? "–"}</td>
      <td class="right">{traffic === null ? "–" : bytes(traffic.sent)}</td>
      <td class="right">{traffic === null ? "–" : bytes(traffic.received)}</td>
      <td class="right">{roundTripMs === null ? "–" : `${roundTripMs.toFixed(0)} ms`}</td>
      <td class="words">
        <bdi>{words.join("; ") || "–"}</bdi>
      </td>
    </tr>
  );
}
