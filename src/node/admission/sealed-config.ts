import { readFileSync } from "node:fs";
import { byPeer } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import type { SealedMember, SealedRun, Ticket } from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import type { Config } from "../config/config.ts";
import { withList } from "../config/edit-list.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { fileError, realFileSystem } from "../store/file-system.ts";
import { digestOfOffer, parseOffer } from "./offer.ts";

/** Addresses in a list of peers to stay connected with; others of a large run are heard of. */
const BOOTSTRAP_MAX = 256;

/**
 * Writes the members of a sealed run into a configuration file, and where they are; all else in it stays as it is.
 *
 * @throws KlatchError `disk` or `permission`, with the old content in place
 */
export function writeMembers(
  file: string,
  { network }: Pick<Config, "network">,
  members: readonly SealedMember[],
  self: PeerId,
): void {
  const peers = members.map(({ peer }) => peer).sort(byPeer);
  const others = members.filter(({ peer }) => peer !== self);
  const told = others.flatMap(({ peer, addresses }) => addresses.map((at) => `${at}/p2p/${peer}`));
  // what the operator wrote, or a ticket said, comes first
  const bootstrap = [...new Set([...network.bootstrap, ...told])].slice(0, BOOTSTRAP_MAX);
  const text = withList(readText(file), "run", "members", peers);
  const whole = withList(text, "network", "bootstrap", bootstrap);
  writeAtomically(realFileSystem, file, [new TextEncoder().encode(whole)]);
}

/**
 * Whether a sealed run is what a ticket was for, with this node in it.
 *
 * @throws KlatchError `incompatible` where it is not
 */
export function requireSealed({ offer, members }: SealedRun, ticket: Ticket, self: PeerId): void {
  requireOffer(offer, ticket);
  const { seats } = parseOffer(offer);
  const peers = members.map(({ peer }) => peer);
  const lacks = [self, ticket.creator].find((peer) => !peers.includes(peer));
  const what =
    lacks === undefined
      ? `the sealed run has ${peers.length} members, and ${seats} seats were offered`
      : `${lacks} is not among the members of the sealed run`;
  if (lacks === undefined && peers.length === seats) return;
  throw new KlatchError("incompatible", what, "ask the creator of the run what it has sealed");
}

/** @throws KlatchError `incompatible` where an offer is another than the one that a ticket is for */
export function requireOffer(offer: Uint8Array, { run, creator }: Ticket): void {
  if (digestOfOffer(offer) === run) return;
  throw new KlatchError(
    "incompatible",
    `${creator} offers another run than the one that the ticket is for`,
    "ask the creator for a ticket of this run",
  );
}

// --- internal ---

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fileError(error, file);
  }
}
