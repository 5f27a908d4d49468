import { z } from "zod";
import { byPeer } from "../../consensus/index.ts";
import { isPeerId } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import type { RunTerms } from "../peer/manifest.ts";

const agreedTerms = z.looseObject({
  mode: z.literal("agreed"),
  members: z.array(z.string().refine(isPeerId)).min(1).max(1000),
});

/** The members of a run in mode `agreed` by its terms, sorted; null where these are of no such run. */
export function membersOf({ run }: RunTerms): readonly PeerId[] | null {
  const parsed = agreedTerms.safeParse(run);
  if (!parsed.success) return null;
  const members = [...new Set(parsed.data.members)].sort(byPeer);
  return members.length === parsed.data.members.length ? members : null;
}

const withAttackers = z.looseObject({ attackersMax: z.int().min(0) });

/** Liars that the members are to bear whoever leaves; undefined where the terms leave that to their number. */
export function attackersMinIn({ run }: RunTerms): number | undefined {
  return withAttackers.safeParse(run).data?.attackersMax;
}

const withSteps = z.looseObject({ steps: z.int().min(1) });

/** Steps a round that a run began with. */
export function stepsIn({ run }: RunTerms): number {
  return withSteps.parse(run).steps;
}

const withMomentum = z.looseObject({ outer: z.looseObject({ momentum: z.number().positive() }) });

/** Whether checkpoints of a run are of a state and of what the outer optimiser remembers. */
export function hasMomentum({ run }: RunTerms): boolean {
  return withMomentum.safeParse(run).success;
}
