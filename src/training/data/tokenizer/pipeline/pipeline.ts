import { z } from "zod";
import { type AddedToken, AddedTokens, addedTokenSchema } from "./added-tokens.ts";
import { type Around, readAround } from "./around.ts";
import { readDecoder } from "./decoders.ts";
import { readModel } from "./models.ts";
import { readNormalizer } from "./normalizers.ts";
import { type Piece, readPreTokenizer } from "./pre-tokenizers.ts";
import { rememberingWords } from "./remembered.ts";

/*
 * What the Rust library `tokenizers` (0.23) does with a tokenizer.json: added tokens are found, what lies between is
 * normalized, cut into pieces and given to the model. The JavaScript library of the same makers gives other ids in many
 * cases; it translates regular expressions here. Every part is checked against ids recorded from the Rust library.
 */

const part = z.unknown().optional();
const fileSchema = z.object({
  model: z.looseObject({}),
  ...{ normalizer: part, pre_tokenizer: part, post_processor: part, decoder: part },
  added_tokens: z.array(addedTokenSchema).default([]),
});

export interface Pipeline {
  /** @throws NoUnknownToken when the vocabulary has nothing for a part of the text */
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
  readonly around: Around;
  /** One more than the largest id of the file, without the tokens that are added to it. */
  readonly size: number;
  idOf(token: string): number | undefined;
}

/**
 * @param file a tokenizer.json
 * @param more tokens that are added to those of the file, and whether special tokens in a text are text
 * @throws Error that names what is not known in it
 */
export function readPipeline(
  file: unknown,
  more: { readonly added: readonly AddedToken[]; readonly splitsSpecial: boolean },
): Pipeline {
  const { model: modelConfig, added_tokens, ...parts } = fileSchema.parse(file);
  const model = readModel(modelConfig);
  const normalizer = readNormalizer(parts.normalizer);
  const preTokenizer = readPreTokenizer(parts.pre_tokenizer);
  const decoder = readDecoder(parts.decoder);
  const { splitsSpecial } = more;
  const options = { vocab: model.vocab, normalizer, splitsSpecial };
  const added = new AddedTokens([added_tokens, more.added], options);
  const contents = new Set([...added.byId.values()].map(({ content }) => content));
  const ofFile = added_tokens.map(({ content }) => added.get(content) ?? -1);
  const encodePiece = rememberingWords(model, contents);
  const pieces = new Map([...model.vocab].map(([piece, id]) => [id, piece]));
  return {
    around: readAround(parts.post_processor),
    size: [...pieces.keys(), ...ofFile].reduce((max, id) => Math.max(max, id), -1) + 1,
    idOf: (token) => added.get(token) ?? model.vocab.get(token),
    encode(text) {
      const ids: number[] = [];
      const encodeText = (section: Piece) => {
        for (const piece of preTokenizer(section)) {
          for (const id of encodePiece(piece.text)) ids.push(id);
        }
      };
      for (const section of added.sections(text.toWellFormed())) {
        if ("id" in section) ids.push(section.id);
        else encodeText(section);
      }
      return ids;
    },
    decode(ids) {
      const read = ids.flatMap((id) => added.pieceOf(id) ?? pieces.get(id) ?? []);
      return decoder(read.filter((piece) => !added.isSpecial(piece))).join("");
    },
  };
}
