import type { HubEvent } from "../../training/index.ts";
import type { Logger } from "./logger.ts";

/** Least time between two lines about the same download, ms. */
const PROGRESS_MS = 10_000;

/** Tells the log about a download; seldom, and nothing that could be private. */
export function downloadLog(log: Logger): (event: HubEvent) => void {
  let saidAt = Date.now();
  return ({ kind, ...facts }) => {
    if (kind === "progress" && Date.now() - saidAt < PROGRESS_MS) return;
    saidAt = Date.now();
    if (kind === "retry") log.warn(facts, "a download is tried again");
    else log.info({ ...facts, what: kind }, "downloading the model");
  };
}
