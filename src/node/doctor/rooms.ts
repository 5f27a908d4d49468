import type { CheckEntry } from "./check.ts";
import {
  checkAdmission,
  checkCache,
  checkIdentity,
  checkLock,
  checkNetworkKey,
  checkSecrets,
  checkState,
} from "./folder.ts";
import type { Ground } from "./ground.ts";
import {
  checkBytes,
  checkData,
  checkDigests,
  checkEngine,
  checkEngines,
  checkHeldOut,
  checkHub,
  checkLink,
  checkModel,
  checkPlan,
  checkRows,
  checkTestRows,
  checkThreads,
} from "./learning.ts";
import {
  checkClock,
  checkCoreDumps,
  checkDisk,
  checkMemory,
  checkOpenFiles,
  checkPackages,
  checkRuntime,
} from "./machine.ts";
import { checkClocks, checkEachMember, checkNames, checkPeers, checkVersions } from "./peers.ts";
import { checkQuiet } from "./quiet.ts";
import {
  checkAddresses,
  checkBootstrap,
  checkIpv6,
  checkMembers,
  checkPorts,
  checkProxy,
  checkStatus,
} from "./reach.ts";

/** Checks of one subject. */
export interface Room {
  readonly title: string;
  readonly checks: readonly CheckEntry<Ground>[];
}

/** Everything that `klatch doctor` looks at, in the order in which it is told. */
export const ROOMS: readonly Room[] = [
  {
    title: "Machine",
    checks: [
      { name: "runtime", asks: "is this Node new enough", look: () => checkRuntime() },
      {
        name: "packages",
        asks: "are all packages there in their versions, and do the native ones load",
        look: () => checkPackages(),
      },
      {
        name: "memory",
        asks: "how much memory is left after a training step",
        look: () => checkMemory(),
      },
      {
        name: "disk",
        asks: "can the data folder be written, and is there room",
        look: ({ config }) => checkDisk(config),
      },
      { name: "clock", asks: "is the clock possible, and even", look: () => checkClock() },
      {
        name: "open-files",
        asks: "may enough files be open for all members",
        look: ({ config }) => checkOpenFiles(config),
      },
      {
        name: "core-dumps",
        asks: "would a crash leave rows on the disk",
        look: () => checkCoreDumps(),
      },
      {
        name: "quiet",
        asks: "what is sent, and where; what is switched off",
        look: ({ config, hub }) => checkQuiet(config, hub),
      },
    ],
  },
  {
    title: "Folder and keys",
    checks: [
      { name: "identity", asks: "is the node's key there and whole", look: checkIdentity },
      {
        name: "secrets",
        asks: "may nobody else read keys, tickets and the data folder",
        look: checkSecrets,
      },
      {
        name: "network-key",
        asks: "is the pre-shared key, where one is named, there and whole",
        look: checkNetworkKey,
      },
      { name: "lock", asks: "does another process have the data folder", look: checkLock },
      {
        name: "state",
        asks: "what does a start go on with; does it begin a new run, and why",
        look: checkState,
      },
      { name: "admission", asks: "are seats open, and until when", look: checkAdmission },
      { name: "cache", asks: "can models and tokens be kept", look: checkCache },
    ],
  },
  {
    title: "Learning",
    checks: [
      { name: "hub", asks: "was the hub reached, where it had to be", look: checkHub },
      { name: "model", asks: "does the model open, and can its inputs be made", look: checkModel },
      {
        name: "digests",
        asks: "are model and tokenizer those of the kept run and of the members",
        look: checkDigests,
      },
      { name: "data", asks: "can every row be read; how many are there", look: checkData },
      { name: "rows", asks: "how many rows are cut, and which are the longest", look: checkRows },
      { name: "held-out", asks: "has the gate rows to judge by", look: checkHeldOut },
      { name: "test-rows", asks: "are test rows trained on", look: checkTestRows },
      { name: "engine", asks: "does a real training step of the run work", look: checkEngine },
      {
        name: "engines",
        asks: "does a small step work on every installed engine, one by one",
        look: checkEngines,
      },
      { name: "threads", asks: "has the engine no more threads than CPUs", look: checkThreads },
      { name: "plan", asks: "what memory does training take, and does it fit", look: checkPlan },
      {
        name: "bytes",
        asks: "what does a round cost, and does it keep to the budget",
        look: checkBytes,
      },
      { name: "link", asks: "do updates take longer than training", look: checkLink },
    ],
  },
  {
    title: "Network",
    checks: [
      {
        name: "members",
        asks: "is this node a member, and can the run have its mode",
        look: checkMembers,
      },
      { name: "ports", asks: "can the node listen where it is to", look: checkPorts },
      {
        name: "addresses",
        asks: "from how far can others call: public, private, behind NAT",
        look: (ground) => checkAddresses(ground),
      },
      { name: "ipv6", asks: "is IPv6 there where it is used", look: (ground) => checkIpv6(ground) },
      { name: "bootstrap", asks: "can the list of those to call be right", look: checkBootstrap },
      { name: "names", asks: "do the names in addresses stand for something", look: checkNames },
      {
        name: "status",
        asks: "may the status endpoint be there, and does it answer behind a proxy",
        look: checkStatus,
      },
      { name: "proxy", asks: "is the proxy of the environment one", look: () => checkProxy() },
      { name: "peers", asks: "how many of those to call answer; who knocks", look: checkPeers },
      { name: "member", asks: "is each other member reached, and alike", look: checkEachMember },
      { name: "versions", asks: "do they speak this version of the protocol", look: checkVersions },
      { name: "clocks", asks: "how far are their clocks from this one", look: checkClocks },
    ],
  },
];
