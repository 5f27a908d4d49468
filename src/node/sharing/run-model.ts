import { KlatchError } from "../../errors.ts";
import type { FileLender } from "../../gossip/index.ts";
import { type ModelFile, resolveModel } from "../../training/index.ts";
import type { PeerId } from "../../types.ts";
import { readOffer, readTicket } from "../admission/admission-files.ts";
import type { Desk } from "../admission/desk.ts";
import { parseOffer } from "../admission/offer.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import type { Logger } from "../process/logger.ts";
import { LentModel } from "./lent-model.ts";

/**
 * The model of a run that began with tickets, as this node gives it to the other members: the creator from its first
 * seat on, who has joined once it runs. Null where the run's creator gives none, or this node none (`shareModel`).
 */
export function lentModel(
  config: Pick<Config, "model" | "shareModel" | "cache" | "run">,
  dataDir: string,
  desk: Desk | null,
  log: Logger,
): FileLender | null {
  if (config.shareModel === "never") return null;
  const files = filesOf(dataDir, desk, log);
  if (files === null) return null;
  const isFor = (peer: PeerId) =>
    desk === null
      ? config.run.members.includes(peer)
      : desk.state.admitted.some((seat) => seat.peer === peer);
  // nothing is downloaded to be given away
  const hub = { ...hubOptions(config.cache), offline: true };
  const folder = async () => (await resolveModel(config.model, hub)).folder;
  return new LentModel({ files, folder, isFor, log });
}

// --- internal ---

/** What others need is nothing that keeps this node from running. */
function filesOf(dataDir: string, desk: Desk | null, log: Logger): readonly ModelFile[] | null {
  try {
    const offer = desk?.state.offer ?? offerIn(dataDir);
    return (offer && parseOffer(offer).model.files) ?? null;
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    log.warn(
      { err: error },
      "the model is not given to who joins: what the run offered is not known",
    );
    return null;
  }
}

function offerIn(dataDir: string): Uint8Array | null {
  const ticket = readTicket(dataDir);
  return ticket && readOffer(dataDir, ticket);
}
