import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  type GossipSub,
  type GossipsubOpts,
  StrictSign,
  TopicValidatorResult,
} from "@libp2p/gossipsub";
import { createTopicScoreParams } from "@libp2p/gossipsub/score";
import { KlatchError } from "../../errors.ts";
import type { PeerId } from "../../types.ts";
import { MAX_ANNOUNCEMENT_BYTES } from "./announcement.ts";
import type { AnnouncementDoor } from "./announcement-door.ts";

/** One topic for every run: peers of another run are told so instead of hearing nothing. */
export const TOPIC = "klatch/announcements/2";

const KIB = 1024;
/** Largest gossip message taken in; above 4 MiB libp2p would drop it without a word. */
const MAX_RPC_BYTES = 64 * KIB;
/** Bytes waiting for a slow peer; gossipsub has no back-pressure, so the stream is given up above this. */
const MAX_QUEUED_BYTES = 1024 * KIB;

const VALIDATOR_RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const;

/** gossipsub's settings for a network of few, known, rarely speaking members. */
export function gossipOptions(): Partial<GossipsubOpts> {
  return {
    allowedTopics: [TOPIC],
    globalSignaturePolicy: StrictSign,
    fallbackToFloodsub: false,
    // announcements are small and rare: the author tells every neighbour, which no mesh attack can prevent
    floodPublish: true,
    // checked by the caller instead, who sees the number of recipients
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    awaitRpcHandler: true,
    maxInboundDataLength: MAX_RPC_BYTES,
    maxOutboundBufferSize: MAX_QUEUED_BYTES,
    // with the publisher: another's message under one's own name must not pass for the original
    msgIdFn: (message) =>
      messageId(
        message.type === "signed" ? message.from.toMultihash().bytes : NOBODY,
        message.data,
      ),
    // known before a signature is checked: a flood of one message costs a digest each
    fastMsgIdFn: ({ from = NOBODY, data = NOBODY }) => messageId(from, data).toString("base64"),
    // an event loop that training keeps busy answers late; that is no broken promise yet (default 3 s)
    gossipsubIWantFollowupMs: 12_000,
    scoreParams: {
      // membership is by key, and an organisation's peers often share an address. The default (weight -5 above ten
      // peers per address) silently cuts off every node of a network of more than eleven on one machine
      IPColocationFactorWeight: 0,
      behaviourPenaltyThreshold: 6,
      topics: {
        [TOPIC]: createTopicScoreParams({
          topicWeight: 1,
          timeInMeshWeight: 0.01,
          timeInMeshQuantum: 1000,
          timeInMeshCap: 300,
          firstMessageDeliveriesWeight: 0.1,
          firstMessageDeliveriesDecay: 0.99,
          firstMessageDeliveriesCap: 50,
          // peers speak once a round: too seldom to expect a rate of deliveries from anybody
          meshMessageDeliveriesWeight: 0,
          meshFailurePenaltyWeight: 0,
          // six invalid messages within minutes: below -80, where gossipsub stops listening to a peer
          invalidMessageDeliveriesWeight: -4,
          invalidMessageDeliveriesDecay: 0.99,
        }),
      },
    },
  };
}

const NOBODY = new Uint8Array();

function messageId(publisher: Uint8Array, data: Uint8Array): Buffer {
  return createHash("sha256").update(publisher).update(data).digest();
}

interface Insight {
  getMeshPeers(topic: string): string[];
  getScore(peer: string): number;
}

/** The announcement topic of a gossipsub node: validates what comes, publishes what goes. */
export class GossipTopic {
  readonly #pubsub: GossipSub;
  readonly #insight: Insight;

  constructor(pubsub: GossipSub, door: AnnouncementDoor) {
    this.#pubsub = pubsub;
    const insight = pubsub as unknown as Insight;
    assert(typeof insight.getMeshPeers === "function" && typeof insight.getScore === "function");
    this.#insight = insight;
    pubsub.topicValidators.set(TOPIC, async (from, message) => {
      // StrictSign leaves no unsigned message
      if (message.type !== "signed") return TopicValidatorResult.Reject;
      const publisher = message.from.toString();
      const arrival = { from: from.toString(), publisher };
      return VALIDATOR_RESULTS[(await door.admit(message.data, arrival)).verdict];
    });
  }

  subscribe(): void {
    this.#pubsub.subscribe(TOPIC);
  }

  /** Calls back when a peer subscribes: from then on it hears what we publish. */
  onSubscribed(listener: (peer: PeerId) => void): void {
    this.#pubsub.addEventListener("subscription-change", ({ detail }) => {
      const joined = detail.subscriptions.some(
        ({ topic, subscribe }) => topic === TOPIC && subscribe,
      );
      if (joined) listener(detail.peerId.toString());
    });
  }

  /**
   * Publishes signed bytes.
   *
   * @returns the peers it went to directly: none when nobody is connected, or when it was published minutes ago.
   * @throws KlatchError `data` when the bytes are too many for an announcement.
   */
  async publish(bytes: Uint8Array): Promise<readonly PeerId[]> {
    if (bytes.byteLength > MAX_ANNOUNCEMENT_BYTES) {
      throw new KlatchError(
        "data",
        `An announcement of ${bytes.byteLength} bytes is too large to gossip (limit ${MAX_ANNOUNCEMENT_BYTES}).`,
        "Gossip only commits to a payload; the payload itself is fetched.",
      );
    }
    const { recipients } = await this.#pubsub.publish(TOPIC, bytes);
    return recipients.map(String);
  }

  meshPeers(): ReadonlySet<PeerId> {
    return new Set(this.#insight.getMeshPeers(TOPIC));
  }

  score(peer: PeerId): number {
    return this.#insight.getScore(peer);
  }
}
