import { lookup } from "node:dns/promises";
import { setTimeout as delay } from "node:timers/promises";
import { CLOCK_TOLERANCE_MS, parseAddress } from "../../gossip/index.ts";
import { rosterOf } from "../config/roster-of.ts";
import { PROTOCOL_VERSION } from "../peer/manifest.ts";
import { VERSION } from "../version.ts";
import { short } from "../view/table.ts";
import { type Finding, fail, pass, unknown, warn } from "./check.ts";
import type { Ground } from "./ground.ts";
import { bootstrapPeers, type MetMember } from "./met.ts";

/** Members that are told one by one. */
const MEMBERS_MAX = 64;
const NAMES_MAX = 32;
const LOOKUP_MS = 5000;
/** Clocks that are apart by less are not worth a word. */
const CLOCK_WARNING_MS = 5000;

/** How many of those to call were reached, and who knocks without being a member. */
export function checkPeers(ground: Ground): Finding {
  const { config, self, met, running } = ground;
  const wanted = bootstrapPeers(config);
  if (running === "starting") return unknown("the node is starting", "ask again in a moment");
  if (met === null) {
    if (config.run.members.length < 2 && wanted.length === 0) return pass("nobody to reach");
    if (self === null) return unknown("not tried without an identity", "see check identity");
    return unknown("nobody was called", "see checks bootstrap and network-key");
  }
  const isReached = (peer: string) => met.members.get(peer)?.connected === true;
  const reached = wanted.filter(isReached).length;
  const all = [...met.members.values()].filter(({ connected }) => connected).length;
  const detail =
    wanted.length === 0
      ? `${all} members connected`
      : `${reached} of ${wanted.length} bootstrap peers reached`;
  if (met.strangers.length > 0) {
    const knocks = met.strangers.map((peer) => `${peer} knocks and is not in run.members`);
    const fix = "add it to run.members on every peer, or tell its operator";
    return warn([detail, ...knocks].join("; "), fix);
  }
  const isWell = ({ connected, troubles }: MetMember) => connected && troubles.length === 0;
  if (reached === wanted.length && [...met.members.values()].every(isWell)) return pass(detail);
  return warn(detail, "see each member below");
}

/** Every other member by itself. */
export function checkEachMember({ config, self, met }: Ground): readonly Finding[] {
  const listed = rosterOf(config.run).everyone.filter((peer) => peer !== self);
  const others = [...new Set([...listed, ...(met?.members.keys() ?? [])])];
  return others.slice(0, MEMBERS_MAX).map((peer) => {
    const finding = met === null ? NOT_CALLED : memberFinding(met.members.get(peer));
    return { ...finding, detail: `${peer} ${finding.detail}`, of: short(peer) };
  });
}

/** Whether the members that were met speak the version of the protocol that is spoken here. */
export function checkVersions({ config, met }: Pick<Ground, "config" | "met">): Finding {
  const own = `protocol ${PROTOCOL_VERSION}, klatch ${VERSION}`;
  const said = [...(met?.members.values() ?? [])];
  const other = said.flatMap(({ troubles }) => troubles).find((words) => OTHER_VERSION.test(words));
  if (other !== undefined) return warn(`here ${own}; a member ${other}`, UPDATE);
  const versions = new Set(said.flatMap(({ version }) => (version === null ? [] : [version])));
  if (versions.size === 0 && isAlone(config)) return pass(`here ${own}`);
  if (versions.size === 0) return unknown(`here ${own}; no member said its own`, "see check peers");
  const theirs = [...versions].sort().join(", ");
  return pass(`here ${own}; the members that were met: klatch ${theirs}`);
}

/** How far the clocks of the members that were met are from this one. */
export function checkClocks({ config, met }: Pick<Ground, "config" | "met">): Finding {
  const offsets = [...(met?.members.values() ?? [])].flatMap(({ clockMs }) =>
    clockMs === null ? [] : [clockMs],
  );
  if (offsets.length === 0 && isAlone(config)) return pass("there are no others");
  if (offsets.length === 0) return unknown("no member told the time", "see check peers");
  const far = offsets.filter((offset) => Math.abs(offset) >= CLOCK_WARNING_MS);
  const most = offsets.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
  const apart = `${(Math.abs(most) / 1000).toFixed(1)} s ${most < 0 ? "behind" : "ahead of"} this node's`;
  const detail = `of ${offsets.length} clocks, the one that is farthest is ${apart}`;
  if (far.length === 0) return pass(detail);
  const isOwn = 2 * far.length > offsets.length;
  const fix = `set ${isOwn ? "this machine's clock" : "their clocks"} by a time server (NTP)`;
  return Math.abs(most) < CLOCK_TOLERANCE_MS ? warn(detail, fix) : fail(detail, fix);
}

