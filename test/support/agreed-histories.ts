import { ALL, announced, ballot, Node } from "./agreed-node.ts";

/**
 * Author b announces another payload to each of the others, who all hold what they heard: the proposer has a quorum of
 * ballots, of which no two hold the same of b. What stalls there; null where the proposer goes on to mix.
 */
export function announcedApart(): string | null {
  const held = (payload: string) =>
    ALL.map((each) => (each.place === 1 ? { ...each, payload } : each));
  const proposer = new Node("d").start();
  for (const other of ["a", "c"]) proposer.hear(announced(other));
  proposer.hear(announced("b", "x"));
  proposer.told(ballot("d", held("x")), ballot("a", held("y")), ballot("c", held("z")));
  proposer.now = 600_000;
  proposer.hear({ type: "timer", timer: "propose", round: 0 });
  for (const effect of proposer.asked) {
    if (effect.type === "fetch")
      proposer.hear({ type: "fetched", payload: effect.payload.payload });
  }
  const cuts = proposer.asked.flatMap((effect) => (effect.type === "compute" ? [effect.cut] : []));
  const places = cuts
    .at(-1)
    ?.map(({ place }) => place)
    .join(" ");
  return places === "0 2 3" ? null : "stalled: the proposer makes no block of a quorum of ballots";
}
