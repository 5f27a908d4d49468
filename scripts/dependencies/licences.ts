import { entryOf, identities, type Lock, nameOf } from "./lock.ts";

/** Licences that every package may have. */
const ALLOWED = [
  ...["Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD"],
  ...["BlueOak-1.0.0", "CC0-1.0"],
];

/** Licences that only these packages may have, and why. */
const EXCEPTIONS = [
  {
    licence: "MPL-2.0",
    packages: "@resvg/resvg-js*",
    reason: "used unchanged; its terms are for its own files",
  },
  {
    licence: "LGPL-3.0-or-later",
    packages: "@img/sharp-*",
    reason: "libvips comes unchanged as a package of its own, which a user can replace",
  },
  {
    licence: "OFL-1.1",
    packages: "@expo-google-fonts/atkinson-hyperlegible",
    reason: "a font, with which plots are drawn",
  },
];

/** A sentence for each of these packages whose licence is missing or not allowed. */
export function licenceProblems(lock: Lock, paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => {
    const { license = "none" } = entryOf(lock, path);
    const name = nameOf(path);
    return isAllowed(license, name) ? [] : [`${name} has the licence ${license}`];
  });
}

/** How many packages have each licence, most frequent first; two versions of a package are two. */
export function licenceCounts(
  lock: Lock,
  paths: readonly string[],
): readonly (readonly [string, number])[] {
  const byLicence = Map.groupBy(paths, (path) =>
    withoutBrackets(entryOf(lock, path).license ?? "none"),
  );
  return [...byLicence]
    .map(([licence, some]) => [licence, identities(lock, some).length] as const)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** The exceptions as lines of a list. */
export function exceptionLines(): readonly string[] {
  return EXCEPTIONS.map(
    ({ licence, packages, reason }) => `- ${licence} for \`${packages}\`: ${reason}.`,
  );
}

export function allowedLicences(): readonly string[] {
  return ALLOWED;
}

// --- internal ---

/**
 * One alternative must do, all of it. Brackets inside are in nobody's licence yet, and are refused as unknown words.
 */
function isAllowed(expression: string, name: string): boolean {
  return withoutBrackets(expression)
    .split(" OR ")
    .some((alternative) => alternative.split(" AND ").every((each) => isAllowedFor(each, name)));
}

function isAllowedFor(licence: string, name: string): boolean {
  if (ALLOWED.includes(licence)) return true;
  return EXCEPTIONS.some((each) => each.licence === licence && matches(name, each.packages));
}

/** Whether a name is the pattern, or begins with what stands before its star. */
function matches(name: string, pattern: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function withoutBrackets(expression: string): string {
  return expression.replace(/^\(([^()]*)\)$/, "$1");
}
