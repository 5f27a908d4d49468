import { isMap, isScalar, isSeq, parseDocument, stringify } from "yaml";

/**
 * The text of a configuration file with a list in one of its sections set, and everything else as it was, to the
 * character: comments and order are somebody's work. The text is one that a configuration was read from.
 */
export function withList(
  text: string,
  section: string,
  key: string,
  items: readonly string[],
): string {
  const document = parseDocument(text);
  const place = placeOf(document.get(section, true), key);
  if (place === null) {
    // no block of its own that could be replaced: somebody has written the file in a way of their own
    if (!isMap(document.get(section))) document.set(section, document.createNode({}));
    document.setIn([section, key], [...items]);
    return document.toString({ lineWidth: 0 });
  }
  const indent = text.slice(text.lastIndexOf("\n", place.name) + 1, place.name);
  const lines = items.map(
    (item) => `\n${indent}  - ${stringify(item, { lineWidth: 0 }).trimEnd()}`,
  );
  return text.slice(0, place.from).trimEnd() + lines.join("") + text.slice(place.to);
}

// --- internal ---

/** Where a list stands in the text: its name, its first and its last character; null where it is not in lines. */
function placeOf(map: unknown, key: string) {
  if (!isMap(map) || map.flow === true) return null;
  const pair = map.items.find((each) => isScalar(each.key) && each.key.value === key);
  const { key: name, value } = pair ?? {};
  if (!isScalar(name) || !isSeq(value) || !name.range || !value.range) return null;
  const last = value.items.at(-1);
  const isFlow = value.flow === true;
  const end = isFlow || !isScalar(last) ? value.range[1] : last.range?.[1];
  return end === undefined ? null : { name: name.range[0], from: value.range[0], to: end };
}
