import type { DriverLoop } from "./driver-loop.ts";
import type { PeerParts } from "./peer-parts.ts";

/** A run that nobody has begun yet may have to wait for a time that all have agreed on. */
export async function untilBeginning(
  { clock, config, log }: Pick<PeerParts, "clock" | "config" | "log">,
  loop: DriverLoop,
  round: number,
): Promise<void> {
  const at = config.run.start.at === null ? 0 : Date.parse(config.run.start.at);
  if (round > 0 || at <= clock.wallClock()) return;
  log.info({ at: config.run.start.at }, "the run begins later");
  await loop.untilWallClock(at);
}
