import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KlatchError } from "../../../../src/errors.ts";
import { type FloatTensor, readSafetensors } from "../../../../src/training/files/safetensors.ts";
import { parseHeader } from "../../../../src/training/files/safetensors-header.ts";
import {
  streamSafetensors,
  type WriteOptions,
  writeSafetensors,
} from "../../../../src/training/files/safetensors-writer.ts";
import { inFolder } from "./tiny-model.ts";

const tensor = (shape: number[], values: number[]): FloatTensor => ({
  shape,
  data: Float32Array.from(values),
});

const SMALL = new Map([
  ["b", tensor([2, 2], [1, 2, 3, 4])],
  ["a", tensor([3], [0.5, -1, 8])],
]);

async function encodeSafetensors(
  tensors: ReadonlyMap<string, FloatTensor>,
  options?: WriteOptions,
): Promise<Uint8Array> {
  return await inFolder(async (folder) => {
    const file = join(folder, "x.safetensors");
    await writeSafetensors(file, tensors, options);
    return new Uint8Array(await readFile(file));
  });
}

async function readBytes(bytes: Uint8Array) {
  return await inFolder(async (folder) => {
    const file = join(folder, "x.safetensors");
    await writeFile(file, bytes);
    return await readSafetensors(file);
  });
}

/** A file whose header is the given JSON text, followed by `dataBytes` zeros. */
function fileWith(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe("a safetensors file", () => {
  it("gives back what was written", async () => {
    const tensors = fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => !name.startsWith("__")),
      fc.array(fc.float({ noNaN: true }), { maxLength: 20 }),
      { maxKeys: 5, noNullPrototype: true },
    );
    await fc.assert(
      fc.asyncProperty(tensors, async (content) => {
        const written = new Map(
          Object.entries(content).map(([name, values]) => [
            name,
            tensor([values.length, 1], values),
          ]),
        );
        const read = await readBytes(
          await encodeSafetensors(written, { metadata: { format: "pt" } }),
        );
        expect(read.metadata).toEqual({ format: "pt" });
        expect(new Map(read.tensors)).toEqual(written);
      }),
      { numRuns: 50 },
    );
  });

  it("is told from the pointer that a clone without Git LFS has in its place", async () => {
    const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 2\n";
    const reading = readBytes(new TextEncoder().encode(pointer));
    await expect(reading).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("is a pointer of Git LFS"),
    });
  });

  it("may hold tensors with names that every object has", async () => {
    const names = ["__proto__", "constructor", "toString"];
    const written = new Map(names.map((name, i) => [name, tensor([1], [i])]));
    const read = await readBytes(await encodeSafetensors(written));
    expect(new Map(read.tensors)).toEqual(written);
  });

  it("has the same bytes whatever the order in which tensors were added", async () => {
    const reversed = new Map([...SMALL].reverse());
    expect(await encodeSafetensors(reversed)).toEqual(await encodeSafetensors(SMALL));
  });

  it("starts its data at a multiple of eight bytes", async () => {
    const bytes = await encodeSafetensors(SMALL);
    const header = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    expect(header % 8).toBe(0);
    // 7 floats of 4 bytes follow the header.
    expect(bytes.length).toBe(8 + header + 28);
  });

  it("reads 16-bit tensors longer than one piece", async () => {
    const long = tensor([1 << 12, 1025], []);
    const data = Float32Array.from({ length: (1 << 12) * 1025 }, (_, i) => i % 251);
    const bytes = await encodeSafetensors(new Map([["a", { ...long, data }]]), { dtype: "F16" });
    const { tensors } = await readBytes(bytes);
    expect(bytes.length).toBeGreaterThan(1 << 23);
    // Every small whole number is a half-precision number.
    expect(tensors.get("a")?.data.findIndex((x, i) => x !== data[i])).toBe(-1);
  });

  it("puts wide elements first, and leaves nothing behind when its content fails", async () => {
    await inFolder(async (folder) => {
      const file = join(folder, "x.safetensors");
      const plans = [
        { name: "a", dtype: "U8", shape: [3] },
        { name: "b", dtype: "F32", shape: [1] },
      ];
      const asked: string[] = [];
      await streamSafetensors(file, plans, async ({ name }) => {
        asked.push(name);
        return new Uint8Array(name === "a" ? 3 : 4);
      });
      expect(asked).toEqual(["b", "a"]);
      const failing = streamSafetensors(join(folder, "y"), plans, async () => {
        throw new Error("no content");
      });
      await expect(failing).rejects.toThrow("no content");
      expect(await readdir(folder)).toEqual(["x.safetensors"]);
    });
  });

  it("reads only what is wanted", async () => {
    await inFolder(async (folder) => {
      const file = join(folder, "x.safetensors");
      const bytes = fileWith({ a: entry(0, 8), b: entry(8, 16, [1], "I64") }, 16);
      await writeFile(file, bytes);
      const read = await readSafetensors(file, (name) => name === "a");
      expect([...read.tensors.keys()]).toEqual(["a"]);
      await expect(readSafetensors(file)).rejects.toThrow(/tensor b has the type I64/);
    });
  });
});

