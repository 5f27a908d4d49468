import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import {
  type AgreementTerms,
  type Ballot,
  type Block,
  blockDigest,
  type Certificate,
  type ChangeKind,
  type Contradiction,
  changedBytes,
  type Decision,
  decidedBytes,
  digestOf,
  type HeightName,
  type HeldPayload,
  type Identity,
  type List,
  type Opinion,
  type Proposal,
  quorumOf,
  type RosterChange,
  rosterDigest,
  type SealedCertificate,
  type SignedStatement,
  type Statement,
  sealCertificate,
  signAnnouncement,
  signStatement,
  type Testimony,
  testimonyOf,
  type Vote,
  type VoteKind,
} from "../../src/gossip/index.ts";
import type { Digest, PeerId } from "../../src/types.ts";

const digest = (text: string): Digest => digestOf(Buffer.from(text));

/** The height that all samples are about, unless they say otherwise. */
export const NAME: HeightName = { run: digest("run"), height: 3, parent: digest("parent") };
/** A vote for no block in particular. */
export const SOME_BLOCK = digest("block");

/** A roster whose keys everybody knows, sorted by peer id. */
export class Council {
  readonly members: readonly Identity[];

  private constructor(members: readonly Identity[]) {
    this.members = members;
  }

  /** Members with the keys of the seeds 1, 2, 3 and so on (32 bytes, the number at the end). */
  static async of(size: number): Promise<Council> {
    const members = await Promise.all(
      Array.from({ length: size }, async (_, index) => {
        const seed = Buffer.alloc(32);
        seed.writeUInt32BE(index + 1, 28);
        const key = await generateKeyPairFromSeed("Ed25519", seed);
        return { key, peerId: peerIdFromPrivateKey(key).toString() };
      }),
    );
    return new Council(members.sort((a, b) => (a.peerId < b.peerId ? -1 : 1)));
  }

  get size(): number {
    return this.members.length;
  }

  get roster(): readonly PeerId[] {
    return this.members.map(({ peerId }) => peerId);
  }

  get quorum(): readonly number[] {
    return Array.from({ length: quorumOf(this.size) }, (_, place) => place);
  }

  get terms(): AgreementTerms {
    return { run: NAME.run, rosterAt: (height) => (height < 10 ? this.roster : null) };
  }

  sign<S extends Statement>(statement: S, place = 0): Promise<SignedStatement<S>> {
    const { key, peerId: author } = this.members[place] as Identity;
    return signStatement(statement, { author, key }, this.size);
  }

  list(places: readonly number[] = this.quorum): List {
    return { kind: "list", ...NAME, held: places.map((place) => held(place)) };
  }

  ballot(opinions: readonly Opinion[] = this.opinions(), variant = 0): Ballot {
    const places = [...opinions.keys()].filter((place) => opinions[place] !== "absent");
    // of several announcements of the first member, the one of this number
    const payloads = places.map((place) => held(place, place === 0 ? variant : 0));
    return { kind: "ballot", ...NAME, opinions, held: payloads };
  }

  /** All are thought well of, the last is absent. */
  opinions(): readonly Opinion[] {
    const thoughts = ["neutral", "helpful", "harmful"] as const;
    return this.members.map((_, place) =>
      place === this.size - 1 ? "absent" : (thoughts[place % 3] ?? "neutral"),
    );
  }

  /** A block of the ballots of a quorum; with `variants` the first member has announced so many payloads. */
  async block({ variants = 1, places = this.quorum, name = NAME } = {}): Promise<Block> {
    const ballots = await Promise.all(
      places.map(async (place) => {
        const ballot = { ...this.ballot(this.opinions(), place % variants), ...name };
        const { signature } = await this.sign(ballot, place);
        return { place, opinions: ballot.opinions, held: ballot.held, signature };
      }),
    );
    const all = ballots.flatMap((ballot) => ballot.held);
    const unique = new Map(all.map((each) => [`${each.place}/${each.payload}`, each]));
    const payloads = [...unique.values()]
      .map((each) => ({ ...each, bytes: 1000 }))
      .sort((a, b) => a.place - b.place || (a.payload < b.payload ? -1 : 1));
    const cut = [...this.opinions().keys()].slice(1, -1);
    return {
      ...name,
      roster: rosterDigest(this.roster),
      ...{ payloads, ballots, cut, norm: 0.1, checkpoint: digest("checkpoint") },
      ...{ evidence: [], rosterChanges: [], decision: null },
    };
  }

