import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../../src/node/config/load.ts";
import { proxySettings } from "../../../../src/node/config/proxy.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { byError, byFlags, checked, type Misconfiguration } from "./case.ts";

export const OTHERS = [
  "12D3KooWLmmAoYR4XQSzjBCUvN54u6oycubQnGv829J8LMhp8h4S",
  "12D3KooWGAX221r3r8b6iC7PsQct7Ebn5HBnDo8KHeckgbiD1uqM",
  "12D3KooWQ5HPqvVXFi4vnB3LnQ1MMrHZcC3bGRz4m9PpWgnhJH7Z",
] as const;
const [OTHER] = OTHERS;

/** A text in place of the file that every command reads first. */
const file = (wrong: string, right: string): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: "any command",
  plant: () => {
    const cwd = temporaryFolder();
    const write = (text: string) => writeFileSync(join(cwd, "klatch.yaml"), text);
    write(wrong);
    return { say: () => byError(() => loadConfig({ cwd })), mend: () => write(right) };
  },
});

/** What the configuration's own schema refuses, and what the list of members cannot be. */
export const SETTINGS: readonly Misconfiguration[] = [
  {
    planted: "YAML that does not parse",
    ...file("run:\n  rounds: 3\n  steps: [1\n", "run:\n  rounds: 3\n"),
    words: /klatch\.yaml:[34]: /,
    fix: /must be YAML or JSON/,
  },
  {
    planted: "a key that is misspelt",
    ...file("run:\n  batchsize: 4\n", "run:\n  batchSize: 4\n"),
    words: /unknown key run\.batchsize/,
    fix: /did you mean run\.batchSize\?/,
  },
  {
    planted: "a key in the wrong section",
    ...file("training:\n  batchSize: 4\n", "run:\n  batchSize: 4\n"),
    words: /unknown key training\.batchSize/,
    fix: /did you mean run\.batchSize\?/,
  },
  {
    planted: "a codec that there is not",
    ...file("run:\n  codec: int9\n", "run:\n  codec: int8\n"),
    words: /run\.codec: Invalid option/,
    fix: /^did you mean int[842]\?/,
  },
  {
    planted: "a number out of its bounds",
    ...file("run:\n  batchSize: 0\n", "run:\n  batchSize: 1\n"),
    words: /run\.batchSize: /,
    fix: /1 to 4096/,
  },
  {
    planted: "a member that is listed twice",
    ...file(
      `run:\n  members: [${OTHER}, ${OTHER}]\n`,
      `run:\n  members: [${OTHER}, ${OTHERS[1]}]\n`,
    ),
    words: /run\.members: a peer id is listed twice/,
    fix: /Peer ids of all members/,
  },
  {
    planted: "a bootstrap address without its peer id",
    ...file(
      "network:\n  bootstrap: [/ip4/192.0.2.1/tcp/7117]\n",
      `network:\n  bootstrap: [/ip4/192.0.2.1/tcp/7117/p2p/${OTHER}]\n`,
    ),
    words: /network\.bootstrap\.0: it names no peer id: write .*\/p2p\//,
    fix: /each address names its peer id/,
  },
  {
    planted: "a transport that is not spoken",
    ...file(
      "network:\n  listen: [/ip4/0.0.0.0/udp/7117/quic-v1]\n",
      "network:\n  listen: [/ip4/0.0.0.0/tcp/7117]\n",
    ),
    words: /network\.listen\.0: /,
    fix: /\/tcp\/PORT/,
  },
  {
    planted: "a configuration file that is not there",
    namedBy: "any command",
    words: /cannot read the configuration file .*absent\.yaml \(ENOENT\)/,
    fix: /klatch init/,
    plant: () => {
      const file = join(temporaryFolder(), "absent.yaml");
      return {
        say: () => byError(() => loadConfig({ file })),
        mend: () => writeFileSync(file, "run:\n  rounds: 3\n"),
      };
    },
  },
  {
    planted: "a variable of the environment that is misspelt",
    namedBy: "any command",
    words: /unknown environment variable KLATCH_RUN_ROUND/,
    fix: /did you mean KLATCH_RUN_ROUNDS\?/,
    plant: () =>
      byFlags({ KLATCH_RUN_ROUND: "3" }, { KLATCH_RUN_ROUNDS: "3" }, (env) =>
        byError(() => loadConfig({ cwd: "/", env })),
      ),
  },
  {
    planted: "a proxy of a kind that is not spoken",
    namedBy: "doctor proxy",
    words: /https_proxy names a proxy of the kind socks5/,
    fix: /name an HTTP proxy/,
    plant: () =>
      byFlags(
        { https_proxy: "socks5://proxy.example:1080" },
        { https_proxy: "http://proxy.example:3128" },
        (environment) => byError(() => proxySettings(environment)),
      ),
  },
  {
    planted: "a list of members that lacks this node",
    ...checked("members", ({ peerId }) => ({
      wrong: { "run.members": OTHERS.join(",") },
      right: { "run.members": [...OTHERS, peerId].join(",") },
    })),
    words: /3 members, and this node is not one of them/,
    fix: /list the peer ids of all members, this node's too/,
  },
  {
    planted: "no members at all",
    ...checked("members", ({ peerId }) => ({
      wrong: {},
      right: { "run.members": [OTHER, peerId].join(",") },
    })),
    words: /run\.members is empty/,
    fix: /list the peer ids of all members/,
  },
  {
    planted: "mode agreed with three members",
    ...checked("members", ({ peerId }) => {
      const three = [...OTHERS.slice(0, 2), peerId].join(",");
      return {
        wrong: { "run.mode": "agreed", "run.members": three },
        right: { "run.mode": "agreed", "run.members": `${three},${OTHERS[2]}` },
      };
    }),
    words: /a quorum is \d, and 0 may lie: rounds stop while \d of them are away/,
    fix: /four members at least/,
  },
  {
    planted: "mode agreed in a ring",
    ...checked("members", ({ peerId }) => {
      const agreed = { "run.mode": "agreed", "run.members": [...OTHERS, peerId].join(",") };
      return { wrong: { ...agreed, "run.topology": "ring" }, right: agreed };
    }),
    words: /mode agreed needs a full topology/,
    fix: /set run\.topology to full/,
  },
  {
    planted: "a sparse codec in mode gossip",
    ...checked("members", ({ peerId }) => {
      const members = { "run.members": [OTHER, peerId].join(","), "run.mode": "gossip" };
      return {
        wrong: { ...members, "run.codec": "sparse" },
        right: { ...members, "run.codec": "sign" },
      };
    }),
    words: /mode gossip takes updates of all values, and codec sparse/,
    fix: /set run\.codec to sign/,
  },
];