const damages: readonly [string, Uint8Array, RegExp][] = [
  ["with fewer than eight bytes", new Uint8Array(5), /only 5 bytes/],
  ["whose header is longer than the file", fileWith("{}", 0).subarray(0, 9), /claims 2 bytes/],
  [
    "whose header claims 2^40 bytes",
    Uint8Array.of(0, 0, 0, 0, 0, 1, 0, 0, 9),
    /claims 1099511627776/,
  ],
  ["whose header is not JSON", fileWith("{", 0), /not valid JSON/],
  ["whose header is a list", fileWith("[]", 0), /not an object/],
  ["with a tensor beyond its end", fileWith({ a: entry(0, 8) }, 4), /lies at 0\.\.8 of 4/],
  ["with overlapping tensors", fileWith({ a: entry(0, 8), b: entry(4, 12) }, 12), /overlaps/],
  ["with a hole", fileWith({ a: entry(0, 4), b: entry(8, 12) }, 12), /belong to nothing/],
  ["with bytes after the last tensor", fileWith({ a: entry(0, 4) }, 8), /4 bytes at its end/],
  [
    "whose shape overflows",
    fileWith({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4),
    /needs .* bytes and has 4/,
  ],
  ["whose offsets run backwards", fileWith({ a: entry(4, 0, [1]) }, 4), /lies at 4\.\.0/],
  ["with a negative dimension", fileWith({ a: entry(0, 4, [-1]) }, 4), /shape/],
  ["with an unknown type", fileWith({ a: entry(0, 4, [1], "Q4") }, 4), /type Q4/],
];

describe("a damaged safetensors file", () => {
  it.each(damages)("%s is refused in one line", async (_, bytes, message) => {
    const outcome = await readBytes(bytes).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(KlatchError);
    expect(String(outcome)).toMatch(message);
    expect(String(outcome)).not.toContain("\n");
  });

  it("is refused however it is truncated", async () => {
    const bytes = await encodeSafetensors(SMALL);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
        await expect(readBytes(bytes.subarray(0, length))).rejects.toBeInstanceOf(KlatchError);
      }),
    );
  });

  it("never does more than throw a KlatchError or give as many values as it has bytes", async () => {
    const bytes = await encodeSafetensors(SMALL, { metadata: { format: "pt" } });
    const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(7)), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(flips, async (places) => {
        const damaged = Uint8Array.from(bytes);
        for (const [at, bit] of places) damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        try {
          const { tensors } = await readBytes(damaged);
          const values = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
          expect(values).toBeLessThanOrEqual(bytes.length / 2);
        } catch (error) {
          expect(error).toBeInstanceOf(KlatchError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("never does more than throw a KlatchError for any header", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(64), (json, dataBytes) => {
        const header = new TextEncoder().encode(json);
        try {
          parseHeader(header, 8 + header.length + dataBytes, "x");
        } catch (error) {
          expect(error).toBeInstanceOf(KlatchError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
