import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNetworkKey } from "../../../../src/gossip/index.ts";
import type { OwnFacts } from "../../../../src/node/acquaintance/self-description.ts";
import type { Ground } from "../../../../src/node/doctor/ground.ts";
import {
  checkCoreDumps,
  checkDisk,
  checkOpenFiles,
  checkPackages,
  checkRuntime,
} from "../../../../src/node/doctor/machine.ts";
import { packageFolder } from "../../../../src/node/folders/package-folder.ts";
import { runTerms, termsDigest } from "../../../../src/node/peer/manifest.ts";
import { lockFolder } from "../../../../src/node/store/lock.ts";
import { openStore } from "../../../../src/node/store/store.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { sampleStatus } from "../../../unit/node/node-samples.ts";
import {
  byDoctor,
  byFinding,
  type Misconfiguration,
  makeNode,
  type Node,
  otherwise,
} from "./case.ts";

const NO_FLAGS = {};

/** A folder that is spoilt and mended by two functions, and the check that names it. */
const spoilt = (
  name: string,
  spoil: (node: Node) => void,
  mend: (node: Node) => void,
  flags: (node: Node) => Readonly<Record<string, string>> = () => NO_FLAGS,
): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: `doctor ${name}`,
  plant: async () => {
    const node = await makeNode();
    spoil(node);
    return {
      say: () => byDoctor(name, node.groundOf(flags(node))),
      mend: () => mend(node),
    };
  },
});

const identityOf = ({ dataDir }: Node) => join(dataDir, "identity.json");
const keyOf = ({ folder }: Node) => join(folder, "network.key");
const keyFlag = (node: Node) => ({ "network.networkKeyFile": keyOf(node) });

const FACTS: OwnFacts = {
  ...{ modelDigest: "a".repeat(64), tokenizerDigest: "b".repeat(64), modelOrigin: null },
  layout: { tensors: [], length: 1, digest: "c".repeat(64) },
};

/** A folder in which a run has been kept, and what is looked at there. */
async function withRun(flags: Readonly<Record<string, string>>) {
  const node = await makeNode();
  const { run, model } = node.configOf(flags);
  const terms = runTerms(run, FACTS);
  const store = openStore(node.dataDir);
  store.saveRun(termsDigest(terms), {
    ...{ savedAt: Date.now(), classes: null, layout: [], terms, status: sampleStatus() },
    settings: { model, run, data: node.configOf(flags).data },
  } as Parameters<typeof store.saveRun>[1]);
  store.close();
  const learnedWith = (facts: OwnFacts) =>
    ({ ...node.groundOf(flags).learned, model: facts, facts }) as Ground["learned"];
  return { node, learnedWith };
}

