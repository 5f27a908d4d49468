import { createHash } from "node:crypto";
import { type GossipsubOpts, StrictNoSign } from "@libp2p/gossipsub";
import { createTopicScoreParams } from "@libp2p/gossipsub/score";
import { MAX_ANNOUNCEMENT_BYTES } from "../announcements/announcement.ts";

/** A topic and how large its messages may be. */
export interface Topic {
  readonly name: string;
  readonly maxBytes: number;
}

/** One topic for every run: peers of another run are told so instead of hearing nothing. */
export const ANNOUNCEMENTS: Topic = {
  name: "klatch/announcements/2",
  maxBytes: MAX_ANNOUNCEMENT_BYTES,
};
const MIB = 1024 * 1024;
/** Largest gossip message taken in: all that a neighbour lacked. */
const MAX_RPC_BYTES = 2 * MIB;
/** Bytes waiting for a slow peer; gossipsub has no back-pressure, so the stream is given up above this. */
const MAX_QUEUED_BYTES = 2 * MIB;

/**
 * Neighbours to whom what others announced is passed on. Fewer than gossipsub's (6, between 4 and 12): the author has told
 * its neighbours itself, and exchanges mend what is lost.
 */
const MESH = { D: 4, Dlo: 3, Dhi: 5, Dscore: 2, Dout: 1, Dlazy: 2 };

/** gossipsub's settings for a network of few, known, rarely speaking members. */
export function gossipOptions(): Partial<GossipsubOpts> {
  return {
    allowedTopics: [ANNOUNCEMENTS.name],
    // an announcement is signed already: a second signature, a key and a number would be 156 bytes more
    globalSignaturePolicy: StrictNoSign,
    fallbackToFloodsub: false,
    // announcements are small and rare: the author tells every neighbour, which no mesh attack can prevent
    floodPublish: true,
    ...MESH,
    // checked by the caller instead, who sees the number of recipients
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    awaitRpcHandler: true,
    maxInboundDataLength: MAX_RPC_BYTES,
    maxOutboundBufferSize: MAX_QUEUED_BYTES,
    msgIdFn: ({ data }) => createHash("sha256").update(data).digest(),
    // an event loop that training keeps busy answers late; that is no broken promise yet (default 3 s)
    gossipsubIWantFollowupMs: 12_000,
    scoreParams: {
      // membership is by key, and an organisation's peers often share an address. The default (weight -5 above ten
      // peers per address) silently cuts off every node of a network of more than eleven on one machine
      IPColocationFactorWeight: 0,
      behaviourPenaltyThreshold: 6,
      topics: { [ANNOUNCEMENTS.name]: announcementScore() },
    },
  };
}

function announcementScore() {
  return createTopicScoreParams({
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
  });
}
