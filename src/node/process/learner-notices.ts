import type { LearnerNotice } from "../../training/index.ts";
import type { Logger } from "./logger.ts";

/** Least time between two lines about the same long work, ms. */
const PROGRESS_MS = 10_000;

/** Tells the log what a learner does on its own: changes as warnings, progress seldom. */
export function noticeLog(log: Logger): (notice: LearnerNotice) => void {
  let saidAt = Date.now();
  return ({ kind, message, facts }) => {
    if (kind === "change") {
      log.warn(facts, message);
      return;
    }
    if (Date.now() - saidAt < PROGRESS_MS) return;
    saidAt = Date.now();
    log.info(facts, message);
  };
}
