import { z } from "zod";
import { COLUMN_NAMES, columnsOf, dataConfigSchema } from "../src/training/index.ts";
import { CANARIES_MAX } from "./data/canaries.ts";

/** A file or a folder. */
export const pathField = z.string().min(1).max(4096);

const columnMap = dataConfigSchema.shape.columns.unwrap();

const COLUMNS_EXPECTED = `expected ${COLUMN_NAMES.join("|")}=NAME, with commas between`;

/** `prompt=question,completion=answer` -> an object. */
const columnList = z
  .string()
  .refine((text) => columnsOf(text) !== null)
  .transform((text) => columnsOf(text) ?? {});

/** Names of columns, as an object or as they are typed. */
export const columnsField = z.union([columnMap, columnList], { error: COLUMNS_EXPECTED });

/** How many canaries of refusal. */
export const canariesField = z.int().min(0).max(CANARIES_MAX).default(0);

const RANKS_EXPECTED = "expected ranks from 1 to 256, with commas between";

/** `2,4,8` -> ranks. */
export const ranksField = z
  .string()
  .max(400)
  .regex(/^[1-9][0-9]*(,[1-9][0-9]*)*$/, RANKS_EXPECTED)
  .transform((text) => text.split(",").map(Number))
  .refine((ranks) => ranks.every((rank) => rank <= 256), RANKS_EXPECTED);

/** How the data are split. */
export const partitionField = z
  .string()
  .max(300)
  .regex(
    /^(by-file|iid|dirichlet:[0-9]*\.?[0-9]+|by:.+)$/,
    "expected by-file, iid, dirichlet:ALPHA or by:FIELD",
  )
  .refine(
    (text) => !text.startsWith("dirichlet:") || (alphaOf(text) >= 0.001 && alphaOf(text) <= 1000),
    "ALPHA must lie between 0.001 and 1000",
  );

/** The ALPHA of `dirichlet:ALPHA`. */
export function alphaOf(text: string): number {
  return Number(text.slice("dirichlet:".length));
}
