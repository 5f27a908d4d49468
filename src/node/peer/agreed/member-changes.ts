import type {
  AgreedEvent,
  Decision,
  SignedRosterChange,
  Untimed,
} from "../../../consensus/index.ts";
import { KlatchError } from "../../../errors.ts";
import { changeOf, parseChange } from "../../membership/change-file.ts";
import type { PeerParts } from "../peer-parts.ts";

type Change = SignedRosterChange | Decision;

/** Changes of the members and decisions that organisations have signed and put into this node's data folder. */
export class MemberChanges {
  readonly #parts: Pick<PeerParts, "store" | "run" | "log">;
  /** By their texts; null of what is none. */
  readonly #known = new Map<string, Change | null>();

  constructor(parts: Pick<PeerParts, "store" | "run" | "log">) {
    this.#parts = parts;
  }

  /** Tells the protocol of those of this run, as they lie there now. */
  tell(driver: { dispatch(event: Untimed<AgreedEvent>): void }): void {
    for (const change of this.#read()) driver.dispatch({ type: "decided", change });
  }

  // --- internal ---

  #read(): readonly Change[] {
    const texts = [...this.#parts.store.memberChanges()];
    const read = texts.map(([name, text]) => this.#known.get(text) ?? this.#parse(name, text));
    return read.flatMap((change) => (change?.run === this.#parts.run ? [change] : []));
  }

  #parse(name: string, text: string): Change | null {
    if (this.#known.has(text)) return null;
    let change: Change | null = null;
    try {
      change = changeOf(parseChange(text));
    } catch (error) {
      if (!(error instanceof KlatchError)) throw error;
      this.#parts.log.warn(
        { file: name, reason: error.message },
        "a change of members is passed over",
      );
    }
    this.#known.set(text, change);
    return change;
  }
}
