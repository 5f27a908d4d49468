import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { KlatchError } from "../../../../src/errors.ts";
import { createIdentity } from "../../../../src/gossip/index.ts";
import type { Config } from "../../../../src/node/config/config.ts";
import { hubOptions } from "../../../../src/node/config/hub-options.ts";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { answer, type Finding } from "../../../../src/node/doctor/check.ts";
import type { Ground } from "../../../../src/node/doctor/ground.ts";
import { ROOMS } from "../../../../src/node/doctor/rooms.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

/** Something that an operator gets wrong, and how that is told. */
export interface Misconfiguration {
  readonly planted: string;
  /** `doctor NAME`, or the command whose first error it is. */
  readonly namedBy: string;
  readonly words: RegExp;
  readonly fix: RegExp;
  readonly plant: () => Planted | Promise<Planted>;
}

export interface Planted {
  /** What is told; null where nothing is wrong. */
  readonly say: () => Promise<Said | null>;
  /** Does what the fix says. */
  readonly mend: () => unknown;
}

export interface Said {
  readonly words: string;
  readonly fix: string;
}

type Flags = Readonly<Record<string, string>>;

/** What work throws for an operator. */
export async function byError(work: () => unknown): Promise<Said | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof KlatchError) return { words: error.message, fix: error.hint };
    throw error;
  }
}

/** What a check of the doctor says, as the command asks it. */
export async function byDoctor(name: string, ground: Ground): Promise<Said | null> {
  const entry = ROOMS.flatMap(({ checks }) => checks).find((each) => each.name === name);
  if (entry === undefined) throw new Error(`there is no check ${name}`);
  const bad = (await answer(entry, ground)).find(({ status }) => status !== "pass");
  return bad === undefined ? null : { words: bad.detail, fix: bad.fix };
}

/** What a check says that was given another machine than this one. */
export async function byFinding(finding: Finding | Promise<Finding>): Promise<Said | null> {
  const { status, detail, fix } = await finding;
  return status === "pass" ? null : { words: detail, fix };
}

/** A node's folder with an identity, and configurations of it by their flags. */
export interface Node {
  readonly folder: string;
  readonly dataDir: string;
  readonly peerId: string;
  readonly configOf: (flags: Flags) => Config;
  readonly groundOf: (flags: Flags, more?: Partial<Ground>) => Ground;
}

export async function makeNode(): Promise<Node> {
  const folder = temporaryFolder();
  const dataDir = join(folder, ".klatch");
  mkdirSync(dataDir, { mode: 0o700 });
  const { peerId } = await createIdentity(join(dataDir, "identity.json"));
  const configOf = (flags: Flags) => loadConfig({ cwd: folder, flags });
  const groundOf = (flags: Flags, more: Partial<Ground> = {}) => {
    const config = configOf(flags);
    return { config, ...NOTHING, self: peerId, hub: hubOptions(config.cache, {}, {}), ...more };
  };
  return { folder, dataDir, peerId, configOf, groundOf };
}

/** Wrong flags, and right ones in their place. */
export function byFlags(
  wrong: Flags,
  right: Flags,
  say: (flags: Flags) => Promise<Said | null>,
): Planted {
  let flags = wrong;
  return {
    say: () => say(flags),
    mend: () => {
      flags = right;
    },
  };
}

/** A case that one check names, by the flags of a node. */
export function checked(
  name: string,
  flags: (node: Node) => { readonly wrong: Flags; readonly right: Flags },
): Pick<Misconfiguration, "namedBy" | "plant"> {
  return {
    namedBy: `doctor ${name}`,
    plant: async () => {
      const node = await makeNode();
      const { wrong, right } = flags(node);
      return byFlags(wrong, right, (given) => byDoctor(name, node.groundOf(given)));
    },
  };
}

/** A case of one fact, wrong and right: mostly of a machine that is not this one. */
export const otherwise = <Fact>(
  name: string,
  [wrong, right]: readonly [Fact, Fact],
  say: (fact: Fact, node: Node) => Promise<Said | null>,
): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: `doctor ${name}`,
  plant: async () => {
    const node = await makeNode();
    let fact = wrong;
    return {
      say: () => say(fact, node),
      mend: () => {
        fact = right;
      },
    };
  },
});

// --- internal ---

const UNOPENED = new KlatchError("usage", "not opened", "not looked at by this case");
const NOTHING = {
  learned: {
    config: loadConfig({ cwd: "/" }),
    model: UNOPENED,
    ...{ costs: null, data: null, plan: null, step: null, facts: null },
  },
  running: null,
  met: null,
} as const;
