/** A list in ascending order with one number more, or with one less that is in it. */
export function changed(
  ascending: readonly number[],
  number: number,
  by: 1 | -1,
): readonly number[] {
  // what comes is mostly the latest
  const place = ascending.findLastIndex((other) => other <= number);
  return by === 1 ? ascending.toSpliced(place + 1, 0, number) : ascending.toSpliced(place, 1);
}
