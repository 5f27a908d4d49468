import { join } from "node:path";
import { KlatchError } from "../../errors.ts";
import { type ArrayRecord, decodeRecord, encodeRecord, FILE_BYTES_MAX } from "./array-file.ts";
import { makeFolder, UNFINISHED, writeAtomically } from "./atomic-file.ts";
import { type FileSystem, fileError, isMissing } from "./file-system.ts";

/** Generations of each kind that are kept, where nothing else is said: the newest, and two to fall back on. */
const KEPT = 3;
const ENDING = ".klatch";
const DAMAGED = ".damaged";

/** Turns an intact record into its value, or says what is wrong with it. */
export type Reader<T> = (record: ArrayRecord, number: number) => T | string;

/** Where one generation lies. */
export interface GenerationFile {
  readonly number: number;
  readonly file: string;
  readonly bytes: number;
  /** Milliseconds since the Unix epoch. */
  readonly savedAt: number;
}

type Warn = (sentence: string) => void;

/** What is wrong with a file. */
class Damage {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** Numbered files of one kind in one folder, written atomically, the last few kept, damaged ones put aside. */
export class Generations {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #kind: string;
  readonly #kept: number;

  constructor(fs: FileSystem, folder: string, kind: string, kept = KEPT) {
    this.#fs = fs;
    this.#folder = folder;
    this.#kind = kind;
    this.#kept = kept;
  }

  /** Writes one generation, then drops the oldest. Throws `disk` with every earlier generation intact. */
  save(number: number, record: ArrayRecord): void {
    makeFolder(this.#fs, this.#folder);
    const parts = encodeRecord(record);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes > FILE_BYTES_MAX) {
      throw new KlatchError(
        "disk",
        `a ${this.#kind} of ${bytes} bytes does not fit in one file`,
        "choose a smaller rank or fewer target layers",
      );
    }
    writeAtomically(this.#fs, this.#path(number), parts);
    this.#prune();
  }

  /** One generation; null when there is none. Damage is put aside and told to `warn`. */
  load<T>(number: number, read: Reader<T>, warn: Warn): T | null {
    const value = this.#read(number, read);
    if (!(value instanceof Damage)) return value;
    const path = this.#path(number);
    this.#putAside(path);
    warn(`${path} is damaged (${value.what}) and was put aside`);
    return null;
  }

  /** The newest intact generation; throws `disk` when there are some and all are damaged, now or before. */
  loadNewest<T>(read: Reader<T>, warn: Warn): T | null {
    return this.#newest((number) => this.load(number, read, warn));
  }

  /** Like `loadNewest`, but leaves damaged files where they are. */
  peekNewest<T>(read: Reader<T>, warn: Warn): T | null {
    return this.#newest((number) => {
      const value = this.#read(number, read);
      if (!(value instanceof Damage)) return value;
      warn(`${this.#path(number)} is damaged (${value.what})`);
      return null;
    });
  }

  /** One generation; null when there is none, throws `disk` when it is damaged. Changes nothing. */
  peek<T>(number: number, read: Reader<T>): T | null {
    const value = this.#read(number, read);
    if (!(value instanceof Damage)) return value;
    throw new KlatchError(
      "disk",
      `${this.#path(number)} is damaged (${value.what})`,
      "take another one: `klatch runs` lists them",
    );
  }

  /** The generations that there are, newest first; not whether they are intact. */
  list(): readonly GenerationFile[] {
    return this.#numbers().flatMap((number) => {
      const file = this.#path(number);
      try {
        const { size, mtimeMs } = this.#fs.statSync(file);
        return [{ number, file, bytes: size, savedAt: Math.round(mtimeMs) }];
      } catch (error) {
        // Dropped for a newer one in between.
        if (isMissing(error)) return [];
        throw fileError(error, file);
      }
    });
  }

  /** Removes what a crash left half written. */
  clean(): void {
    for (const name of this.#names()) {
      if (name.endsWith(UNFINISHED)) this.#remove(name);
    }
  }

  /** Removes the generations after one. */
  dropAfter(number: number): void {
    for (const later of this.#numbers().filter((each) => each > number)) {
      this.#remove(this.#nameOf(later));
    }
  }

  /** Removes every generation, damaged ones too. */
  clear(): void {
    for (const name of this.#names()) {
      if (name.startsWith(`${this.#kind}-`) && name.includes(ENDING)) this.#remove(name);
    }
  }

  // --- internal ---

  #path(number: number): string {
    return join(this.#folder, this.#nameOf(number));
  }

  #nameOf(number: number, ending = ENDING): string {
    return `${this.#kind}-${String(number).padStart(8, "0")}${ending}`;
  }

  #newest<T>(load: (number: number) => T | null): T | null {
    const numbers = this.#numbers();
    for (const number of numbers) {
      const value = load(number);
      if (value !== null) return value;
    }
    // Beginning again in silence would make this node contradict what it announced before.
    if (numbers.length === 0 && this.#numbers(ENDING + DAMAGED).length === 0) return null;
    throw new KlatchError(
      "disk",
      `no intact ${this.#kind} is left in ${this.#folder}`,
      "bring the folder back from a backup, or move it away to begin the run again",
    );
  }

  #read<T>(number: number, read: Reader<T>): T | null | Damage {
    const path = this.#path(number);
    let bytes: Uint8Array;
    try {
      const facts = this.#fs.statSync(path);
      if (!facts.isFile()) return new Damage("it is no file");
      if (facts.size > FILE_BYTES_MAX) return new Damage("too long");
      bytes = this.#fs.readFileSync(path);
    } catch (error) {
      if (isMissing(error)) return null;
      throw fileError(error, path);
    }
    const record = decodeRecord(bytes);
    if (typeof record === "string") return new Damage(record);
    if (record.kind !== this.#kind) return new Damage(`it holds a ${record.kind}`);
    const value = read(record, number);
    return typeof value === "string" ? new Damage(value) : value;
  }

  #names(): readonly string[] {
    try {
      return this.#fs.readdirSync(this.#folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw fileError(error, this.#folder);
    }
  }

  /** Numbers of the generations with this ending, newest first. */
  #numbers(ending = ENDING): readonly number[] {
    const prefix = `${this.#kind}-`;
    return this.#names()
      .filter((name) => name.startsWith(prefix) && name.endsWith(ending))
      .map((name) => name.slice(prefix.length, -ending.length))
      .filter((digits) => /^[0-9]{8,12}$/.test(digits))
      .map(Number)
      .sort((a, b) => b - a);
  }

  #putAside(path: string): void {
    try {
      this.#fs.renameSync(path, path + DAMAGED);
    } catch (error) {
      throw fileError(error, path);
    }
  }

  #prune(): void {
    for (const ending of [ENDING, ENDING + DAMAGED]) {
      for (const number of this.#numbers(ending).slice(this.#kept)) {
        this.#remove(this.#nameOf(number, ending));
      }
    }
  }

  /** A folder in the place of a file stays: it is not this program's to empty. */
  #remove(name: string): void {
    const path = join(this.#folder, name);
    try {
      if (this.#fs.statSync(path).isFile()) this.#fs.unlinkSync(path);
    } catch (error) {
      if (!isMissing(error)) throw fileError(error, path);
    }
  }
}
