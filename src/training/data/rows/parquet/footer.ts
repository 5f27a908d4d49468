import { type AsyncBuffer, type FileMetaData, parquetMetadata } from "hyparquet";
import { readStruct, type ThriftStruct, type ThriftValue } from "./thrift.ts";

const FOOTER_BYTES_MAX = 1 << 26;
const FOOTER_VALUES_MAX = 1 << 22;
const COLUMNS_MAX = 10_000;
/** Decimal numbers have at most 76 digits where they have a fixed length; the library's time grows by their square. */
const DECIMAL_BYTES_MAX = 64;
const BYTE_ARRAYS: readonly (string | undefined)[] = ["BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"];

/**
 * The description at the end of a Parquet file, checked before the library makes lists of the sizes that it tells.
 *
 * @throws RangeError where it is not one, or larger than any program writes
 */
export async function readFooter(file: AsyncBuffer): Promise<FileMetaData> {
  const size = file.byteLength;
  const ends = new DataView(await file.slice(size - 8, size));
  const length = ends.getUint32(0, true);
  if (length > Math.min(size - 8, FOOTER_BYTES_MAX)) {
    throw new RangeError(`its description has ${length} bytes`);
  }
  const tail = await file.slice(size - 8 - length, size);
  const bytes = new Uint8Array(tail, 0, length);
  const fields = readStruct({ bytes, at: 0 }, FOOTER_VALUES_MAX);
  checkBounds(fields);
  const metadata = parquetMetadata(tail, { geoparquet: false });
  checkSchema(metadata);
  return metadata;
}

// --- internal ---

const asList = (value: ThriftValue | undefined) => (Array.isArray(value) ? value : []);
const field = (value: ThriftValue | undefined, ...path: readonly number[]) =>
  path.reduce<ThriftValue | undefined>(
    (at, key) => (at instanceof Map ? (at as ThriftStruct).get(key) : undefined),
    value,
  );

/** The least and greatest values of a column are numbers to the library too, where the column has decimal ones. */
function checkBounds(fields: ThriftStruct): void {
  const DECIMAL = 5;
  if (!asList(fields.get(2)).some((element) => field(element, 6) === DECIMAL)) return;
  for (const group of asList(fields.get(4))) {
    for (const column of asList(field(group, 1))) {
      for (const bound of [1, 2, 5, 6]) {
        const length = field(column, 3, 12, bound);
        if (typeof length === "number" && length > 1 << 12) {
          throw new RangeError(`a bound of ${length} bytes beside decimal numbers`);
        }
      }
    }
  }
}

function checkSchema({ schema }: FileMetaData): void {
  const [root, ...elements] = schema;
  if (!root || elements.length > COLUMNS_MAX) throw new RangeError(`${schema.length} columns`);
  if (root.repetition_type === "REPEATED") throw new RangeError("rows within rows");
  for (const [i, each] of elements.entries()) {
    const { type, type_length, converted_type, logical_type } = each;
    if (logical_type?.type === "VARIANT") throw new RangeError(`column ${i + 1} is a VARIANT`);
    const isDecimal = converted_type === "DECIMAL" && BYTE_ARRAYS.includes(type);
    if (isDecimal && !(type_length && type_length <= DECIMAL_BYTES_MAX)) {
      throw new RangeError(`column ${i + 1} has decimal numbers of any length`);
    }
  }
}
