import { join } from "node:path";
import { cutOf, quorumOf } from "../../src/consensus/index.ts";
import {
  type Block,
  blockDigest,
  type ChainBytes,
  encodeBlock,
  type Opinion,
  rosterDigest,
  sealCertificate,
} from "../../src/gossip/index.ts";
import {
  digestOfPoint,
  digestOfState,
  type RunTerms,
  termsDigest,
} from "../../src/node/peer/manifest.ts";
import type { Proof } from "../../src/node/proof/proof-file.ts";
import { writePeft } from "../../src/training/adapters/peft/peft-writer.ts";
import { makeLayout } from "../../src/training/layout/slots.ts";
import type { Digest } from "../../src/types.ts";
import { Council, held } from "./agreement-samples.ts";

/** What a member that lies, or a forger, puts into a round; otherwise each holds what all have announced. */
export interface RoundChange {
  readonly opinions?: (author: number) => Opinion;
  readonly block?: Partial<Block>;
  /** Places whose keys sign the certificate. */
  readonly signers?: readonly number[];
}

const LAYOUT = makeLayout([
  ["base_model.model.b.lora_A.weight", [2, 3]],
  ["base_model.model.a.lora_A.weight", [2, 3]],
  ["base_model.model.a.lora_B.weight", [3, 2]],
]);

/** The chain of a short run in mode `agreed` of members whose keys everybody knows. */
export class CertifiedRun {
  readonly council: Council;
  readonly terms: RunTerms;
  readonly run: Digest;
  readonly layout = LAYOUT;
  readonly chain: ChainBytes[] = [];
  /** Digests of the blocks. */
  readonly heads: Digest[] = [];

  readonly #hasMomentum: boolean;

  private constructor(council: Council, momentum: number) {
    this.#hasMomentum = momentum > 0;
    this.council = council;
    const adapter = { kind: "lora", rank: 2, alpha: 4, targets: "q" };
    this.terms = {
      ...{ protocol: 2, model: "a".repeat(64), tokenizer: "b".repeat(64), layout: LAYOUT.digest },
      run: {
        ...{ mode: "agreed", name: "sample", members: council.roster, adapter },
        outer: { rate: 1, momentum },
      },
    };
    this.run = termsDigest(this.terms);
  }

  /** So many rounds, each of which everybody contributes to; `changes` by height. */
  static async of(
    members: number,
    rounds: number,
    changes: Readonly<Record<number, RoundChange>> = {},
    momentum = 0.4,
  ): Promise<CertifiedRun> {
    const made = new CertifiedRun(await Council.of(members), momentum);
    for (let height = 0; height < rounds; height += 1) await made.add(changes[height]);
    return made;
  }

  get proof(): Proof {
    const { run, terms, chain } = this;
    const kept = this.velocity(chain.length);
    const velocity = kept && digestOfState(kept);
    return {
      run,
      terms,
      layout: LAYOUT.texts ?? [],
      velocity,
      from: 0,
      levels: null,
      changes: [],
      chain,
    };
  }

  /** The state after so many rounds. */
  state(rounds: number): Float32Array {
    return Float32Array.from({ length: LAYOUT.length }, (_, i) => rounds + i / 8);
  }

  /** What the outer optimiser remembers after so many rounds. */
  velocity(rounds: number): Float32Array | null {
    return this.#hasMomentum ? this.state(rounds).map((value) => value / 4) : null;
  }

  /** The checkpoint after so many rounds. */
  checkpoint(rounds: number): Digest {
    return digestOfPoint({ theta: this.state(rounds), velocity: this.velocity(rounds) });
  }

  async add({ opinions = () => "helpful", block = {}, signers }: RoundChange = {}): Promise<void> {
    const { council } = this;
    const name = {
      ...{ run: this.run, height: this.chain.length, parent: this.heads.at(-1) ?? this.run },
    };
    const thoughts = council.members.map((_, author) => opinions(author));
    const present = [...thoughts.keys()].filter((place) => thoughts[place] !== "absent");
    const payloads = present.map((place) => held(place));
    const ballots = await Promise.all(
      council.members.map(async (_, place) => {
        const ballot = { kind: "ballot", ...name, opinions: thoughts, held: payloads } as const;
        const { signature } = await council.sign(ballot, place);
        return { place, opinions: thoughts, held: payloads, signature };
      }),
    );
    const body: Block = {
      ...name,
      roster: rosterDigest(council.roster),
      payloads: payloads.map((each) => ({ ...each, bytes: 1000 })),
      ballots,
      cut: cutOf({ ballots, evidence: [] }, quorumOf(council.size)).map(({ place }) => place),
      ...{ evidence: [], rosterChanges: [], decision: null },
      ...{ norm: 0.5, checkpoint: this.checkpoint(this.chain.length + 1) },
      ...block,
    };
    const digest = blockDigest(body);
    const vote = { kind: "finalize", ...name, view: 0, block: digest } as const;
    const certificate = await council.certificate(vote, signers ?? council.quorum);
    const sealed = sealCertificate(certificate, council.size);
    this.chain.push({ block: encodeBlock(body), certificate: sealed.bytes });
    this.heads.push(digest);
  }

  /** Writes the last state as `klatch export` does, without the proof. */
  async exportTo(folder: string): Promise<string> {
    const round = this.chain.length;
    const out = join(folder, "adapter");
    await writePeft(out, {
      ...{ layout: LAYOUT, values: this.state(round), baseModel: "base" },
      config: {
        ...{ peft_type: "LORA", r: 2, lora_alpha: 4, target_modules: ["a", "b"], bias: "none" },
      },
      ...{ baseDigest: this.terms.model, format: "text" },
      origin: { runId: this.run, round, mode: "agreed", head: this.heads.at(-1) ?? this.run },
    });
    return out;
  }
}
