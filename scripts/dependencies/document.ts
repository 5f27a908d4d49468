import { markdownTable } from "../../src/node/view/table.ts";
import { allowedLicences, exceptionLines, licenceCounts } from "./licences.ts";
import { closure, commonPart, entryOf, identities, type Lock } from "./lock.ts";
import { CHECKOUT_REASONS, PEER_REASONS, REASONS, type Reasons, unexplained } from "./reasons.ts";
import { type Finding, survey } from "./survey.ts";
import type { Traits } from "./traits.ts";

/** The workspace that gives a checkout its Node. */
const WORKSPACE = "scripts/node-runtime";

/** The text of docs/DEPENDENCIES.md, and what keeps it from being complete. */
export interface DependenciesDocument {
  readonly text: string;
  readonly problems: readonly string[];
}

/** @param traits looks into the package that is installed at a path of the lock */
export function dependenciesDocument(
  lock: Lock,
  traits: (path: string) => Traits,
): DependenciesDocument {
  const product = survey(lock, "", traits);
  const checkout = survey(lock, WORKSPACE, traits);
  const peers = Object.entries(entryOf(lock, "").peerDependencies ?? {});
  return {
    text: render(lock, product, checkout, peers),
    problems: [
      ...unexplained(namesOf(product), REASONS),
      ...unexplained(namesOf(checkout), CHECKOUT_REASONS),
      ...unexplained(
        peers.map(([name]) => name),
        PEER_REASONS,
      ),
    ],
  };
}

// --- internal ---

function namesOf(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ name }) => name);
}

function render(
  lock: Lock,
  product: readonly Finding[],
  checkout: readonly Finding[],
  peers: readonly (readonly [string, string])[],
): string {
  const all = closure(lock, "");
  const number = identities(lock, all).length;
  const everywhere = identities(lock, commonPart(lock, "")).length;
  return `# Dependencies

What Klatch brings along, and which of it can do more than compute. \`node scripts/dependencies/write.ts\` makes this page from
package-lock.json, the code of the installed packages and the sentences in \`scripts/dependencies/reasons.ts\`; a test fails when a
dependency is missing here.

A checkout has exactly these versions, with digests that \`npm ci\` checks; \`npm run release\` lists the same as CycloneDX. Whoever
installs the published package gets the direct dependencies in exactly these versions; of what those need in turn, npm takes the newest
that they allow.

The product has ${number} packages, ${everywhere} of them on every platform.

## Packages that run at install, are native or name the network

Native: a compiled library, or WebAssembly, which computes and reaches nothing that JavaScript does not hand it. Network: the modules of
Node and the functions of the web that the package's JavaScript names, tests and examples left out. Compiled libraries were looked
at by hand; what they do stands in the last column. All other packages of the product have none of the three.

${findingTable(product, REASONS)}

## Only in a checkout

${findingTable(checkout, CHECKOUT_REASONS)}

## Only when the user installs them

Optional peers, each an engine that is not used unless it is named.

${markdownTable(
  ["package", "version", "why"],
  peers.map(([name, version]) => [code(name), version, reasonFor(PEER_REASONS, name)]),
)}

## Direct dependencies

${markdownTable(["package", "version", "licence"], directRows(lock))}

## Licences

Allowed for any package: ${allowedLicences().join(", ")}. Allowed by name:

${exceptionLines().join("\n")}

Of the product's packages, for all platforms together:

${markdownTable(
  ["licence", "packages"],
  licenceCounts(lock, all).map(([licence, count]) => [licence, `${count}`]),
)}
`;
}

function findingTable(findings: readonly Finding[], reasons: Reasons): string {
  const rows = findings.map((each) => [
    cellOf(each),
    each.versions.join(", "),
    each.install ? "**yes**" : "",
    each.native.join(", "),
    each.network === null ? "see why" : each.network.map(code).join(", "),
    reasonFor(reasons, each.name),
  ]);
  return markdownTable(["package", "version", "install script", "native", "network", "why"], rows);
}

function cellOf({ name, count, company }: Finding): string {
  const family = name.endsWith("*") ? ` (${count} packages)` : "";
  return [`${code(name)}${family}`, ...company].join(", ");
}

function directRows(lock: Lock): readonly (readonly string[])[] {
  const names = Object.keys(entryOf(lock, "").dependencies ?? {}).sort();
  return names.map((name) => {
    const { version = "", license = "" } = entryOf(lock, `node_modules/${name}`);
    return [code(name), version, license];
  });
}

function reasonFor(reasons: Reasons, name: string): string {
  return reasons[name] ?? "";
}

function code(name: string): string {
  return `\`${name}\``;
}
