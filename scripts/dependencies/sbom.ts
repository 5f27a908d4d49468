import { closure, entryOf, identities, type Lock } from "./lock.ts";

/** What is looked at of a CycloneDX list. */
export interface Sbom {
  readonly metadata: {
    readonly component: { readonly name: string; readonly version: string };
  };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Component {
  readonly "bom-ref": string;
  readonly externalReferences?: readonly { readonly type: string }[];
}

/**
 * The lock of the product without its workspace and what is only for development. `npm sbom --omit dev` on the whole
 * lock would also leave out what both the product and a development tool use (npm/cli issue 7909).
 */
export function productLock(lock: Lock): Lock {
  const { devDependencies, workspaces, ...product } = entryOf(lock, "");
  const kept = closure(lock, "").map((path) => [path, entryOf(lock, path)] as const);
  return { "": product, ...Object.fromEntries(kept) };
}

/** What is wrong with the list as one of the packages of `lock`. */
export function sbomProblems(sbom: Sbom, lock: Lock): readonly string[] {
  const { version, dependencies = {} } = entryOf(lock, "");
  const subject = sbom.metadata.component;
  const listed = sbom.components.map((component) => component["bom-ref"]);
  const wanted = identities(lock, closure(lock, ""));
  const direct = Object.entries(dependencies).map(([name, exact]) => `${name}@${exact}`);
  const linked = sbom.dependencies.find(({ ref }) => ref === `klatch@${version}`)?.dependsOn ?? [];
  return [
    ...(subject.name === "klatch" && subject.version === version
      ? []
      : [`it is about ${subject.name}@${subject.version}`]),
    ...wanted.filter((each) => !listed.includes(each)).map((each) => `it lacks ${each}`),
    ...listed.filter((each) => !wanted.includes(each)).map((each) => `it has ${each} too many`),
    ...direct
      .filter((each) => !linked.includes(each))
      .map((each) => `it does not say that klatch needs ${each}`),
    ...sbom.components.filter(namesRegistry).map((each) => `it names where ${each["bom-ref"]} is`),
  ];
}

// --- internal ---

/** The lock names no registry, and neither may what is made from it. */
function namesRegistry({ externalReferences = [] }: Component): boolean {
  return externalReferences.some(({ type }) => type === "distribution");
}
