/** A number of a data file that JavaScript would print otherwise: `100.0`, `1e-07`, `1234567890123456789`. */
export class JsonNumber {
  /** As it stands in the file. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Whether it is an int of Python, which has no point and no exponent. */
  get isInteger(): boolean {
    return !/[.eE]/.test(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** In a row that is compared or kept as JSON. */
  toJSON(): string {
    return this.text;
  }
}
