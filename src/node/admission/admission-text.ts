import { KlatchError } from "../../errors.ts";
import type { AdmissionRefusal } from "../../gossip/index.ts";
import type { Timestamp } from "../../types.ts";

interface RefusalText {
  readonly what: string;
  /** For who asked. */
  readonly hint: string;
  /** For the creator of the run. */
  readonly advice: string;
}

/** Why somebody was not admitted, for both sides, and what can be done about it. */
export const REFUSAL_TEXT: Readonly<Record<AdmissionRefusal, RefusalText>> = {
  "other-run": {
    what: "the ticket is for another run than the one that its creator starts",
    hint: "ask the creator for a ticket of this run",
    advice: "it has a ticket of an earlier run of this node: send it one of this run",
  },
  unknown: {
    what: "the creator has given out no such ticket",
    hint: "ask the creator for a ticket: this one was made up, or is of a run created anew since",
    advice: "somebody has made a ticket up, or has seen another's question: nothing to be done",
  },
  used: {
    what: "another peer has the seat of this ticket",
    hint: "a ticket is for one organisation: ask the creator for one of your own, and tell it if nobody else should have had this one",
    advice:
      "ask the organisation for its peer id; if the wrong one has the seat, create the run anew",
  },
  full: {
    what: "all seats of the run are taken",
    hint: "in mode agreed the members can add you (`klatch member propose add`); else ask for the next run",
    advice: "in mode agreed the members can add it (`klatch member propose add`)",
  },
  expired: {
    what: "the ticket has expired by the creator's clock",
    hint: "ask the creator for a new run with new tickets (`klatch run create --expires`)",
    advice: "create the run anew in another folder, with more time (--expires)",
  },
};

/** The refusal as the error of who asked. */
export function refusalError(reason: AdmissionRefusal): KlatchError {
  const { what, hint } = REFUSAL_TEXT[reason];
  return new KlatchError("usage", what, hint);
}

/** How far a run is that is to begin, and until when it waits. */
export function seatsText(taken: number, seats: number, expires: Timestamp): string {
  const open = seats - taken;
  const wait = open === 0 ? "" : `; waits for ${open} more until ${timeText(expires)}`;
  return `${taken} of ${seats} seats taken${wait}`;
}

/** A moment for a person, in UTC to the second. */
export function timeText(at: Timestamp): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
