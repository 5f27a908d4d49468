import {
  type AdmissionAnswer,
  type AdmissionDesk,
  type Identity,
  sealRun,
} from "../../gossip/index.ts";
import type { PeerId } from "../../types.ts";
import type { Logger } from "../process/logger.ts";
import { readAdmissions, writeAdmissions } from "./admission-files.ts";
import { REFUSAL_TEXT } from "./admission-text.ts";
import { type Admissions, admit, answerTo, isFull, membersOf, takenOf } from "./admissions.ts";

export interface DeskOptions {
  readonly dataDir: string;
  readonly identity: Identity;
  readonly log: Logger;
  /** Told when somebody has taken a seat. */
  readonly onSeat?: (peer: PeerId, state: Admissions) => void;
}

/** Where the creator of a run admits its members: on disk first, then told. */
export class Desk {
  readonly #options: DeskOptions;
  readonly #isSealed = Promise.withResolvers<void>();
  #state: Admissions;
  #sealing: Promise<void> | null = null;

  /** The desk of a folder; null where no run was created there. */
  static of(options: DeskOptions): Desk | null {
    const state = readAdmissions(options.dataDir);
    return state === null ? null : new Desk(options, state);
  }

  private constructor(options: DeskOptions, state: Admissions) {
    this.#options = options;
    this.#state = state;
    if (state.sealed !== null) this.#isSealed.resolve();
  }

  get state(): Admissions {
    return this.#state;
  }

  /** Resolves when the members are fixed. */
  get isSealed(): Promise<void> {
    return this.#isSealed.promise;
  }

  readonly answer: AdmissionDesk = async (peer, request) => {
    const { log, onSeat } = this.#options;
    const before = this.#state;
    const { state, answer } = admit(before, peer, request, Date.now());
    if (answer.kind === "refused") {
      const { what, advice: hint } = REFUSAL_TEXT[answer.reason];
      log.warn({ peer, what, hint }, "refused an admission");
      return answer;
    }
    if (state !== before) this.#keep(state);
    if (takenOf(state) > takenOf(before)) {
      const { seats } = state;
      log.info({ peer, taken: takenOf(state), seats }, "admitted a member");
      onSeat?.(peer, state);
    }
    return this.#current(answer);
  };

  /** Fixes the members and signs the run, where all seats are taken; a process may have ended before it did. */
  async sealIfFull(): Promise<void> {
    if (this.#state.sealed !== null || !isFull(this.#state)) return;
    this.#sealing ??= this.#seal();
    await this.#sealing;
  }

  // --- internal ---

  /** The answer as it is once this question has had its effect. */
  async #current(answer: AdmissionAnswer): Promise<AdmissionAnswer> {
    await this.sealIfFull();
    return this.#state.sealed === null ? answer : answerTo(this.#state, Date.now());
  }

  async #seal(): Promise<void> {
    const { offer } = this.#state;
    const members = membersOf(this.#state);
    const sealed = await sealRun({ offer, members }, this.#options.identity);
    this.#keep({ ...this.#state, sealed });
    this.#options.log.info({ members: members.map(({ peer }) => peer) }, "sealed the run");
    this.#isSealed.resolve();
  }

  #keep(state: Admissions): void {
    try {
      writeAdmissions(this.#options.dataDir, state);
    } catch (error) {
      this.#options.log.error({ err: error }, "an admission could not be kept");
      throw error;
    }
    this.#state = state;
  }
}
