/**
 * The pure protocol over a transport of one's own: five peers, an array of messages, one number in place of a model. Made-up
 * training draws each peer to its own aim, and eve's is far off. Prints where they end: the other four together.
 *
 *     node -C klatch-source examples/own-transport.ts     in a checkout
 *     node own-transport.ts                               where klatch is installed
 */
import * as klatch from "klatch/protocol";

const AIMS = { ann: 1, ben: 2, cat: 3, dan: 4, eve: 1000 };
const graph = klatch.buildGraph(klatch.parseTopology("full"), Object.keys(AIMS));
const { attackersMax, statement } = klatch.certify("cs-plus", graph);
const peers = Object.entries(AIMS).map(([name, aim]) => createPeer(name, aim));

/** The transport: nothing is lost on it, so that nobody needs a timer and time may stand still. */
const messages: { readonly to: Peer; readonly event: klatch.Event }[] = [];
const payloads = new Map<string, Float32Array>();
const now = 0;

for (const to of peers) messages.push({ to, event: { type: "started", now } });
for (let next = messages.shift(); next !== undefined; next = messages.shift()) {
  const [round, effects] = klatch.step(next.to.round, next.event);
  next.to.round = round;
  for (const effect of effects) perform(next.to, effect);
}
console.log(statement);
console.log(peers.map(({ name, state }) => `${name} ${state[0]?.toFixed(2)}`).join(", "));

type Peer = ReturnType<typeof createPeer>;

function createPeer(self: string, aim: number) {
  const [neighbours, timing] = [graph.get(self) ?? [], klatch.roundTimingSchema.parse({})];
  const round = klatch.createRound({ self, neighbours, rounds: 20, attackersMax, timing });
  const state: Float32Array = Float32Array.of(0);
  return { name: self, aim, round, state, pulled: new Map<string, typeof state>() };
}

function perform(peer: Peer, effect: klatch.Effect): void {
  const { name, aim, state, pulled } = peer;
  if (effect.type === "train") {
    const payload = `${name} in round ${effect.round}`;
    peer.state = state.map((at) => at + 0.1 * (aim - at));
    payloads.set(payload, peer.state);
    messages.push({ to: peer, event: { type: "trained", round: effect.round, payload, now } });
  } else if (effect.type === "announce") {
    const event = { ...effect, type: "announced", peer: name, payloadBytes: 4, now } as const;
    for (const to of peers) if (to !== peer) messages.push({ to, event });
  } else if (effect.type === "fetch") {
    pulled.set(effect.peer, payloads.get(effect.payload) ?? state);
    messages.push({ to: peer, event: { ...effect, type: "fetched", now } });
  } else if (effect.type === "mix") {
    const shares = klatch.metropolisShares(graph, name);
    const contributions = effect.peers.map((other) => ({
      ...{ peer: other, state: pulled.get(other) ?? state, share: shares.get(other) ?? 0 },
    }));
    peer.state = klatch.mix("cs-plus", { own: state, contributions, attackersMax });
    messages.push({ to: peer, event: { type: "mixed", round: effect.round, now } });
  }
}