  /** What a member has signed that no honest one would: two votes in a view unless others are given. */
  async contradiction(
    place: number,
    first: Statement = this.vote("notarize", 1, digest("one")),
    second: Statement = this.vote("notarize", 1, digest("another")),
  ): Promise<Contradiction> {
    const bare = async (statement: Statement) => {
      const { signature } = await this.sign(statement, place);
      const isProposal = statement.kind === "proposal";
      return { statement: isProposal ? { ...statement, body: null } : statement, signature };
    };
    return { place, first: await bare(first), second: await bare(second) };
  }

  /** Two announcements of a member for the height. */
  async twoAnnouncements(place: number): Promise<Contradiction> {
    const [first, second] = await Promise.all(
      [0, 1].map(async (variant) => {
        const { key, peerId: author } = this.members[place] as Identity;
        const { payload } = held(place, variant);
        const name = { run: NAME.run, author, mode: "agreed" as const };
        const facts = { codec: 0, flags: 0, reference: digest("state"), round: NAME.height };
        const rest = { sequence: 7 + variant, payload, payloadBytes: 1000, examples: 10 };
        const times = { issuedAt: 1_000_000, expiresAt: 2_000_000 };
        const signed = await signAnnouncement({ ...name, ...facts, ...rest, ...times }, key);
        return testimonyOf(signed) as Testimony;
      }),
    );
    return { place, first: first as Testimony, second: second as Testimony };
  }

  /** A change of the roster that these members have signed, and the key that is new. */
  async change(
    kind: ChangeKind,
    { peer, fresh, places = this.quorum }: ChangeSample,
  ): Promise<RosterChange> {
    const successor = kind === "rotate" ? (fresh?.peerId ?? "") : null;
    const named = { kind, run: NAME.run, roster: rosterDigest(this.roster), peer, successor };
    const bytes = changedBytes(named);
    const sign = async ({ key }: Identity) => Uint8Array.from(await key.sign(bytes));
    const signatures = await Promise.all(
      places.map(async (place) => ({
        ...{ place, signature: await sign(this.members[place] as Identity) },
      })),
    );
    return { ...named, consent: fresh === undefined ? null : await sign(fresh), signatures };
  }

  /** A decision that these members have signed. */
  async decision(content: DecisionSample, places = this.quorum, run = NAME.run): Promise<Decision> {
    const named = { ...content, run, roster: rosterDigest(this.roster) };
    const bytes = decidedBytes(named);
    const signatures = await Promise.all(
      places.map(async (place) => {
        const { key } = this.members[place] as Identity;
        return { place, signature: Uint8Array.from(await key.sign(bytes)) };
      }),
    );
    return { ...named, signatures };
  }

  async proposal(view = 0): Promise<Proposal> {
    const body = await this.block();
    const block = blockDigest(body);
    return { kind: "proposal", ...NAME, view, block, body, confirms: null };
  }

  confirmation(view = 2, confirms = 1): Proposal {
    return { kind: "proposal", ...NAME, view, block: SOME_BLOCK, body: null, confirms };
  }

  vote(kind: VoteKind, view = 0, block: Digest = SOME_BLOCK): Vote {
    return { kind, ...NAME, view, block: kind === "nullify" ? null : block };
  }

  /** What these members have signed. */
  async certificate(vote: Vote, places = this.quorum): Promise<Certificate> {
    const { kind, ...voted } = vote;
    const signatures = await Promise.all(
      places.map(async (place) => ({ place, signature: (await this.sign(vote, place)).signature })),
    );
    return { ...voted, kind: "certificate", vote: kind, signatures };
  }

  async sealed(vote: Vote, places = this.quorum): Promise<SealedCertificate> {
    return sealCertificate(await this.certificate(vote, places), this.size);
  }
}

/** Whom a change is about, the key that is new, and who has signed it. */
export interface ChangeSample {
  readonly peer: PeerId;
  readonly fresh?: Identity;
  readonly places?: readonly number[];
}

/** A payload of a member; who has several of them has announced more than one. */
export function held(place: number, variant = 0): HeldPayload {
  return { place, payload: digest(`payload ${place} ${variant}`) };
}

type Content<T> = Omit<T, "run" | "roster" | "signatures">;
type DecisionSample =
  | Content<Extract<Decision, { kind: "set" }>>
  | Content<Extract<Decision, { kind: "rollback" }>>;
