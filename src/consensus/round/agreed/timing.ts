import type { RoundTiming } from "../config.ts";

/** Clock and patience of mode `agreed`; local and monotonic: nothing is judged by a wall clock. */
export type AgreedTiming = Pick<
  RoundTiming,
  | "commitGraceMs"
  | "graceShare"
  | "toleranceShare"
  | "fetchGraceMs"
  | "fetchMaxMs"
  | "missesMax"
  | "patienceFactor"
  | "openDelayMs"
  | "viewMs"
  | "repeatMs"
>;

/** A view is never longer. */
export const VIEW_MAX_MS = 600_000;
/** For so long a proposer waits for ballots beyond a quorum, as a share of the view's time. */
export const BALLOT_GRACE_SHARE = 0.25;
/** Bytes a second that a member is expected to have for payloads that it misses. */
export const FETCH_RATE = 1_048_576;
/** How long a member that is behind waits for the rest of its height before it asks for the chain. */
export const CATCH_UP_MS = 1000;
