import {
  type AdmissionAnswer,
  type AdmissionRefusal,
  type AdmissionRequest,
  isProof,
  rightOf,
  type SealedMember,
} from "../../gossip/index.ts";
import type { Digest, PeerId, Timestamp } from "../../types.ts";

/** A right to be admitted, which a ticket proves. */
export interface Right {
  readonly secret: Uint8Array;
  /** How many peers it admits: one, or of a standing one as many as seats are open. */
  readonly seats: number;
}

/** Somebody who has a seat. */
export interface Seat extends SealedMember {
  /** The name of the right that it came by, in hexadecimal. */
  readonly right: string;
}

/** A run that is to begin, as its creator keeps it. */
export interface Admissions {
  readonly creator: SealedMember;
  /** Digest of the offer. */
  readonly run: Digest;
  readonly offer: Uint8Array;
  /** All members of the run, the creator among them. */
  readonly seats: number;
  /** When nobody is admitted any more. */
  readonly expires: Timestamp;
  readonly rights: readonly Right[];
  /** Without the creator, in the order in which they came. */
  readonly admitted: readonly Seat[];
  /** The run with its members, once all seats are taken. */
  readonly sealed: Uint8Array | null;
}

export interface Admitted {
  readonly state: Admissions;
  readonly answer: AdmissionAnswer;
}

/** Seats that are taken, the creator's among them. */
export function takenOf({ admitted }: Admissions): number {
  return 1 + admitted.length;
}

export function isFull(state: Admissions): boolean {
  return takenOf(state) >= state.seats;
}

/** All members, the creator first. */
export function membersOf({ creator, admitted }: Admissions): readonly SealedMember[] {
  return [creator, ...admitted.map(({ peer, addresses }) => ({ peer, addresses }))];
}

/**
 * What becomes of a question by a peer that has shown its key. A seat is the peer's that took it, for good: who has one
 * and asks again is told how far the run is, and nobody takes it over. State that is the same object has nothing new
 * to be kept.
 */
export function admit(
  state: Admissions,
  peer: PeerId,
  request: AdmissionRequest,
  now: Timestamp,
): Admitted {
  if (request.run !== state.run) return refused(state, "other-run");
  const seat = state.admitted.find((each) => each.peer === peer);
  if (seat !== undefined) return asksAgain(state, seat, request, now);
  const right = rightIn(state, peer, request);
  if (right === null) return refused(state, "unknown");
  const name = hex(request.right);
  const used = state.admitted.filter((each) => each.right === name).length;
  if (used >= right.seats) return refused(state, "used");
  if (state.sealed !== null || isFull(state)) return refused(state, "full");
  if (now >= state.expires) return refused(state, "expired");
  const { addresses } = request;
  const next = { ...state, admitted: [...state.admitted, { peer, addresses, right: name }] };
  return { state: next, answer: answerTo(next, now) };
}

/** What somebody who has a seat is told. */
export function answerTo(state: Admissions, now: Timestamp): AdmissionAnswer {
  if (state.sealed !== null) return { kind: "sealed", sealed: state.sealed };
  if (now >= state.expires && !isFull(state)) return { kind: "refused", reason: "expired" };
  return { kind: "waits", offer: state.offer, taken: takenOf(state) };
}

// --- internal ---

function asksAgain(
  state: Admissions,
  seat: Seat,
  { addresses }: AdmissionRequest,
  now: Timestamp,
): Admitted {
  const isMoved = addresses.join() !== seat.addresses.join();
  // once sealed, addresses travel by other ways
  if (!isMoved || isFull(state)) return { state, answer: answerTo(state, now) };
  const admitted = state.admitted.map((each) => (each === seat ? { ...seat, addresses } : each));
  const next = { ...state, admitted };
  return { state: next, answer: answerTo(next, now) };
}

function rightIn(
  { rights, run, creator }: Admissions,
  peer: PeerId,
  { right, proof }: AdmissionRequest,
): Right | null {
  const named = hex(right);
  const found = rights.find(({ secret }) => hex(rightOf(secret)) === named);
  const parties = { run, creator: creator.peer, peer };
  return found !== undefined && isProof(proof, found.secret, parties) ? found : null;
}

function refused(state: Admissions, reason: AdmissionRefusal): Admitted {
  return { state, answer: { kind: "refused", reason } };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
