import { z } from "zod";
import type { Digest } from "../../types.ts";
import { decodeCanonical, encodeCanonical } from "../canonical-cbor.ts";
import { freshSalt, NAME_BYTES, namesField, namesOf, saltField } from "../connections/inventory.ts";
import { digestToBytes } from "../payloads/digest.ts";
import { digestField } from "./fields.ts";

/** Messages that one side of an exchange gives, and names. */
export const MAX_ENTRIES = 2048;
const VERSION = 2;

/** Version, run, the opener's salt, and the names of all messages that the sender holds, one after the other. */
const inventory = z.tuple([z.literal(VERSION), digestField, saltField, namesField(MAX_ENTRIES)]);

/** The inventory of messages held, by their names under the opener's salt, as it travels. */
export function inventoryOf(
  run: Digest,
  salt: Uint8Array,
  held: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  return encodeCanonical([VERSION, digestToBytes(run), salt, namesOf(held)]);
}

/** The inventory that the bytes are; null when they are none. */
export function parseInventory(bytes: Uint8Array) {
  const parsed = inventory.safeParse(decodeCanonical(bytes, 5));
  if (!parsed.success) return null;
  const [, run, salt, names] = parsed.data;
  return { run, salt, names };
}

/** Bytes of an inventory of so many messages. */
export function inventoryBytes(messages: number): number {
  return inventoryOf("0".repeat(64), freshSalt(), new Map()).byteLength + NAME_BYTES * messages;
}