/** The machine, the data folder with its keys, and what is kept in it. */
export const FOLDERS: readonly Misconfiguration[] = [
  {
    planted: "an old Node",
    ...otherwise("runtime", ["20.20.2", process.versions.node], (version) =>
      byFinding(checkRuntime(version)),
    ),
    words: /Node 20\.20\.2/,
    fix: /install Node 24/,
  },
  {
    planted: "a package that is missing",
    ...otherwise("packages", [null, packageFolder()], (folder) => {
      const bare = temporaryFolder();
      const manifest = { version: "1.0.0", dependencies: { zod: "4.6.7" } };
      writeFileSync(join(bare, "package.json"), JSON.stringify(manifest));
      return byFinding(checkPackages(folder ?? bare));
    }),
    words: /zod is missing/,
    fix: /install klatch again/,
  },
  {
    planted: "a disk that is full",
    ...otherwise("disk", [10, 2 ** 20], (blocks, node) =>
      byFinding(checkDisk(node, async () => ({ bavail: blocks, bsize: 4096 }))),
    ),
    words: /40\.0 KiB free at/,
    fix: /free some space, or set dataDir to another disk/,
  },
  {
    planted: "a limit of open files that is too low",
    ...otherwise("open-files", ["256", "4096"], (limit, node) =>
      byFinding(checkOpenFiles(node.configOf(NO_FLAGS), limit)),
    ),
    words: /256 may be open, 768 are enough for network\.maxPeers 128/,
    fix: /ulimit -n 768/,
  },
  {
    planted: "core dumps, with rows in them",
    ...otherwise("core-dumps", ["unlimited", "0"], (limit) => byFinding(checkCoreDumps(limit))),
    words: /a crash would write memory, with rows in it/,
    fix: /ulimit -c 0/,
  },
  {
    planted: "no identity",
    namedBy: "doctor identity",
    words: /There is no identity file/,
    fix: /klatch init/,
    plant: async () => {
      const node = await makeNode();
      let flags: Readonly<Record<string, string>> = { dataDir: join(node.folder, "elsewhere") };
      return {
        say: () => byDoctor("identity", node.groundOf(flags)),
        mend: () => {
          flags = { dataDir: node.dataDir };
        },
      };
    },
  },
  {
    planted: "an identity that others may read",
    ...spoilt(
      "identity",
      (node) => chmodSync(identityOf(node), 0o644),
      (node) => chmodSync(identityOf(node), 0o600),
    ),
    words: /is open to other users \(mode 0644\)/,
    fix: /chmod 600/,
  },
  {
    planted: "an identity that was edited",
    namedBy: "doctor identity",
    words: /The identity file .* is damaged/,
    fix: /Restore it from a backup/,
    plant: async () => {
      const [node, whole] = [await makeNode(), await makeNode()];
      let dataDir = node.dataDir;
      writeFileSync(identityOf(node), '{"version":1}');
      return {
        say: () => byDoctor("identity", node.groundOf({ dataDir })),
        mend: () => {
          dataDir = whole.dataDir;
        },
      };
    },
  },
  {
    planted: "a data folder that others may read",
    ...spoilt(
      "secrets",
      ({ dataDir }) => chmodSync(dataDir, 0o755),
      ({ dataDir }) => chmodSync(dataDir, 0o700),
    ),
    words: /other users of this machine may read .*\.klatch/,
    fix: /chmod go= .*\.klatch/,
  },
  ...["ticket", "status-token"].map((file) => ({
    planted: `a ${file} that others may read`,
    ...spoilt(
      "secrets",
      ({ dataDir }) => writeFileSync(join(dataDir, file), "", { mode: 0o644 }),
      ({ dataDir }) => chmodSync(join(dataDir, file), 0o600),
    ),
    words: new RegExp(`may read .*${file}`),
    fix: new RegExp(`chmod go= .*${file}`),
  })),
  {
    planted: "a network key that is missing",
    ...spoilt(
      "network-key",
      () => undefined,
      (node) => createNetworkKey(keyOf(node)),
      keyFlag,
    ),
    words: /There is no network key file/,
    fix: /name the right file/,
  },
  {
    planted: "a network key that others may read",
    ...spoilt(
      "network-key",
      (node) => {
        createNetworkKey(keyOf(node));
        chmodSync(keyOf(node), 0o640);
      },
      (node) => chmodSync(keyOf(node), 0o600),
      keyFlag,
    ),
    words: /network key file .* is open to other users \(mode 0640\)/,
    fix: /chmod 600/,
  },
  {
    planted: "a network key that was cut",
    namedBy: "doctor network-key",
    words: /network key file .* is damaged/,
    fix: /its first line is \/key\/swarm\/psk/,
    plant: async () => {
      const node = await makeNode();
      const whole = join(node.folder, "whole.key");
      writeFileSync(keyOf(node), "/key/swarm/psk/1.0.0/\n", { mode: 0o600 });
      createNetworkKey(whole);
      let file = keyOf(node);
      return {
        say: () => byDoctor("network-key", node.groundOf({ "network.networkKeyFile": file })),
        mend: () => {
          file = whole;
        },
      };
    },
  },
  {
    planted: "a data folder where nobody may write",
    ...otherwise("disk", ["/sys/klatch", null], (place, node) =>
      byDoctor("disk", node.groundOf({ dataDir: place ?? node.dataDir })),
    ),
    words: /\/sys\/klatch cannot be written \(E(ROFS|PERM|ACCES)\)/,
    fix: /choose a folder that you may write to/,
  },
  {
    planted: "a file in the place of the data folder",
    ...otherwise("disk", ["file/node", "node"], (place, node) => {
      writeFileSync(join(node.folder, "file"), "");
      return byDoctor("disk", node.groundOf({ dataDir: join(node.folder, place) }));
    }),
    words: /there is a file in its place or above it/,
    fix: /choose another folder/,
  },
  {
    planted: "a data folder that another process has",
    namedBy: "doctor lock",
    words: new RegExp(`process ${process.pid} has .*\\.klatch`),
    fix: /stop that process first, or give this node a dataDir of its own/,
    plant: async () => {
      const node = await makeNode();
      const mend = lockFolder(node.dataDir);
      return { say: () => byDoctor("lock", node.groundOf(NO_FLAGS)), mend };
    },
  },
  {
    planted: "a cache where nobody may write",
    ...otherwise("cache", ["/sys/klatch", null], (cache, node) =>
      byDoctor("cache", node.groundOf({ cache: cache ?? join(node.folder, "cache") })),
    ),
    words: /\/sys\/klatch cannot be written/,
    fix: /--cache FOLDER, or KLATCH_CACHE/,
  },
  {
    planted: "a run whose settings were changed since it was kept",
    namedBy: "doctor state",
    words: /a start begins a new run, as this changed: run\.steps 20 -> 21/,
    fix: /change it back to go on; the adapter so far: klatch export --run/,
    plant: async () => {
      const { node, learnedWith } = await withRun({ "run.steps": "20" });
      let flags = { "run.steps": "21" };
      return {
        say: () => byDoctor("state", node.groundOf(flags, { learned: learnedWith(FACTS) })),
        mend: () => {
          flags = { "run.steps": "20" };
        },
      };
    },
  },
  {
    planted: "a model that is not that of the kept run",
    namedBy: "doctor digests",
    words: /has model aaaaaaaaaaaa, and here is dddddddddddd/,
    fix: /take the model folder that the run began with/,
    plant: async () => {
      const { node, learnedWith } = await withRun(NO_FLAGS);
      let facts: OwnFacts = { ...FACTS, modelDigest: "d".repeat(64) };
      return {
        say: () => byDoctor("digests", node.groundOf(NO_FLAGS, { learned: learnedWith(facts) })),
        mend: () => {
          facts = FACTS;
        },
      };
    },
  },
];
