import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { readLabelledImages } from "../../../../src/training/data/dataset/labelled-images.ts";
import { decodeImage } from "../../../../src/training/data/images/decode.ts";
import { loadImageProcessor } from "../../../../src/training/data/images/processor.ts";
import { BICUBIC, BILINEAR, resize } from "../../../../src/training/data/images/resize.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

const GRID = { size: 4, patch: 2 };

/** One colour on `size` by `size` pixels. */
function png(colour: { readonly r: number; readonly g: number; readonly b: number }, size = 4) {
  const create = { width: size, height: size, channels: 3, background: colour } as const;
  return sharp({ create }).png().toBuffer();
}
const RED = { r: 255, g: 0, b: 0 };
const BLUE = { r: 0, g: 0, b: 255 };

describe("an image is resized to the bit as Pillow does", async () => {
  const { cases }: { cases: readonly ResizeCase[] } = JSON.parse(
    await readFile("test/fixtures/images/resize.json", "utf8"),
  );
  test.each(cases)("from $from to $to with filter $resample", ({ from, to, resample, pixels }) => {
    const [width, height] = from;
    const bytes = Uint8Array.from(
      { length: width * height * 3 },
      (_, i) => (i * i * 31 + i * width + 7 * height) % 256,
    );
    const filter = resample === 2 ? BILINEAR : BICUBIC;
    const made = resize({ width, height, pixels: bytes }, { width: to[0], height: to[1] }, filter);
    expect(Buffer.from(made.pixels).toString("hex")).toBe(pixels);
  });
});

interface ResizeCase {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly resample: number;
  readonly pixels: string;
}

describe("an image is decoded", () => {
  const pixels = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => i * 10);
  const raw = { raw: { width: 3, height: 2, channels: 4 } } as const;
  const opaque = [...pixels].filter((_, i) => i % 4 !== 3);

  test("without its transparency", async () => {
    const found = await decodeImage(await sharp(pixels, raw).png().toBuffer(), "x.png");
    expect([found.width, found.height, [...found.pixels]]).toEqual([3, 2, opaque]);
  });

  test("as three channels where it is grey, of 8 bits or 16", async () => {
    const grey = Uint8Array.of(0, 90, 180, 255);
    const image = sharp(grey, { raw: { width: 2, height: 2, channels: 1 } });
    for (const colours of ["b-w", "grey16"]) {
      const bytes = await image.clone().toColourspace(colours).png().toBuffer();
      const found = await decodeImage(bytes, "x.png");
      expect([...found.pixels]).toEqual([...grey].flatMap((x) => [x, x, x]));
    }
  });

  test("from JPEG and WebP, lying as it is stored", async () => {
    const image = sharp({ create: { width: 9, height: 5, channels: 3, background: RED } });
    for (const bytes of [
      await image.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer(),
      await image.clone().webp({ lossless: true }).toBuffer(),
    ]) {
      const { width, height, pixels: found } = await decodeImage(bytes, "x");
      expect([width, height]).toEqual([9, 5]);
      expect(found[0]).toBeGreaterThan(252);
      expect(found[1]).toBeLessThan(3);
    }
  });

  test("from CMYK and YCCK to the bit as Pillow does", async () => {
    const { cases }: { cases: readonly { jpeg: string; pixels: string }[] } = JSON.parse(
      await readFile("test/fixtures/images/cmyk.json", "utf8"),
    );
    for (const { jpeg, pixels: expected } of cases) {
      const found = await decodeImage(Buffer.from(jpeg, "base64"), "x.jpg");
      expect([found.width, found.height]).toEqual([8, 8]);
      expect(Buffer.from(found.pixels).toString("hex")).toBe(expected);
    }
  });

  test("or refused by its name: damaged, cut off, too large, or of another format", async () => {
    const noise = Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 31) % 251);
    const whole = sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
    const jpeg = await whole.clone().jpeg().toBuffer();
    const header = Buffer.from(await png(RED));
    // The width in a PNG's header, and the checksum that makes it believed.
    header.writeUInt32BE(1 << 20, 16);
    header.writeUInt32BE(1 << 20, 20);
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
    const bad = [
      Buffer.from("no image"),
      jpeg.subarray(0, jpeg.length / 2),
      (await whole.clone().png().toBuffer()).subarray(0, 400),
      header,
      svg,
      await whole.clone().gif().toBuffer(),
      new Uint8Array(0),
    ];
    for (const bytes of bad) {
      await expect(decodeImage(bytes, "cat/7.png")).rejects.toMatchObject({
        code: "data",
        message: expect.stringMatching(/^cat\/7\.png: not an image that can be read: /),
      });
    }
    // Control: the whole ones are read.
    expect((await decodeImage(jpeg, "cat/7.jpg")).width).toBe(64);
  });
});

