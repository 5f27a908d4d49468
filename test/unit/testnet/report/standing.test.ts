import { describe, expect, test } from "vitest";
import { reputationOf } from "../../../../testnet/report/standing.ts";
import { samplePeer, sampleStatus } from "../../node/node-samples.ts";

const seen = (by: string, ...peers: readonly ReturnType<typeof samplePeer>[]) =>
  sampleStatus({ peerId: by, peers });

describe("what most honest peers think of one", () => {
  test("is the standing that most give it, the worse of two", () => {
    const [full, isolated] = (["full", "isolated"] as const).map((standing) =>
      samplePeer({ peer: "x", neighbour: true, standing }),
    ) as [ReturnType<typeof samplePeer>, ReturnType<typeof samplePeer>];
    expect(
      reputationOf("x", [seen("a", full), seen("b", full), seen("c", isolated)]),
    ).toMatchObject({ standing: "full", standings: { full: 2, isolated: 1 } });
    expect(reputationOf("x", [seen("a", full), seen("b", isolated)]).standing).toBe("isolated");
  });

  test("is evicted where it is in no list any more, and says nothing of who lists nobody yet", () => {
    const other = samplePeer({ peer: "y", neighbour: true });
    expect(reputationOf("x", [seen("a", other), seen("b", other), seen("c")])).toMatchObject({
      standing: "evicted",
      standings: { full: 0, evicted: 2 },
    });
    const far = samplePeer({ peer: "x", neighbour: false });
    expect(reputationOf("x", [seen("a", far)]).standings).toMatchObject({ full: 0, evicted: 0 });
  });
});
