import { changesFault, decisionFault, quorumOf } from "../../consensus/index.ts";
import { KlatchError } from "../../errors.ts";
import { type ChangeFile, changeOf, lackOf } from "./change-file.ts";
import type { KnownRun } from "./current-members.ts";

/** What has become of a change: it lacks signatures, waits for a block, or fits the members no more. */
export type ChangeState = "unsigned" | "waiting" | "outdated";

export function stateOf(file: ChangeFile, known: KnownRun): ChangeState {
  if (isOutdated(file, known)) return "outdated";
  const { members, newKey } = lackOf(file);
  return members > 0 || newKey !== null ? "unsigned" : "waiting";
}

/**
 * Whether a block may make a change once it is signed.
 *
 * @throws KlatchError `usage` with why not
 */
export function requirePossible(file: ChangeFile, known: KnownRun): void {
  if (isOutdated(file, known)) {
    throw new KlatchError(
      "usage",
      "the change is of other members or decisions than the run has: it is made already, or another was made since",
      "see `klatch member list`, and propose it again",
    );
  }
  const change = signedByAll(file);
  const ground = groundOf(known);
  const fault = "number" in change ? decisionFault(change, ground) : changesFault([change], ground);
  if (fault === null) return;
  throw new KlatchError(
    "usage",
    `no block can make this change: ${fault}`,
    "see `klatch member list`",
  );
}

/** @throws KlatchError `usage` when signatures are missing */
export function requireSigned(file: ChangeFile): void {
  const { members, newKey } = lackOf(file);
  if (members === 0 && newKey === null) return;
  const { size } = quorumOf(file.members.length);
  const lacking = members > 0 ? `${members} of ${size} members` : `the new key ${newKey}`;
  throw new KlatchError(
    "usage",
    `the signature of ${lacking} is missing`,
    "pass the file on: each runs `klatch member sign FILE`",
  );
}

// --- internal ---

function isOutdated(file: ChangeFile, { run, head }: KnownRun): boolean {
  if (file.run !== run || file.members.join() !== head.members.peers.join()) return true;
  return "number" in file && file.number !== head.decided.number;
}

function groundOf({ run, head, attackersMin }: KnownRun) {
  const { members, height, decided } = head;
  const { digest: roster, peers } = members;
  return { run, roster, peers, attackersMin, height, decided };
}

/** The change as if everybody had signed: what else is wrong with it shows. */
function signedByAll(file: ChangeFile): ReturnType<typeof changeOf> {
  const signature = new Uint8Array(64);
  const signatures = file.members.map((_, place) => ({ place, signature }));
  const change = changeOf(file);
  if ("number" in change) return { ...change, signatures };
  return { ...change, consent: change.kind === "remove" ? null : signature, signatures };
}
