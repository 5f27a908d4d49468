import { reasonOf } from "../log.ts";

/** Longest text of a reason that is not in the table. */
const MAX_LENGTH = 100;

/** Nothing came back, from a host that is not there as from one that is busy for a while. */
export const SILENT = "no answer in time";
const NO_HANDSHAKE = "no handshake: not a Klatch node, or another network key";
const NO_WAY = "no way to that host";
const NO_SERVER = "no name server answers";

/** What a failed attempt's error says, in words for an operator; by code of the system or name of the error. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: NO_HANDSHAKE,
  EPIPE: NO_HANDSHAKE,
  EncryptionFailedError: NO_HANDSHAKE,
  EHOSTUNREACH: NO_WAY,
  ENETUNREACH: NO_WAY,
  EADDRNOTAVAIL: NO_WAY,
  EINVAL: NO_WAY,
  ENOTFOUND: "no such name",
  ENODATA: "the name has no address",
  EAI_AGAIN: NO_SERVER,
  ESERVFAIL: NO_SERVER,
  EREFUSED: NO_SERVER,
  ETIMEOUT: NO_SERVER,
  ECANCELLED: NO_SERVER,
  ETIMEDOUT: SILENT,
  TimeoutError: SILENT,
  AbortError: SILENT,
  DialDeniedError: "refused by this node: not a member, or isolated",
  TooNearError: "the name stands for an address that its teller may not name",
};

/** What libp2p says of a key that is not the one that was asked for; by then it is a text. */
const OTHER_KEY = /identity key .* does not match/;
/**
 * The other side refuses by key, which it knows after the handshake only: here that looks like a connection, for a
 * moment.
 */
export const DROPPED = "it closed the connection at once: is this node among its members?";

/** Why an attempt failed, in few words; what is not known is told in one line of plain characters. */
export function dialReason(thrown: unknown): string {
  for (const { code, name, message } of chain(thrown)) {
    const words = OTHER_KEY.test(message) ? "another peer answers there" : null;
    const known = words ?? WORDS[code] ?? WORDS[name];
    if (known !== undefined) return known;
  }
  const [line = ""] = reasonOf(thrown).split("\n");
  return line.replace(/[^ -~]/g, "?").slice(0, MAX_LENGTH);
}

// --- internal ---

/** An error and what is behind it, the nearest first. */
function chain(thrown: unknown): readonly { code: string; name: string; message: string }[] {
  const found: { code: string; name: string; message: string }[] = [];
  let at = thrown;
  while (at instanceof Error && found.length < 8) {
    const { name, message, code = "" } = at as NodeJS.ErrnoException;
    found.push({ code, name, message });
    at = at instanceof AggregateError ? at.errors[0] : at.cause;
  }
  return found;
}
