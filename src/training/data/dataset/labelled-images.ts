import { KlatchError } from "../../../errors.ts";
import { Classes } from "../examples/classes.ts";
import type { ColumnMap } from "../examples/columns.ts";
import { bytesHash } from "../examples/duplicates.ts";
import type { LabelledImage } from "../examples/example.ts";
import { imageBatches } from "../images/image-rows.ts";
import type { ImageProcessor } from "../images/processor.ts";
import { type LabelledDataset, type LabelledOptions, LabelledReading } from "./labelled-set.ts";

/** A byte for each channel of each pixel stays in memory. */
const PIXEL_BYTES_MAX = 4 * 2 ** 30;

/**
 * Reads images with their classes, pooled in the given order; see `imageBatches` for where they lie. Rows without
 * image or label are left out and counted. Of an image only the pixels in the model's size stay in memory.
 *
 * @param columns where image and label are in tables; `image` and `label` when nothing is named
 * @throws KlatchError `data` naming the image that is damaged, for labels outside `classes`, when no example or
 *   only one class is left, and for more images than 4 GiB of pixels; `usage` for a class given twice
 */
export async function readLabelledImages(
  files: readonly string[],
  columns: ColumnMap,
  processor: ImageProcessor,
  { classes, usual, kind, use = "train", onRows }: LabelledOptions = {},
): Promise<LabelledDataset<LabelledImage>> {
  const known = new Classes(classes, usual);
  const reading = new LabelledReading<LabelledImage>(known, kind);
  let bytesKept = 0;
  for await (const rows of imageBatches(files, columns, { use, tally: reading.tally })) {
    const images = await Promise.all(
      rows.map(async ({ label, place, bytes }) => {
        const content = label === null ? null : await bytes();
        return (
          label !== null && content && { label, place, image: await processor.read(content, place) }
        );
      }),
    );
    for (const each of images) {
      if (!each) continue;
      const { image } = each;
      const numbers = reading.numbersOf(each);
      reading.add({ image, ...numbers, truncated: false }, bytesHash(image.pixels));
      bytesKept += image.pixels.length;
    }
    if (bytesKept > PIXEL_BYTES_MAX) throw tooMany(files);
    reading.rows += rows.length;
    onRows?.(reading.rows);
  }
  return reading.finish(files, "image");
}

function tooMany(files: readonly string[]): KlatchError {
  return new KlatchError(
    "data",
    `the images of ${files.join(", ")} take more than ${PIXEL_BYTES_MAX} bytes in the model's size`,
    "train on fewer of them, or a model that reads smaller images",
  );
}
