/**
 * Fifty peers in virtual time, each a real node with a made-up task. Two of them attack: one sends its updates turned round,
 * one announces two payloads for each round. Prints what came of it, and who shut whom out.
 *
 *     node -C klatch-source examples/simulate.ts     in a checkout
 *     node simulate.ts                               where klatch is installed
 */
import { ATTACKS, resultOf, Simulation } from "klatch/testing";

const simulation = new Simulation({
  ...{ seed: 1, peers: 50, rounds: 6 },
  attacks: { 48: "sign-flip", 49: "equivocate" },
});
await simulation.run();

const { rounds, loss, virtualSeconds, digest } = resultOf(simulation);
console.log(`${rounds} rounds in ${Math.round(virtualSeconds)} s of virtual time`);
console.log(`loss ${loss.toFixed(3)} of the honest on their common task; the best is 0.1`);
console.log(`digest ${digest.slice(0, 16)}…, the same on every machine`);

for (const { id, index, attack } of simulation.peers) {
  if (attack === null) continue;
  const standings = simulation.watched.map(
    ({ node }) => node?.status().peers.find(({ peer }) => peer === id)?.standing,
  );
  const out = standings.filter((standing) => standing === "isolated" || standing === "evicted");
  const by = `${out.length} of ${standings.length}`;
  console.log(`peer ${index} (${ATTACKS[attack].text}) is shut out by ${by}`);
}
