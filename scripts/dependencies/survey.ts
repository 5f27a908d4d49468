import { closure, commonPart, entryOf, isForOnePlatform, type Lock, nameOf } from "./lock.ts";
import type { Traits } from "./traits.ts";

/** A package, or the packages of one thing for many platforms, that can do more than compute. */
export interface Finding {
  /** A family's is what its names begin with, and a star. */
  readonly name: string;
  readonly versions: readonly string[];
  /** How many packages a family has; 1 for a package. */
  readonly count: number;
  /** Packages that come with a family and have other names, with their versions. */
  readonly company: readonly string[];
  readonly install: boolean;
  readonly native: readonly string[];
  /** Null for a family: which of its packages are installed depends on the machine, and a table must not. */
  readonly network: readonly string[] | null;
}

/**
 * What the packages that run with the one at `from` can do, by name. `traits` looks into a package that every platform
 * installs; those for one platform are native by definition.
 */
export function survey(
  lock: Lock,
  from: string,
  traits: (path: string) => Traits,
): readonly Finding[] {
  const common = commonPart(lock, from);
  const single = common.map((path) => findingOf(lock, path, traits(path)));
  const families = [from, ...common].flatMap((path) => familyOf(lock, path, common));
  const found = [...single, ...families].filter(
    ({ install, native, network }) =>
      install || native.length > 0 || network === null || network.length > 0,
  );
  const byName = [...Map.groupBy(found, ({ name }) => name)];
  return byName
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, some]) => merged(some as [Finding, ...Finding[]]));
}

// --- internal ---

function findingOf(lock: Lock, path: string, { native, network }: Traits): Finding {
  const { version = "", hasInstallScript = false } = entryOf(lock, path);
  const name = nameOf(path);
  const versions = [version];
  return { name, versions, count: 1, company: [], install: hasInstallScript, native, network };
}

/** What the package at `path` brings for single platforms, as one finding; none when it brings nothing of the kind. */
function familyOf(lock: Lock, path: string, common: readonly string[]): readonly Finding[] {
  const members = closure(lock, path).filter((each) => !common.includes(each));
  const wanted = Object.keys(entryOf(lock, path).optionalDependencies ?? {});
  const names = members
    .filter((each) => isForOnePlatform(entryOf(lock, each)) && wanted.includes(nameOf(each)))
    .map(nameOf);
  if (names.length === 0) return [];
  const beginning = commonBeginning(names);
  const own = members.filter((each) => nameOf(each).startsWith(beginning));
  const others = members.filter((each) => !own.includes(each));
  const versionOf = (each: string) => entryOf(lock, each).version ?? "";
  return [
    {
      name: `${beginning}*`,
      versions: distinct(own.map(versionOf)),
      count: own.length,
      company: others.map((each) => `\`${nameOf(each)}\` ${versionOf(each)}`),
      install: members.some((each) => entryOf(lock, each).hasInstallScript === true),
      native: ["library"],
      network: null,
    },
  ];
}

/** What all names begin with, up to a hyphen. */
function commonBeginning(names: readonly string[]): string {
  const [first = ""] = names;
  let length = first.lastIndexOf("-") + 1;
  while (!names.every((name) => name.startsWith(first.slice(0, length)))) {
    length = first.lastIndexOf("-", length - 2) + 1;
  }
  return first.slice(0, length);
}

/** What is found in several places under one name, as one finding. */
function merged(findings: readonly [Finding, ...Finding[]]): Finding {
  const [first] = findings;
  return {
    ...first,
    versions: distinct(findings.flatMap(({ versions }) => versions)),
    install: findings.some(({ install }) => install),
    native: distinct(findings.flatMap(({ native }) => native)),
    network: first.network && distinct(findings.flatMap(({ network }) => network ?? [])),
  };
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}
