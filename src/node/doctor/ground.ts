import { KlatchError } from "../../errors.ts";
import { loadIdentity } from "../../gossip/index.ts";
import type { HubOptions } from "../../training/index.ts";
import type { PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { identityFile } from "../folders/data-folder.ts";
import { outcome } from "./check.ts";
import { type Learned, learn } from "./learned.ts";
import { bootstrapPeers, type Met, runningNode, visit } from "./met.ts";

/** What the checks look at. What takes long is done once, before them: a training step, and a visit to the members. */
export interface Ground {
  /** With what auto stands for, as far as that could be found. */
  readonly config: Config;
  readonly hub: HubOptions;
  /** This node's peer id; null without an identity. */
  readonly self: PeerId | null;
  readonly learned: Learned;
  /** The node itself, where it runs. */
  readonly running: Met | "starting" | null;
  /** Null where nobody was called. */
  readonly met: Met | null;
}

/** Does what takes long, and tells what that is. */
export async function survey(
  given: Config,
  hub: HubOptions,
  tell: (sentence: string) => void,
): Promise<Ground> {
  tell("opens model and data, and takes a training step");
  const learned = await learn(given, hub);
  const { config, facts } = learned;
  const identity = await outcome(() => loadIdentity(identityFile(config.dataDir)));
  const isKnown = !(identity instanceof KlatchError);
  const self = isKnown ? identity.peerId : null;
  const running = await runningNode(config, self);
  const ground = { config, hub, self, learned, running };
  if (running !== null) return { ...ground, met: running === "starting" ? null : running };
  const others = bootstrapPeers(config);
  if (!isKnown || others.length === 0) return { ...ground, met: null };
  tell("calls the members, for some seconds at most");
  const met = await outcome(() => visit(config, identity, facts));
  return { ...ground, met: met instanceof KlatchError ? null : met };
}
