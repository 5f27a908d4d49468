/**
 * Operating errors: one class, one table of codes. A bug asserts; an expected outcome is a value (`Verdict`).
 *
 * @packageDocumentation
 */

/** Exit code of the process for each class of failure; stable, at most 125, documented in docs/ERRORS.md. */
export const EXIT_CODES = {
  usage: 2,
  data: 3,
  engine: 4,
  network: 5,
  permission: 6,
  incompatible: 7,
  diverged: 8,
  disk: 9,
  memory: 10,
  locked: 11,
  alone: 12,
  internal: 1,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/** A failure that an operator can act upon: a code, one sentence, and a hint what to do. */
export class KlatchError extends Error {
  override readonly name = "KlatchError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, hint: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.hint = hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}
