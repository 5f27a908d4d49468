import { KlatchError } from "../../errors.ts";
import type { FileLender } from "../../gossip/index.ts";
import { type ModelFile, resolveModel } from "../../training/index.ts";
import type { PeerId } from "../../types.ts";
import { readAdmissions, readOffer, readTicket } from "../admission/admission-files.ts";
import type { Desk } from "../admission/desk.ts";
import { parseOffer } from "../admission/offer.ts";
import type { Config } from "../config/config.ts";
import { hubOptions } from "../config/hub-options.ts";
import type { Logger } from "../process/logger.ts";
import { LentModel } from "./lent-model.ts";
import { isOfHub } from "./shared-files.ts";

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
  const files = filesOf(config, dataDir, log);
  if (files === null) return null;
  const isFor = (peer: PeerId) =>
    desk === null
      ? config.run.members.includes(peer)
      : desk.state.admitted.some((seat) => seat.peer === peer);
  const folder = () => folderOf(config);
  return new LentModel({ files, folder, isFor, log });
}

/**
 * The files of the model that a node gives to members of its run; null where it gives none.
 *
 * @throws KlatchError where what the run offers is damaged, or of a later version
 */
export function filesGiven(
  { shareModel }: Pick<Config, "shareModel">,
  dataDir: string,
): readonly ModelFile[] | null {
  if (shareModel === "never") return null;
  const offer = readAdmissions(dataDir)?.offer ?? offerIn(dataDir);
  return (offer && parseOffer(offer).model.files) ?? null;
}

// --- internal ---

/** Nothing is downloaded to be given away. */
async function folderOf({ model, cache }: Pick<Config, "model" | "cache">): Promise<string> {
  if (!isOfHub(model)) return model;
  return (await resolveModel(model, { ...hubOptions(cache), offline: true })).folder;
}

/** What others need is nothing that keeps this node from running. */
function filesOf(
  config: Pick<Config, "shareModel">,
  dataDir: string,
  log: Logger,
): readonly ModelFile[] | null {
  try {
    return filesGiven(config, dataDir);
  } catch (error) {
    if (!(error instanceof KlatchError)) throw error;
    log.warn({ err: error }, "the model is given to nobody: what the run offers is not known");
    return null;
  }
}

function offerIn(dataDir: string): Uint8Array | null {
  const ticket = readTicket(dataDir);
  return ticket && readOffer(dataDir, ticket);
}
