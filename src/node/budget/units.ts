import { z } from "zod";

const POWERS = ["", "k", "m", "g", "t"];
const BYTES = /^([0-9]+(?:\.[0-9]+)?)(?:([kKMGT]?)(i?)B)?$/;
const BITS = /^([0-9]+(?:\.[0-9]+)?)(?:([kKMGT]?)bit(?:\/s)?)?$/;

const KIB = 1024;
const BYTES_MAX = KIB ** 4;
const BITS_MIN = 1000;
const BITS_MAX = 1000 ** 4;

/**
 * Reads a number of bytes: `64KiB`, `1.5 MB`, `65536`. K, M, G and T are powers of 1,000, with an i of 1,024. Parts of
 * a byte are left out. Null for anything else, and beyond 1 KiB to 1 TiB.
 */
export function bytesIn(text: string): number | null {
  const [, digits, unit = "", binary] = BYTES.exec(compact(text)) ?? [];
  if (digits === undefined || (unit === "" && binary === "i")) return null;
  const count = Math.floor(scaled(digits, unit, binary === "i" ? KIB : 1000));
  return count >= KIB && count <= BYTES_MAX ? count : null;
}

/**
 * Reads a speed: `10Mbit`, `2.5 Gbit/s`, `10000000`: bits a second, by powers of 1,000. Null for anything else, and
 * beyond 1 kbit/s to 1 Tbit/s.
 */
export function bitsPerSecondIn(text: string): number | null {
  const [, digits, unit = ""] = BITS.exec(compact(text)) ?? [];
  if (digits === undefined) return null;
  const speed = Math.floor(scaled(digits, unit, 1000));
  return speed >= BITS_MIN && speed <= BITS_MAX ? speed : null;
}

/** A field of the configuration with a number of bytes. */
export const bytesField = quantity(
  bytesIn,
  "expected bytes such as 64KiB or 2MB, from 1KiB to 1TiB",
);

/** A field of the configuration with a speed, in bits a second. */
export const speedField = quantity(
  bitsPerSecondIn,
  "expected a speed such as 10Mbit or 1Gbit, from 1kbit to 1Tbit",
);

// --- internal ---

function quantity(read: (text: string) => number | null, message: string) {
  return z.union([z.string(), z.number()], message).transform((given, context) => {
    const value = read(String(given));
    if (value !== null) return value;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

/** Without the one space that may stand before the unit. */
function compact(text: string): string {
  return text.replace(/^([0-9.]+) (?=\D)/, "$1");
}

function scaled(digits: string, unit: string, base: number): number {
  return Number(digits) * base ** POWERS.indexOf(unit.toLowerCase());
}
