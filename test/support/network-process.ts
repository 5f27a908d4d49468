/**
 * A network in a process of its own, whose memory and event loop are then its own: node network-process.ts <choices as
 * JSON>. Prints what it logs, and ten times a second how it is.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  type ConnectionLimits,
  connectionLimits,
} from "../../src/gossip/connections/connection-limits.ts";
import {
  createNetwork,
  digestOf,
  generateIdentity,
  networkConfigSchema,
} from "../../src/gossip/index.ts";
import type { NetworkChoices, NetworkLine } from "./victim.ts";

const BEAT_MS = 100;
const PAYLOAD_BYTES = 4 * 1024 * 1024;

const choices: NetworkChoices = JSON.parse(process.argv[2] ?? "{}");
const config = networkConfigSchema.parse({
  listen: ["/ip4/127.0.0.1/tcp/0"],
  ...choices.config,
});
const usual = connectionLimits(config, 0);
const limits = { ...(choices.unlimited ? without(usual) : usual), ...choices.limits };
const log = (fields: object, message: string) => say({ event: "log", ...fields, message });

const { key, peerId } = await generateIdentity();
const network = await createNetwork(config, {
  key,
  limits,
  log: { debug: log, info: log, warn: log },
});
network.onAnnouncement(() => ({ verdict: "accept", value: undefined }));
await network.start();

const bytes = Buffer.alloc(PAYLOAD_BYTES, 7);
const payload = digestOf(bytes);
network.hold(payload, bytes);
network.open(payload);
const address = network.addresses()[0] ?? "";
say({ event: "listening", peerId, address, payload, bytes: PAYLOAD_BYTES });

const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();
let used = process.cpuUsage();
setInterval(() => {
  const peers = network.peers().map(({ peer }) => peer);
  const { user, system } = process.cpuUsage(used);
  // a loop that waits for a core is late too, and that is nobody's attack
  const lagMs = Math.min(delay.max / 1e6, (user + system) / 1000);
  say({ event: "state", rss: process.memoryUsage.rss(), lagMs, peers });
  used = process.cpuUsage();
  delay.reset();
}, BEAT_MS);

/** As it was before there were limits: the control of every test of one. */
function without({ atOnce }: ConnectionLimits): ConnectionLimits {
  const none = { burst: Infinity, perSecond: 0 };
  const room = { maxPerHost: Infinity, maxGuests: Infinity, silenceMs: Infinity, stayMs: Infinity };
  return {
    atOnce,
    connectionsPerPeer: Infinity,
    comings: { burst: Infinity, refillMs: 1 },
    maxUnsentBytes: Infinity,
    stallMs: Infinity,
    frames: none,
    unaskedBytes: none,
    maxProposals: Infinity,
    maxFrameBytes: Infinity,
    transferTurnMs: Infinity,
    doorstep: room,
    handshakes: {
      room,
      maxBytes: Infinity,
      rates: {
        strangers: { burst: Infinity, refillMs: 1 },
        homes: { burst: Infinity, refillMs: 1 },
      },
    },
  };
}

function say(line: NetworkLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
