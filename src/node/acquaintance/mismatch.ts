import type { PeerId } from "../../types.ts";
import { KEYS_APART, KEYS_OF_AGREED } from "../peer/manifest.ts";
import { short } from "../view/table.ts";
import type { SelfDescription } from "./self-description.ts";

/** What two members have not alike, in words. */
export interface Mismatch {
  /** What keeps the two from mixing; null when nothing does. */
  readonly barrier: string | null;
  /** What may surprise, and keeps nobody from mixing. */
  readonly notes: readonly string[];
}

/** Differences that are named; the others are counted. */
const NAMED_MAX = 4;

const MODE = "run.mode";

/** Compares what a peer says of itself with what this node would say; either may not know its model yet. */
export function compare(self: PeerId, here: SelfDescription, theirs: SelfDescription): Mismatch {
  return { barrier: barrierOf(self, here, theirs), notes: notesOf(self, here, theirs) };
}

type Settings = SelfDescription["settings"];

/** What of the settings makes a new run of an old one, as `key old -> new`. */
export function changes(before: Settings, now: Settings): readonly string[] {
  return differingKeys(before, now)
    .filter((key) => !isApart(key))
    .map((key) => `${key} ${plain(before[key])} -> ${plain(now[key])}`);
}

// --- internal ---

/** Whether two members may have a setting apart, as it is no part of the run id. */
function isApart(key: string): boolean {
  return isAmong(KEYS_APART, key);
}

function isAmong(names: readonly string[], key: string): boolean {
  return names.some((name) => key === `run.${name}` || key.startsWith(`run.${name}.`));
}

function differingKeys(one: Settings, other: Settings): readonly string[] {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].sort().filter((key) => one[key] !== other[key]);
}

function barrierOf(self: PeerId, here: SelfDescription, theirs: SelfDescription): string | null {
  if (theirs.protocol !== here.protocol) {
    const versions = `${theirs.protocol} (klatch ${theirs.version}), here ${here.protocol} (klatch ${here.version})`;
    return `speaks another version of the protocol: ${versions}; update the older one`;
  }
  if (!isListed(theirs, self)) return "does not list this node among its members";
  // what is written otherwise may mean the same: a learning rate of auto, and the number that it stands for
  if (here.run !== null && here.run === theirs.run) return null;
  const parts = [
    ...modelDifferences(here, theirs),
    ...settingDifferences(here, theirs, false),
    ...agreedMemberDifferences(self, here, theirs),
  ];
  if (parts.length > 0) return `runs another run: ${enumerated(parts)}`;
  if (here.run === null || theirs.run === null) return null;
  return `runs another run, of klatch ${theirs.version}; here it is klatch ${here.version}`;
}

function notesOf(self: PeerId, here: SelfDescription, theirs: SelfDescription): readonly string[] {
  return [
    ...settingDifferences(here, theirs, true),
    ...(areAgreed(here, theirs) ? [] : memberDifferences(self, here, theirs)),
    ...(here.roster.join() === theirs.roster.join()
      ? []
      : [
          `run.roster ${theirs.roster.join(", ") || "empty"}, here ${here.roster.join(", ") || "empty"}`,
        ]),
  ];
}

function memberDifferences(
  self: PeerId,
  here: SelfDescription,
  theirs: SelfDescription,
): readonly string[] {
  const [ours, listed] = [new Set(here.members), new Set(theirs.members)];
  const unlisted = here.members.filter((peer) => !listed.has(peer) && peer !== self);
  const extra = theirs.members.filter((peer) => !ours.has(peer));
  const named = (peers: readonly PeerId[]) => enumerated(peers.map(short));
  return [
    ...(unlisted.length > 0 ? [`does not list ${named(unlisted)}, a member here`] : []),
    ...(extra.length > 0 ? [`lists ${named(extra)}, no member here`] : []),
  ];
}

/** Whether both are in mode agreed, where the members are part of the run id. */
function areAgreed(here: SelfDescription, theirs: SelfDescription): boolean {
  return [here, theirs].every(({ settings }) => settings[MODE] === '"agreed"');
}

function agreedMemberDifferences(
  ...[self, here, theirs]: Parameters<typeof memberDifferences>
): readonly string[] {
  return areAgreed(here, theirs) ? memberDifferences(self, here, theirs) : [];
}

function modelDifferences(here: SelfDescription, theirs: SelfDescription): readonly string[] {
  if (here.model === null || theirs.model === null) return [];
  if (here.model.digest !== theirs.model.digest) {
    return [`model ${modelName(theirs.model)}, here ${modelName(here.model)}`];
  }
  if (here.init !== theirs.init) return [`run begins from ${start(theirs)}, here ${start(here)}`];
  if (here.tokenizer !== theirs.tokenizer)
    return ["another tokenizer or chat template beside the same model"];
  // settings that differ explain another layout better
  const isExplained = settingDifferences(here, theirs, false).length > 0;
  return here.layout === theirs.layout || isExplained ? [] : ["an adapter of other tensors"];
}

function settingDifferences(
  here: SelfDescription,
  theirs: SelfDescription,
  areApart: boolean,
): readonly string[] {
  const isOtherMode = here.settings[MODE] !== theirs.settings[MODE];
  return (
    differingKeys(here.settings, theirs.settings)
      .filter((key) => isApart(key) === areApart)
      // that only one of the modes knows it goes without saying
      .filter((key) => !(isOtherMode && key !== MODE && isAmong(KEYS_OF_AGREED, key)))
      .map((key) => `${key} ${plain(theirs.settings[key])}, here ${plain(here.settings[key])}`)
  );
}

function isListed({ members, roster }: SelfDescription, peer: PeerId): boolean {
  return members.includes(peer) || roster.some((change) => change.endsWith(`+${peer}`));
}

function start({ init }: SelfDescription): string {
  return init === null ? "a fresh adapter" : `the adapter ${init.slice(0, 12)}`;
}

function modelName({ name, digest }: { readonly name: string; readonly digest: string }): string {
  return `${name} (${digest.slice(0, 12)})`;
}

/** A text without the quotes that JSON has around it. */
function plain(value: string | undefined): string {
  return value === undefined ? "unknown" : value.replace(/^"(.*)"$/, "$1");
}

function enumerated(parts: readonly string[]): string {
  const named = parts.slice(0, NAMED_MAX);
  const more = parts.length - named.length;
  return `${named.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
