import { expect, test } from "vitest";
import {
  decodeInventory,
  encodeInventory,
} from "../../../../src/gossip/announcements/exchange-message.ts";
import { freshSalt, lackedBy, named } from "../../../../src/gossip/connections/inventory.ts";

const messages = Array.from({ length: 20 }, (_, i) => Uint8Array.of(i, i, i));
const salt = freshSalt();

test("a side gives what the other has no name of, and nothing else", () => {
  const [ours, theirs] = [named(messages, salt), named(messages.slice(0, 17), salt)];
  const told = decodeInventory(encodeInventory(salt, theirs));
  expect(told?.salt).toEqual(salt);
  expect(lackedBy(told?.names ?? new Set(), ours)).toEqual(messages.slice(17));
  // under another salt it knows none of the names (control)
  const other = named(messages, freshSalt());
  expect(lackedBy(told?.names ?? new Set(), other)).toEqual(messages);
});

test("an inventory has at most 512 names, and what is none is refused", () => {
  const many = Array.from({ length: 600 }, (_, i) => Uint8Array.of(i & 255, i >> 8));
  const bytes = encodeInventory(salt, named(many, salt));
  expect(decodeInventory(bytes)?.names.size).toBe(512);
  expect(decodeInventory(bytes.subarray(1))).toBeNull();
  expect(decodeInventory(bytes.slice(0, -1))).toBeNull();
  expect(decodeInventory(Uint8Array.of(0xff))).toBeNull();
  const cut = encodeInventory(salt.slice(0, 7), named(messages, salt));
  expect(decodeInventory(cut)).toBeNull();
});
