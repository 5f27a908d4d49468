import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { KlatchError } from "../../errors.ts";
import {
  digestOf,
  isPeerId,
  MAX_TOLD_ADDRESSES,
  parseTicket,
  type Ticket,
} from "../../gossip/index.ts";
import { writeAtomically } from "../store/atomic-file.ts";
import { fileError, isMissing, realFileSystem } from "../store/file-system.ts";
import { openSealed, sealedJson } from "../store/sealed-json.ts";
import type { Admissions } from "./admissions.ts";
import { SEATS } from "./offer.ts";

/** A thousand members, and the sealed run, take less. */
const BYTES_MAX = 8 * 1024 * 1024;

/** What the creator of a run keeps of those whom it admits; secrets are in it. */
export function readAdmissions(dataDir: string): Admissions | null {
  const file = join(dataDir, ADMISSIONS);
  const text = readIfThere(file);
  if (text === null) return null;
  const { data } = schema.safeParse(openSealed(text));
  if (data === undefined) {
    throw damaged(file, "move it away if the run has begun, else create it anew elsewhere");
  }
  const { format: _, ...state } = data;
  return state;
}

/**
 * Keeps them: whatever happens, the file holds the state before or this one.
 *
 * @throws KlatchError `disk` or `permission`
 */
export function writeAdmissions(dataDir: string, state: Admissions): void {
  const told = {
    ...state,
    offer: base64(state.offer),
    rights: state.rights.map(({ secret, seats }) => ({ secret: base64(secret), seats })),
    sealed: state.sealed && base64(state.sealed),
  };
  write(join(dataDir, ADMISSIONS), sealedJson({ format: 1, ...told }));
}

/** The ticket that this node was admitted by, or asked to be; null where there is none. */
export function readTicket(dataDir: string): Ticket | null {
  const file = join(dataDir, TICKET);
  const text = readIfThere(file);
  if (text === null) return null;
  const parsed = parseTicket(text);
  if ("refusal" in parsed) throw damaged(file, "run `klatch join` with the ticket again");
  return parsed.ticket;
}

/** @throws KlatchError `disk` or `permission` */
export function writeTicket(dataDir: string, text: string): void {
  write(join(dataDir, TICKET), `${text}\n`);
}

/** What the creator of the run of a ticket offers, to the byte; null where that is not here. */
export function readOffer(dataDir: string, { run }: Pick<Ticket, "run">): Uint8Array | null {
  const file = join(dataDir, OFFER);
  const text = readIfThere(file);
  if (text === null) return null;
  const offer = new TextEncoder().encode(text);
  return digestOf(offer) === run ? offer : null;
}

/** @throws KlatchError `disk` or `permission` */
export function writeOffer(dataDir: string, offer: Uint8Array): void {
  writeAtomically(realFileSystem, join(dataDir, OFFER), [offer]);
}

/** The files that hold rights of admission: whoever reads them can take a seat. */
export function admissionFiles(dataDir: string): readonly string[] {
  return [ADMISSIONS, TICKET].map((name) => join(dataDir, name));
}

// --- internal ---

const ADMISSIONS = "admissions.json";
const TICKET = "ticket";
const OFFER = "offer.json";

const peer = z.string().refine(isPeerId);
const addresses = z.array(z.string().max(256)).max(MAX_TOLD_ADDRESSES);
const bytes = z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64")));
const schema = z.strictObject({
  format: z.literal(1),
  creator: z.strictObject({ peer, addresses }),
  run: z.string().regex(/^[0-9a-f]{64}$/),
  offer: bytes,
  seats: z.int().min(SEATS.least).max(SEATS.most),
  expires: z.int().min(0),
  rights: z
    .array(z.strictObject({ secret: bytes, seats: z.int().min(1).max(SEATS.most) }))
    .max(SEATS.most),
  admitted: z
    .array(z.strictObject({ peer, addresses, right: z.string().regex(/^[0-9a-f]{16}$/) }))
    .max(SEATS.most),
  sealed: bytes.nullable(),
});

function base64(content: Uint8Array): string {
  return Buffer.from(content).toString("base64");
}

function write(file: string, text: string): void {
  writeAtomically(realFileSystem, file, [new TextEncoder().encode(text)]);
}

function readIfThere(file: string): string | null {
  try {
    const status = statSync(file);
    // to open a pipe would wait for ever
    if (!status.isFile() || status.size > BYTES_MAX) throw damaged(file, "move it away");
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isMissing(error)) return null;
    throw fileError(error, file);
  }
}

function damaged(file: string, hint: string): KlatchError {
  return new KlatchError("data", `${file} is damaged`, hint);
}
