import { join } from "node:path";
import {
  createNetwork,
  createNetworkKey,
  generateIdentity,
  type Identity,
  loadIdentity,
} from "../../../../src/gossip/index.ts";
import {
  describeSelf,
  encodeSelf,
  type OwnFacts,
  type SelfDescription,
} from "../../../../src/node/acquaintance/self-description.ts";
import { networkConfig } from "../../../../src/node/config/network-config.ts";
import { type Met, type MetMember, visit } from "../../../../src/node/doctor/met.ts";
import { freePorts } from "../../../../testnet/processes/free-ports.ts";
import { byDoctor, type Misconfiguration, makeNode, type Node } from "./case.ts";

const KINDS = [
  "down",
  "version",
  "model",
  "tokenizer",
  "setting",
  "key",
  "unlisted",
  "clock",
] as const;
type Kind = (typeof KINDS)[number];

const FACTS: OwnFacts = {
  ...{ modelDigest: "a".repeat(64), tokenizerDigest: "b".repeat(64), modelOrigin: null },
  layout: { tensors: [], length: 1, digest: "c".repeat(64) },
};

/** What is met of all these members at once, each with its own fault or all without. */
interface Meeting {
  readonly node: Node;
  readonly flags: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<Kind, Identity>>;
  readonly met: Met;
}

let before: Promise<Meeting> | undefined;
let after: Promise<Meeting> | undefined;

/** A member with a fault, by the check that names it. */
const met = (kind: Kind, name: string): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: `doctor ${name}`,
  plant: () => {
    before ??= meet(true);
    let meeting = before;
    return {
      say: async () => {
        const { node, flags, members, met: all } = await meeting;
        const { peerId } = members[kind];
        const alone = new Map([...all.members].filter(([peer]) => peer === peerId));
        const given = { ...flags, "run.members": `${node.peerId},${peerId}` };
        const learned = { ...node.groundOf(flags).learned, model: FACTS } as never;
        return byDoctor(name, node.groundOf(given, { learned, met: { ...all, members: alone } }));
      },
      mend: () => {
        after ??= meet(false);
        meeting = after;
      },
    };
  },
});

/** Members that are not reached, or not alike: real networks in this process, and one visit to all. */
export const ENCOUNTERS: readonly Misconfiguration[] = [
  {
    planted: "a member that does not run",
    ...met("down", "member"),
    words: /not reached at \/ip4\/127\.0\.0\.1\/tcp\/\d+: connection refused/,
    fix: /have its node started, or correct the port/,
  },
  {
    planted: "another version of the protocol, seen at the member",
    ...met("version", "member"),
    words: /speaks another version of the protocol: 1 \(klatch 0\.9\.0\), here 2/,
    fix: /install the same version of klatch on both/,
  },
  {
    planted: "another version of the protocol",
    ...met("version", "versions"),
    words: /a member speaks another version of the protocol: 1/,
    fix: /install the same version of klatch on both/,
  },
  {
    planted: "another base model, seen at the member",
    ...met("model", "member"),
    words: /runs another run: model other \(dddddddddddd\), here model \(aaaaaaaaaaaa\)/,
    fix: /have both take the same model folder/,
  },
  {
    planted: "another base model",
    ...met("model", "digests"),
    words: /members have others: .*model other \(dddddddddddd\)/,
    fix: /take the model folder that the run began with/,
  },
  {
    planted: "another tokenizer beside the same model",
    ...met("tokenizer", "digests"),
    words: /members have others: .*another tokenizer or chat template/,
    fix: /take the model folder that the run began with/,
  },
  {
    planted: "a setting of the run that is another",
    ...met("setting", "member"),
    words: /runs another run: run\.steps 41, here 20/,
    fix: /make the named settings alike/,
  },
  {
    planted: "another network key",
    ...met("key", "member"),
    words: /no handshake: not a Klatch node, or another network key/,
    fix: /the same network\.networkKeyFile on both/,
  },
  {
    planted: "a member that does not list this node",
    ...met("unlisted", "member"),
    words: /it closed the connection at once: is this node among its members\?/,
    fix: /have it list this node in run\.members/,
  },
  {
    planted: "a clock that is off, seen at the member",
    ...met("clock", "member"),
    words: /its clock is 2 h 0 min ahead of this node's/,
    fix: /set both clocks by a time server/,
  },
  {
    planted: "a clock that is off",
    ...met("clock", "clocks"),
    words: /the one that is farthest is 7\d\d\d\.\d s ahead of this node's/,
    fix: /set this machine's clock by a time server/,
  },
];

// --- internal ---

async function meet(areFaulty: boolean): Promise<Meeting> {
  const node = await makeNode();
  const [identities, ports] = await Promise.all([
    Promise.all(KINDS.map(() => generateIdentity())),
    freePorts(KINDS.length),
  ]);
  const members = Object.fromEntries(
    KINDS.map((kind, place) => [kind, identities[place]]),
  ) as Meeting["members"];
  const everyone = [node.peerId, ...identities.map(({ peerId }) => peerId)];
  const at = (place: number) => `/ip4/127.0.0.1/tcp/${ports[place]}`;
  const flags = {
    "run.members": everyone.join(","),
    "network.bootstrap": KINDS.map(
      (kind, place) => `${at(place)}/p2p/${members[kind].peerId}`,
    ).join(","),
  };
  const config = node.configOf(flags);
  const other = { ...flags, "run.steps": "41" };
  const keyFile = join(node.folder, "other.key");
  createNetworkKey(keyFile);
  const running = await Promise.all(
    KINDS.map(async (kind, place) => {
      if (kind === "down" && areFaulty) return null;
      const isWith = (fault: Kind) => areFaulty && kind === fault;
      const own = networkConfig(config);
      const network = await createNetwork(
        {
          ...{ ...own, listen: [at(place)], bootstrap: [], peerExchange: false },
          networkKeyFile: isWith("key") ? keyFile : null,
          members: isWith("unlisted") ? [members.down.peerId] : own.members,
        },
        {
          key: members[kind].key,
          now: () => Date.now() + (isWith("clock") ? 7_200_000 : 0),
        },
      );
      const said = describeSelf(isWith("setting") ? node.configOf(other) : config, FACTS);
      network.greet(encodeSelf({ ...said, ...(areFaulty ? FAULTS[kind] : {}) }));
      network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
      await network.start();
      return network;
    }),
  );
  const identity = await loadIdentity(join(node.dataDir, "identity.json"));
  let met = await visit(config, identity, FACTS);
  // a visit is short, and this machine may be busy: what counts is what every member did say
  while (!isWhole(met)) met = await visit(config, identity, FACTS);
  await Promise.all(running.map((network) => network?.stop()));
  return { node, flags, members, met };
}

/** What members say of themselves that have something else. */
const FAULTS: Partial<Record<Kind, Partial<SelfDescription>>> = {
  version: { protocol: 1, version: "0.9.0" },
  model: { run: "e".repeat(64), model: { name: "other", digest: "d".repeat(64) } },
  tokenizer: { run: "e".repeat(64), tokenizer: "d".repeat(64) },
};

/** Whether every member was heard, or was not reached for a reason of its own. */
function isWhole({ members }: Met): boolean {
  const all = [...members.values()];
  const isHeard = ({ version, troubles }: MetMember) =>
    version !== null || (troubles.length > 0 && !/no answer in time/.test(troubles.join()));
  return all.length === KINDS.length && all.every(isHeard);
}
