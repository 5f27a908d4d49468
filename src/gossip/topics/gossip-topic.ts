import assert from "node:assert/strict";
import { type GossipSub, TopicValidatorResult } from "@libp2p/gossipsub";
import { KlatchError } from "../../errors.ts";
import type { PeerId, Verdict } from "../../types.ts";
import type { Topic } from "./gossip-options.ts";
import type { Arrival } from "./message-door.ts";

const VALIDATOR_RESULTS = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
} as const;

/** Methods of @libp2p/gossipsub 17.1.1 that its type leaves out. */
interface Insight {
  getMeshPeers(topic: string): string[];
  getScore(peer: string): number;
}

/** A topic of a gossipsub node: validates what comes, publishes what goes. */
export class GossipTopic {
  readonly #pubsub: GossipSub & Insight;
  readonly #topic: Topic;

  /** @param admit - judges each message that comes */
  constructor(
    pubsub: GossipSub,
    topic: Topic,
    admit: (bytes: Uint8Array, arrival: Arrival) => Promise<Verdict<void>>,
  ) {
    this.#pubsub = pubsub as GossipSub & Insight;
    this.#topic = topic;
    const { getMeshPeers, getScore } = this.#pubsub;
    assert(typeof getMeshPeers === "function" && typeof getScore === "function");
    pubsub.topicValidators.set(topic.name, async (from, message) => {
      const { verdict } = await admit(message.data, { from: from.toString(), isSaid: true });
      return VALIDATOR_RESULTS[verdict];
    });
  }

  subscribe(): void {
    this.#pubsub.subscribe(this.#topic.name);
  }

  /** Calls back when a peer subscribes: from then on it hears what we publish. */
  onSubscribed(listener: (peer: PeerId) => void): void {
    this.#pubsub.addEventListener("subscription-change", ({ detail }) => {
      const joined = detail.subscriptions.some(
        ({ topic, subscribe }) => topic === this.#topic.name && subscribe,
      );
      if (joined) listener(detail.peerId.toString());
    });
  }

  /**
   * Publishes signed bytes.
   *
   * @returns the peers it went to directly: none when nobody is connected, or when it was published minutes ago.
   * @throws KlatchError `data` when the bytes are too many for the topic.
   */
  async publish(bytes: Uint8Array): Promise<readonly PeerId[]> {
    const { name, maxBytes } = this.#topic;
    if (bytes.byteLength > maxBytes) {
      throw new KlatchError(
        "data",
        `A message of ${bytes.byteLength} bytes is too large to gossip (limit ${maxBytes}).`,
        "Gossip only commits to a payload; the payload itself is fetched.",
      );
    }
    const { recipients } = await this.#pubsub.publish(name, bytes);
    return recipients.map(String);
  }

  meshPeers(): ReadonlySet<PeerId> {
    return new Set(this.#pubsub.getMeshPeers(this.#topic.name));
  }

  score(peer: PeerId): number {
    return this.#pubsub.getScore(peer);
  }
}
