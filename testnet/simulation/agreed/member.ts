import {
  type AgreedConfig,
  type AgreedEffect,
  type AgreedEvent,
  type AgreedState,
  type BlockPayload,
  type ChainHead,
  createAgreed,
  genesis,
  headAfter,
  type Link,
  type Members,
  type QuorumCertificate,
  type SignedStatement,
  stepAgreed,
  type Untimed,
} from "../../../src/consensus/index.ts";
import type { Digest, PeerId } from "../../../src/types.ts";

export type MemberEvent = Untimed<AgreedEvent>;

/** Whether it is what one member said, and not a certificate. */
export function isStatement(told: SignedStatement | QuorumCertificate): told is SignedStatement {
  return "author" in told;
}

/** What outlives a process. */
export interface MemberDisk {
  readonly chain: Link[];
  /** Own update of the open height. */
  payload: { readonly round: number; readonly payload: BlockPayload } | null;
  /** Own statements, proposals that it voted for, and certificates of the open height. */
  said: SignedStatement[];
  certificates: QuorumCertificate[];
}

/** What a member asks of the world it lives in. */
export interface MemberWorld {
  now(): number;
  perform(member: Member, effect: AgreedEffect): void;
}

/** A member of a schedule: the pure protocol, over a disk that lasts. */
export class Member {
  readonly place: number;
  /** Apart from others with the same key, if it has twins. */
  readonly id: string;
  readonly config: AgreedConfig;
  readonly disk: MemberDisk = { chain: [], payload: null, said: [], certificates: [] };
  readonly #world: MemberWorld;
  readonly #genesis: ChainHead;
  /** Numbers the processes: what an earlier one had under way never comes to an end. */
  life = 0;
  isUp = false;
  state: AgreedState;
  /** Everything of the open height that others may be told. */
  heard = new Set<SignedStatement | QuorumCertificate>();

  constructor(
    place: number,
    id: string,
    { config, members }: { readonly config: AgreedConfig; readonly members: Members },
    world: MemberWorld,
  ) {
    this.place = place;
    this.id = id;
    this.config = config;
    this.#world = world;
    this.#genesis = genesis(config.run, "state 0", members);
    this.state = createAgreed(config, { head: this.#genesis });
  }

  get head(): ChainHead {
    return headAfter(this.#genesis, this.disk.chain, this.config.membersOf);
  }

  /** Members of the first height. */
  get first(): readonly PeerId[] {
    return this.#genesis.members.peers;
  }

  isMember(peer: PeerId): boolean {
    return this.head.members.peers.includes(peer);
  }

  start(): void {
    this.life += 1;
    this.isUp = true;
    const { head, disk } = this;
    const made = disk.payload?.round === head.height ? { payload: disk.payload.payload } : {};
    this.state = createAgreed(this.config, { head, ...made });
    const ended = disk.chain.slice(-1).map(({ certificate }) => certificate);
    this.heard = new Set([...ended, ...disk.said, ...disk.certificates]);
    const { said, certificates } = disk;
    this.dispatch({ type: "started", said: [...said], certificates: [...certificates] });
  }

  /** Dies, as under SIGKILL. */
  kill(): void {
    this.isUp = false;
    this.life += 1;
  }

  /** What comes back has nothing of what it was. */
  loseDisk(): void {
    this.disk.chain.length = 0;
    Object.assign(this.disk, { payload: null, said: [], certificates: [] });
  }

  dispatch(event: MemberEvent): void {
    if (!this.isUp) return;
    const [state, effects] = stepAgreed(this.state, { ...event, now: this.#world.now() });
    this.state = state;
    const { life } = this;
    for (const effect of effects) {
      if (this.life !== life) return;
      this.#world.perform(this, effect);
    }
  }

  /** A certificate, or a proposal that is voted for, goes to disk before anything that follows from it. */
  keep(kept: QuorumCertificate | SignedStatement): void {
    if (isStatement(kept)) this.disk.said.push(kept);
    else this.disk.certificates.push(kept);
    this.heard.add(kept);
  }

  /** Final blocks go to disk; what was said of their heights is of no use any more. */
  conclude(links: readonly Link[]): void {
    this.disk.chain.push(...links);
    this.disk.said = [];
    const last = links.at(-1)?.certificate;
    this.disk.certificates = [];
    this.heard = new Set(last === undefined ? [] : [last]);
  }

  digests(): readonly Digest[] {
    return this.disk.chain.map(({ digest }) => digest);
  }
}
