import * as z from "zod";
import { MIXING_RULES } from "../types.ts";
import { CODEC_NAMES } from "./update/codecs/codec.ts";

const TOPOLOGY = /^(full|ring|regular:[1-9][0-9]{0,2})$/;

/** What all peers of a run must have alike about rounds and mixing: keys of section `run` of the configuration. */
export const consensusTerms = {
  rounds: z.int().min(1).max(1_000_000).default(50).describe("Rounds of train, exchange, mix."),
  rule: z
    .enum(MIXING_RULES)
    .default("cs-plus")
    .describe("Mixing rule: how a node combines its own state with its neighbours'."),
  attackersMax: z
    .union(
      [z.literal("auto"), z.int().min(0).max(500)],
      "expected auto, or a whole number from 0 to 500",
    )
    .default("auto")
    .describe(
      "Neighbours that may lie; auto takes the largest number the topology is certified for.",
    ),
  topology: z
    .string()
    .regex(TOPOLOGY, "expected full, ring or regular:K")
    .default("full")
    .describe("Who exchanges with whom: full, ring, or regular:K (K neighbours each)."),
  codec: z
    .enum(CODEC_NAMES)
    .default("int8")
    .describe("How an update travels: int8 (a quarter of the bytes) or float32."),
};
