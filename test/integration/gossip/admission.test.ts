import { afterEach, describe, expect, test } from "vitest";
import {
  type AdmissionDesk,
  type AdmissionNetwork,
  type AdmissionRequest,
  createNetwork,
  generateIdentity,
  type Identity,
  type Network,
  networkConfigSchema,
  sealRun,
} from "../../../src/gossip/index.ts";
import { poll } from "./network-fixture.ts";

const networks: Network[] = [];

afterEach(async () => {
  await Promise.all(networks.splice(0).map((network) => network.stop()));
});

interface Choices {
  readonly members?: "anyone" | string[];
  readonly bootstrap?: readonly string[];
  readonly listen?: readonly string[];
  readonly admission?: AdmissionDesk;
}

async function start(
  identity: Identity,
  { admission, listen = ["/ip4/127.0.0.1/tcp/0"], bootstrap = [], members = "anyone" }: Choices,
): Promise<Network & AdmissionNetwork> {
  const config = { listen: [...listen], bootstrap: [...bootstrap], members, peerExchange: false };
  const network = await createNetwork(networkConfigSchema.parse(config), {
    key: identity.key,
    visits: true,
    ...(admission === undefined ? {} : { admission }),
  });
  networks.push(network);
  network.onAnnouncement(() => ({ verdict: "ignore", reason: "other-run" }));
  await network.start();
  return network;
}

const REQUEST: AdmissionRequest = {
  run: "ab".repeat(32),
  right: new Uint8Array(8).fill(1),
  proof: new Uint8Array(32).fill(2),
  addresses: ["/ip4/127.0.0.1/tcp/7117", "/ip4/8.8.8.8/tcp/7117", "/dns/here.example/tcp/7117"],
};
const soon = () => ({ signal: AbortSignal.timeout(60_000) });

/** A creator with this desk, and somebody who calls it. */
async function twoNodes(desk?: AdmissionDesk, creator?: Identity) {
  const [owner, caller] = [creator ?? (await generateIdentity()), await generateIdentity()];
  const choices = desk === undefined ? {} : { admission: desk };
  const door = await start(owner, choices);
  const bootstrap = door.addresses();
  const asking = await start(caller, { listen: [], bootstrap, members: [owner.peerId] });
  return { owner, caller, asking };
}

describe("who wants to be admitted", () => {
  test("is known by its key, and answered; a name is no address that its word is enough for", async () => {
    const heard: { from: string; request: AdmissionRequest }[] = [];
    const offer = new Uint8Array([1, 2]);
    const { owner, caller, asking } = await twoNodes(async (from, request) => {
      heard.push({ from, request });
      return { kind: "waits", offer, taken: 2 };
    });

    const outcome = await asking.askAdmission(owner.peerId, REQUEST, soon());

    expect(outcome).toEqual({ ok: true, answer: { kind: "waits", offer, taken: 2 } });
    const addresses = ["/ip4/127.0.0.1/tcp/7117", "/ip4/8.8.8.8/tcp/7117"];
    expect(heard).toEqual([{ from: caller.peerId, request: { ...REQUEST, addresses } }]);
  });

  test("is not called back: an open door learns no addresses", async () => {
    const told = async (desk?: AdmissionDesk) => {
      const owner = await generateIdentity();
      const door = await start(owner, desk === undefined ? {} : { admission: desk });
      const caller = await generateIdentity();
      const bootstrap = door.addresses();
      const asking = await start(caller, { bootstrap, members: [owner.peerId] });
      await asking.askAdmission(owner.peerId, REQUEST, soon());
      return { door, caller: caller.peerId };
    };
    // control: a node without a desk knows by then where its visitor listens
    const closed = await told();
    await poll(() => closed.door.soughtAt(closed.caller) !== null, "address of the visitor");

    const open = await told(async () => ({ kind: "refused", reason: "unknown" }));
    expect(open.door.soughtAt(open.caller)).toBeNull();
  });

  test("gets a sealed run that the creator has signed, and none that another has", async () => {
    const [owner, forger, other] = await Promise.all([
      generateIdentity(),
      generateIdentity(),
      generateIdentity(),
    ]);
    const addresses = ["/ip4/127.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/2"];
    const run = {
      offer: new Uint8Array([7]),
      members: [
        { peer: owner.peerId, addresses: [] },
        { peer: other.peerId, addresses },
      ],
    };
    let signer = forger;
    const desk: AdmissionDesk = async () => ({
      kind: "sealed",
      sealed: await sealRun(run, signer),
    });
    const { asking } = await twoNodes(desk, owner);

    const forged = await asking.askAdmission(owner.peerId, REQUEST, soon());
    signer = owner;
    const sealed = await asking.askAdmission(owner.peerId, REQUEST, soon());

    expect(forged).toEqual({ ok: false, detail: "it sent a run that it has not signed" });
    expect(sealed).toEqual({ ok: true, answer: { kind: "sealed", run } });
  });

  test("learns why not, and that a node without a desk admits nobody", async () => {
    const { owner, asking } = await twoNodes(async () => ({ kind: "refused", reason: "used" }));
    const refused = await asking.askAdmission(owner.peerId, REQUEST, soon());
    expect(refused).toEqual({ ok: true, answer: { kind: "refused", reason: "used" } });

    const closed = await twoNodes();
    const none = await closed.asking.askAdmission(closed.owner.peerId, REQUEST, soon());
    expect(none).toMatchObject({ ok: false });
  });

  test("may ask so often at once and no more, and no desk is asked what is malformed", async () => {
    let asked = 0;
    const { owner, asking } = await twoNodes(async () => {
      asked += 1;
      return { kind: "refused", reason: "unknown" };
    });
    const malformed = { ...REQUEST, proof: new Uint8Array(31) };
    const wrong = await asking.askAdmission(owner.peerId, malformed, soon());
    expect([wrong.ok, asked]).toEqual([false, 0]);

    const ask = () => asking.askAdmission(owner.peerId, REQUEST, soon());
    const begun = performance.now();
    const outcomes = [];
    for (let count = 0; count < 60; count++) outcomes.push(await ask());
    const seconds = Math.ceil((performance.now() - begun) / 1000);

    // 16 at once, of which the malformed one was the first, and one a second
    expect(outcomes[0]?.ok).toBe(true);
    expect(asked).toBeLessThanOrEqual(15 + seconds);
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(asked);
  });
});
