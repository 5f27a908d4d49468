import { z } from "zod";
import { type ParsedAddress, parseAddress, parseListenAddress } from "./connections/address.ts";
import { isPeerId } from "./keys/identity.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A text that is an address; `trouble` says what else is wrong with one, or null. */
const addressField = (
  read: (text: string) => ParsedAddress,
  trouble: (parsed: { readonly peer: string | null }) => string | null,
) =>
  z.string().superRefine((text, context) => {
    const parsed = read(text);
    const message = "refusal" in parsed ? parsed.refusal : trouble(parsed);
    if (message !== null) context.addIssue({ code: "custom", message });
  });
const noPeer = ({ peer }: { readonly peer: string | null }) =>
  peer === null ? null : "leave out /p2p/…: this node's peer id is added by itself";
const somePeer = ({ peer }: { readonly peer: string | null }) =>
  peer === null ? "it names no peer id: write …/p2p/12D3KooW… at its end" : null;

const peerId = z.string().refine(isPeerId, { error: "not an Ed25519 peer id (12D3KooW…)" });

const whole = (fallback: number, least: number, most: number) =>
  z.int().min(least).max(most).default(fallback);

const reach = {
  listen: z
    .array(addressField(parseListenAddress, noPeer))
    .max(16)
    .default(["/ip4/0.0.0.0/tcp/7117"])
    .describe("Addresses to listen on, /ip4|ip6|dns/HOST/tcp/PORT; port 0 takes a free one."),
  announce: z
    .array(addressField(parseAddress, noPeer))
    .max(16)
    .default([])
    .describe("Addresses to tell others instead of the listening ones (behind NAT or a proxy)."),
  bootstrap: z
    .array(addressField(parseAddress, somePeer))
    .max(1024)
    .default([])
    .describe("Peers to connect to and stay connected with; each address names its peer id."),
  members: z
    .union([z.literal("anyone"), z.array(peerId).max(1024)])
    .default("anyone")
    .describe('Peer ids that may connect; "anyone" refuses nobody, an empty list everybody.'),
  networkKeyFile: z
    .string()
    .min(1)
    .max(4096)
    .nullable()
    .default(null)
    .describe("File with the pre-shared key of a private network; null for none."),
  peerExchange: z
    .boolean()
    .default(true)
    .describe("Learn members' addresses from connected peers, and connect to them."),
  maxPeers: whole(128, 1, 1000).describe("Peers to be connected with at most."),
};

const pace = {
  dialTimeoutMs: whole(10 * SECOND, 100, 2 * MINUTE).describe(
    "Longest attempt to connect; addresses that peers told have as long again.",
  ),
  redialBaseMs: whole(500, 10, MINUTE).describe("Pause after the first failed attempt; doubles."),
  redialMaxMs: whole(30 * SECOND, 10, 60 * MINUTE).describe("Longest pause between attempts."),
  pingIntervalMs: whole(15 * SECOND, 500, 10 * MINUTE).describe(
    "How often connected peers are asked whether they are alive.",
  ),
  syncIntervalMs: whole(15 * SECOND, 100, 60 * MINUTE).describe(
    "How often announcements are compared with one connected peer, so that a lost one arrives.",
  ),
};

const payloads = {
  maxPayloadBytes: whole(256 * MIB, KIB, 1024 * MIB).describe(
    "Largest payload to announce or fetch.",
  ),
  maxHeldBytes: whole(1024 * MIB, KIB, 64 * 1024 * MIB).describe(
    "Payload bytes to hold for others.",
  ),
  chunkBytes: whole(MIB, KIB, MIB).describe("Bytes asked for in one request."),
  openWaitMs: whole(MINUTE, 0, 60 * MINUTE).describe(
    "How long a request for a payload waits that is held but not open yet.",
  ),
  unknownWaitMs: whole(5 * SECOND, 0, 10 * MINUTE).describe(
    "How long a request for a payload waits that is not held.",
  ),
  stallMs: whole(15 * SECOND, 100, 10 * MINUTE).describe(
    "A transfer ends when it brings less than minBytesPerSecond for this long.",
  ),
  minBytesPerSecond: whole(1024, 1, 1024 * MIB).describe("Slowest transfer that is put up with."),
  fetchAttempts: whole(5, 1, 100).describe(
    "Attempts in a row that bring nothing before giving up.",
  ),
  maxFetches: whole(32, 1, 1000).describe("Transfers from others at a time; more wait."),
  maxWaitingFetches: whole(1024, 0, 100_000).describe("Transfers that may wait for a turn."),
  maxServes: whole(32, 1, 1000).describe("Transfers to others at a time; more are told to retry."),
  maxServesPerPeer: whole(4, 1, 64).describe("Transfers to one peer at a time."),
};

/** Section `network` of the configuration: where a node listens, whom it admits, and every limit of the wire. */
export const networkConfigSchema = z.strictObject({ ...reach, ...pace, ...payloads });

export type NetworkConfig = z.infer<typeof networkConfigSchema>;
