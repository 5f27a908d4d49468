/**
 * What most commands do not call, as a function that loads itself when it is called: libp2p is half of all modules.
 *
 * @packageDocumentation
 */
import type * as Wire from "./network.ts";

export const createNetwork: typeof Wire.createNetwork = async (...values) =>
  (await import("./network.ts")).createNetwork(...values);
