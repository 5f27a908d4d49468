import type { Reason } from "../../types.ts";

/** Why this node ended a connection. libp2p hands it on to the connection's `close` event, where the peer is known. */
export class ConnectionCut extends Error {
  override readonly name = "ConnectionCut";
  readonly reason: Reason;

  constructor(reason: Reason, sentence: string) {
    super(sentence);
    this.reason = reason;
  }
}
