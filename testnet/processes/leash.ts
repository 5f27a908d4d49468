/**
 * Preloaded into every peer process (`node --import`): when the process that started it is gone, in whatever way, the
 * peer stops too. The channel to the parent closes even when the parent was killed with SIGKILL.
 */
import { isMainThread } from "node:worker_threads";

/** Time for a graceful stop before the peer kills itself, ms. */
const STOP_MS = 15_000;

if (isMainThread && process.channel !== undefined && process.channel !== null) {
  process.once("disconnect", () => {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), STOP_MS).unref();
    process.kill(process.pid, "SIGTERM");
  });
  // The channel alone must not keep a peer alive that has done its work.
  process.channel.unref();
}
