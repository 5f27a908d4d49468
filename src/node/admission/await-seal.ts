import { KlatchError } from "../../errors.ts";
import { createNetwork, type Identity, loadIdentity, type Ticket } from "../../gossip/index.ts";
import type { Timestamp } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { networkConfig } from "../config/network-config.ts";
import { identityFile } from "../folders/data-folder.ts";
import type { Logger } from "../process/logger.ts";
import { lentModel } from "../sharing/run-model.ts";
import { lockFolder } from "../store/lock.ts";
import { readAdmissions, readTicket } from "./admission-files.ts";
import { seatsText, timeText } from "./admission-text.ts";
import { membersOf, takenOf } from "./admissions.ts";
import { askForSeat } from "./asking.ts";
import { Desk } from "./desk.ts";
import { parseOffer } from "./offer.ts";
import { requireOffer, requireSealed, writeMembers } from "./sealed-config.ts";

/** A run that this folder is to take part in, whose members are not fixed yet. */
export type OpenRun =
  | {
      readonly role: "creator";
      readonly taken: number;
      readonly seats: number;
      readonly expires: Timestamp;
    }
  | { readonly role: "joiner"; readonly ticket: Ticket };

/** What a folder waits for before it can start; null where its configuration names the members. */
export function openRunOf({ run, dataDir }: Pick<Config, "run" | "dataDir">): OpenRun | null {
  if (run.members.length > 0) return null;
  const state = readAdmissions(dataDir);
  if (state !== null) {
    const { seats, expires } = state;
    return { role: "creator", taken: takenOf(state), seats, expires };
  }
  const ticket = readTicket(dataDir);
  return ticket === null ? null : { role: "joiner", ticket };
}

/** The same in words. */
export function openRunText(open: OpenRun): string {
  if (open.role === "creator") return seatsText(open.taken, open.seats, open.expires);
  const { creator, expires } = open.ticket;
  return `this node has a seat; the others are open until ${timeText(expires)}, at ${creator}`;
}

export interface AwaitSealOptions {
  /** The file of the configuration, into which the members are written. */
  readonly file: string;
  readonly log: Logger;
  /** Told what is waited for, when that changes. */
  readonly tell: (sentence: string) => void;
}

/**
 * Waits until the members of an open run are fixed, as its creator or as one of them, and writes them into the
 * configuration file. May end at any moment, and be begun again.
 *
 * @throws KlatchError `usage` when its time is over or this node is refused, `network` when the creator is not reached,
 *   `locked` when another process waits here; the signal's reason
 */
export async function awaitSeal(
  open: OpenRun,
  config: Config,
  options: AwaitSealOptions,
  signal: AbortSignal,
): Promise<void> {
  const unlock = lockFolder(config.dataDir);
  try {
    const identity = await loadIdentity(identityFile(config.dataDir));
    if (open.role === "creator") await admitAll(config, identity, options, signal);
    else await followTicket(open.ticket, config, identity, options, signal);
  } finally {
    unlock();
  }
}

// --- internal ---

async function admitAll(
  config: Config,
  identity: Identity,
  { file, log, tell }: AwaitSealOptions,
  signal: AbortSignal,
): Promise<void> {
  const { dataDir } = config;
  const desk = Desk.of({
    ...{ dataDir, identity, log },
    onSeat: (peer, state) =>
      tell(`admitted ${peer}: ${seatsText(takenOf(state), state.seats, state.expires)}`),
  });
  if (desk === null) throw new KlatchError("data", "the seats of the run are gone", "restore them");
  await desk.sealIfFull();
  if (desk.state.sealed === null) await openDoor(config, identity, desk, { log, tell }, signal);
  writeMembers(file, config, membersOf(desk.state), identity.peerId);
  tell(`all ${desk.state.seats} seats taken: the run is sealed`);
}

/** Answers whoever has a ticket, until all seats are taken. */
async function openDoor(
  config: Config,
  identity: Identity,
  desk: Desk,
  { log, tell }: Pick<AwaitSealOptions, "log" | "tell">,
  signal: AbortSignal,
): Promise<void> {
  const { seats, expires } = desk.state;
  const waits = seatsText(takenOf(desk.state), seats, expires);
  if (Date.now() >= expires) throw overWith(desk);
  const files = lentModel(config, config.dataDir, desk, log);
  const network = await createNetwork(
    { ...networkConfig(config), members: "anyone", bootstrap: [], peerExchange: false },
    // nobody is to take it for the node of the run
    {
      ...{ key: identity.key, log, visits: true, admission: desk.answer },
      ...(files === null ? {} : { files }),
    },
  );
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  try {
    await network.start(signal);
    tell(waits);
    const beat = setInterval(() => {
      log.info({ waits: seatsText(takenOf(desk.state), seats, expires) }, "heartbeat");
    }, config.timing.heartbeatMs);
    try {
      await Promise.race([desk.isSealed, until(expires, signal, () => overWith(desk))]);
    } finally {
      clearInterval(beat);
    }
  } finally {
    await network.stop();
  }
}

async function followTicket(
  ticket: Ticket,
  config: Config,
  identity: Identity,
  { file, log, tell }: AwaitSealOptions,
  signal: AbortSignal,
): Promise<void> {
  let told = 0;
  const answer = await askForSeat(
    {
      ...{ ticket, config, identity, log, tell },
      isEnough: (said) => {
        if (said.kind === "sealed") return true;
        requireOffer(said.offer, ticket);
        if (said.taken !== told) {
          tell(seatsText(said.taken, parseOffer(said.offer).seats, ticket.expires));
        }
        told = said.taken;
        return false;
      },
    },
    signal,
  );
  if (answer.kind !== "sealed") throw new TypeError("only a sealed run is enough");
  requireSealed(answer.run, ticket, identity.peerId);
  writeMembers(file, config, answer.run.members, identity.peerId);
  tell(`all ${answer.run.members.length} seats taken: the run is sealed`);
}

/** The longest that a timer of Node takes. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** Rejects at a time, with what `end` makes, or with the signal. */
function until(at: Timestamp, signal: AbortSignal, end: () => Error): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = at - Date.now();
    if (left <= 0) reject(end());
    else timer = setTimeout(wait, Math.min(left, TIMER_MAX_MS)).unref();
  };
  wait();
  const stop = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  signal.addEventListener("abort", stop, { once: true });
  return promise;
}

function overWith({ state }: Desk): KlatchError {
  return new KlatchError(
    "usage",
    `the tickets expired at ${timeText(state.expires)} with ${takenOf(state)} of ${state.seats} seats taken`,
    "create the run anew in another folder: `klatch run create FOLDER --expires 14d`",
  );
}
