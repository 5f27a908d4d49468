import { expect, test } from "vitest";
import { createMetrics } from "../../../../src/node/peer/metrics.ts";
import { noteEvidence } from "../../../../src/node/peer/observing.ts";
import type { PeerParts } from "../../../../src/node/peer/peer-parts.ts";
import { silentLogger } from "../../../../src/node/process/logger.ts";
import type { NodeEvent } from "../../../../src/node/records/records.ts";
import { emptyLedger } from "../../../../src/reputation/index.ts";
import type { Evidence } from "../../../../src/types.ts";
import { Life } from "../../../../testnet/simulation/life.ts";
import { MemoryDisk } from "../../../../testnet/simulation/memory-store.ts";
import { PEERS } from "../node-samples.ts";

test("what was seen of a peer is told as evidence, whatever it was before, and praise is not told", () => {
  const told: NodeEvent[] = [];
  const store = new MemoryDisk().open(new Life());
  const parts = {
    ...{ ledger: { current: emptyLedger() }, store, run: "run", metrics: createMetrics() },
    ...{ log: silentLogger(), tell: (event: NodeEvent) => told.push(event) },
  } as unknown as PeerParts;
  const seen = (kind: Evidence["kind"]): Evidence => ({ peer: PEERS[1], round: 3, kind, at: 5 });
  // an effect of a round is evidence with a type of its own
  const effect = { ...seen("non-finite"), type: "observe" };

  noteEvidence(parts, [seen("timely"), effect]);

  expect(told).toEqual([{ ...seen("non-finite"), type: "evidence" }]);
});