/** Whether the names in addresses stand for something. */
export async function checkNames({ config }: Pick<Ground, "config">): Promise<Finding> {
  const { bootstrap, announce } = config.network;
  const names = new Set(
    [...bootstrap, ...announce].flatMap((text) => {
      const read = parseAddress(text);
      return "address" in read && read.address.kind.startsWith("dns") ? [read.address.host] : [];
    }),
  );
  const asked = [...names].slice(0, NAMES_MAX);
  if (asked.length === 0) return pass("none are used");
  const troubles = await Promise.all(asked.map((name) => nameTrouble(name)));
  const wrong = troubles.filter((trouble) => trouble?.isWrong === true);
  if (wrong.length > 0) {
    const fix = "correct it in network.bootstrap or network.announce";
    return warn(wrong.map((trouble) => trouble?.words).join("; "), fix);
  }
  const [silent] = troubles.filter((trouble) => trouble !== null);
  if (silent) return unknown(silent.words, "ask again when the machine reaches its name server");
  return pass(`${asked.length} stand for an address`);
}

// --- internal ---

const isAlone = ({ run }: Ground["config"]): boolean => run.members.length < 2;

const UPDATE = "install the same version of klatch on both, the newer one";
const OTHER_VERSION = /another version of the protocol|an earlier version of klatch/;

const NOT_CALLED = unknown("was not called", "see checks peers and bootstrap");
const NO_ADDRESS = unknown(
  "has not connected, and no address of it is known here",
  "add its address to network.bootstrap, or wait for it to call",
);

/** What helps against a trouble, by the words for it; the first that fits. */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [/connection refused/, "have its node started, or correct the port in network.bootstrap"],
  [
    /no answer in time|no way to that host/,
    "have its firewall let the port through, or correct it",
  ],
  [/no such name|has no address/, "correct the name in network.bootstrap"],
  [/no name server/, "have this machine reach its name server"],
  [/another network key/, "have the same network.networkKeyFile on both, and a klatch node there"],
  [/another peer answers/, "correct the peer id or the address in network.bootstrap"],
  [/closed the connection at once|not list this node/, "have it list this node in run.members"],
  [/its clock is/, "set both clocks by a time server (NTP)"],
  [OTHER_VERSION, UPDATE],
  [/model \S+ \(|another tokenizer/, "have both take the same model folder, to the byte"],
  [/runs another run|, here /, "make the named settings alike on both"],
  [/has stopped/, "have its node started"],
  [/lists? \S+,/, "have the same run.members on both"],
];

function memberFinding(member: MetMember | undefined): Finding {
  if (member === undefined) return NO_ADDRESS;
  const { connected, troubles, version } = member;
  const words = troubles.join("; ");
  const fix = FIXES.find(([shape]) => shape.test(words))?.[1];
  if (words !== "") return warn(words, fix ?? "have its node started; check address and firewall");
  if (connected) return pass(`is connected${version === null ? "" : `, klatch ${version}`}`);
  return NO_ADDRESS;
}

/** Why a name leads nowhere, and whether it is the name's fault; null where it leads somewhere. */
async function nameTrouble(name: string): Promise<{ words: string; isWrong: boolean } | null> {
  const late = delay(LOOKUP_MS, "ETIMEOUT", { ref: false });
  const found = lookup(name).then(
    () => null,
    (error: NodeJS.ErrnoException) => error.code ?? "EUNKNOWN",
  );
  const code = await Promise.race([found, late]);
  if (code === null) return null;
  if (code === "ENOTFOUND" || code === "ENODATA") {
    return { words: `${name}: no such name`, isWrong: true };
  }
  return { words: `${name}: no name server answers (${code})`, isWrong: false };
}