describe("an image processor", () => {
  async function processor(settings?: object) {
    const folder = temporaryFolder();
    const file = join(folder, "preprocessor_config.json");
    if (settings !== undefined) await writeFile(file, JSON.stringify(settings));
    return await loadImageProcessor(folder, GRID);
  }

  test("gives patches of normalised channels, in the order of a convolution's kernel", async () => {
    const made = await processor({
      size: { height: 4, width: 4 },
      image_mean: [0.5, 0, 0],
      image_std: [0.5, 1, 2],
    });
    const colours = Uint8Array.from({ length: 48 }, (_, i) => (i % 3 === 0 ? 255 : i));
    const bytes = await sharp(colours, { raw: { width: 4, height: 4, channels: 3 } })
      .png()
      .toBuffer();
    const { positions, patches } = await made.read(bytes, "x.png");
    expect(positions).toBe(5);
    const green = [1, 4, 13, 16].map((x) => x / 255);
    const blue = [2, 5, 14, 17].map((x) => x / 255 / 2);
    const [first, second] = [patches().subarray(0, 12), patches().subarray(12, 24)];
    for (const [i, x] of [1, 1, 1, 1, ...green, ...blue].entries())
      expect(first[i]).toBeCloseTo(x, 6);
    expect(second[4]).toBeCloseTo(7 / 255, 6);
  });

  test("is ViTImageProcessor's where the folder says nothing", async () => {
    const [plain, said] = [
      await processor(),
      await processor({ size: 4, do_resize: true, resample: 2, image_mean: [0.5, 0.5, 0.5] }),
    ];
    expect(said.digest).toBe(plain.digest);
    expect((await processor({ resample: 3 })).digest).not.toBe(plain.digest);
    const { patches } = await plain.read(await png(BLUE, 9), "x.png");
    expect([...patches().subarray(0, 12)]).toEqual([-1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1]);
  });

  test.each([
    [{ size: { height: 8, width: 4 } }, "incompatible", "4x8"],
    [{ size: { shortest_edge: 4 } }, "data", "size"],
    [{ resample: 0 }, "incompatible", "resample 0"],
    [{ do_center_crop: true }, "data", "do_center_crop"],
    [{ do_resize: false }, "data", "do_resize"],
    [{ image_std: [0, 1, 1] }, "data", "image_std"],
  ])("refuses %o by name", async (settings, code, message) => {
    await expect(processor(settings)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });
});

describe("images with classes are read", () => {
  async function setting() {
    const folder = temporaryFolder();
    const processor = await loadImageProcessor(folder, GRID);
    const read = (path: string, options = {}) =>
      readLabelledImages([join(folder, path)], {}, processor, options);
    return { folder, read, red: await png(RED, 6), blue: await png(BLUE) };
  }

  test("from a folder for each class", async () => {
    const { folder, read, red, blue } = await setting();
    for (const [name, bytes] of [
      ["tree/red/1.png", red],
      ["tree/red/2.PNG", await png(RED, 9)],
      ["tree/blue/1.png", blue],
      ["tree/blue/.hidden.png", blue],
      ["tree/blue/note.txt", Buffer.from("no image")],
    ] as const) {
      await mkdir(join(folder, name, ".."), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
    const { classes, balance, summary, examples } = await read("tree");
    expect([classes, balance]).toEqual([
      ["blue", "red"],
      [1, 2],
    ]);
    expect(summary).toMatchObject({ examples: 3, tokens: 15, duplicates: 1, skipped: 0 });
    expect(examples[0]?.image.patches()[0]).toBe(-1);
    await expect(read("tree", { classes: ["blue", "green"] })).rejects.toThrow(
      /red.1\.png: its label is none of the 2 classes \(blue, green\)/,
    );
  });

  test("from tables with their bytes, rows without image or label left out", async () => {
    const { folder, read, red, blue } = await setting();
    const image = (bytes: Uint8Array) => ({ bytes: Buffer.from(bytes).toString("base64") });
    const rows = [
      { image: image(red), label: 1 },
      { image: Buffer.from(blue).toString("base64"), label: 0 },
      { image: null, label: 0 },
      { image: image(blue), label: null },
    ];
    await writeFile(join(folder, "a.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
    const columnData = [
      { name: "image", data: [red, blue, null], type: "BYTE_ARRAY" as const },
      { name: "label", data: ["1", "0", "0"] },
    ];
    await writeFile(join(folder, "a.parquet"), Buffer.from(parquetWriteBuffer({ columnData })));
    for (const [file, skipped] of [
      ["a.jsonl", 2],
      ["a.parquet", 1],
    ] as const) {
      const { classes, examples, summary } = await read(file);
      expect([classes, examples.map(({ label }) => label)]).toEqual([
        ["0", "1"],
        [1, 0],
      ]);
      expect(summary.skipped).toBe(skipped);
    }
  });

  test("or refused with the file that is wrong", async () => {
    const { folder, read, red } = await setting();
    await mkdir(join(folder, "flat"));
    await writeFile(join(folder, "flat/1.png"), red);
    await expect(read("flat")).rejects.toThrow(/1\.png lies in no folder of a class/);
    await mkdir(join(folder, "bad/red"), { recursive: true });
    await writeFile(join(folder, "bad/red/1.png"), red.subarray(0, 40));
    await expect(read("bad")).rejects.toThrow(/1\.png: not an image/);
    await writeFile(join(folder, "t.jsonl"), '{"image":"a path.png","label":"x"}');
    await expect(read("t.jsonl")).rejects.toThrow(/t\.jsonl:1: column image holds no image/);
  });
});
