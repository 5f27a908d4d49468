import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { loadDataset } from "../../../../../src/training/data/dataset/dataset.ts";
import { RowTally } from "../../../../../src/training/data/examples/row-tally.ts";
import { imageBatches } from "../../../../../src/training/data/images/image-rows.ts";
import { expandFolders } from "../../../../../src/training/data/rows/folders.ts";
import { inFolder } from "../../files/tiny-model.ts";
import { idsOf, loadFiles, parquet, tinyTokenizer, writeFiles } from "../data-files.ts";

const tokenizer = await tinyTokenizer();

/** The files of a folder that are read, from it, and what is said. */
async function chosen(names: readonly string[], use: "train" | "test") {
  return await inFolder(async (folder) => {
    await writeFiles(folder, Object.fromEntries(names.map((name) => [name, "{}"])));
    const { files, notes } = await expandFolders([folder], use);
    const own = (text: string) => text.replaceAll(`${folder}/`, "").replaceAll(folder, "F");
    return { files: files.map(own), notes: notes.map(own) };
  });
}

describe("a folder with splits", () => {
  const ones = ["train.jsonl", "valid.jsonl", "test.jsonl"];
  const hub = ["train", "validation", "test"].map((name) => `data/${name}-00000-of-00001.parquet`);

  it.each([
    ["of mlx-lm", ones, "train.jsonl", "test.jsonl"],
    ["of a hub", hub, "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"],
    ["in folders", ["dev/a.csv", "test/a.csv", "train/a.csv"], "train/a.csv", "test/a.csv"],
    [
      "in other words",
      ["my_Training.json", "my_val.json", "my_eval.json"],
      "my_Training.json",
      "my_eval.json",
    ],
    ["of texts", ["train.txt", "validation.txt", "test.txt"], "train.txt", "test.txt"],
  ])("%s is read for what it is", async (_, names, train, test) => {
    const trained = await chosen(names, "train");
    expect(trained.files).toEqual([train]);
    expect(trained.notes).toHaveLength(1);
    expect(trained.notes[0]).toMatch(
      /^F: 1 file of train read; left aside: 1 file of (test|validation), 1 file of (test|validation)$/,
    );
    expect((await chosen(names, "test")).files).toEqual([test]);
  });

  it("without test files is tested on validation", async () => {
    const { files, notes } = await chosen(["train.jsonl", "val.jsonl"], "test");
    expect(files).toEqual(["val.jsonl"]);
    expect(notes).toEqual(["F: 1 file of validation read; left aside: 1 file of train"]);
  });

  it("leaves files of no split aside, and says so", async () => {
    const { files, notes } = await chosen(
      ["more.jsonl", "train-1.jsonl", "train-2.jsonl"],
      "train",
    );
    expect(files).toEqual(["train-1.jsonl", "train-2.jsonl"]);
    expect(notes).toEqual(["F: 2 files of train read; left aside: 1 file of no split"]);
    const without = await chosen(["more.jsonl", "test.jsonl"], "train");
    expect(without.files).toEqual(["more.jsonl"]);
  });

  it("for another use alone is refused; a file that is named is read whatever its name", async () => {
    const refused = chosen(["test.jsonl", "valid.jsonl"], "train");
    await expect(refused).rejects.toThrow(/has test and validation files alone, and none to train/);
    const row = JSON.stringify({ text: "ab" });
    expect(idsOf(await loadFiles({ "test.jsonl": row }, tokenizer))).toHaveLength(1);
  });

  it("named file by file is read as one, and this is said", async () => {
    await inFolder(async (folder) => {
      const names = ["train.jsonl", "test.jsonl", "more.jsonl"];
      await writeFiles(folder, Object.fromEntries(names.map((name) => [name, "{}"])));
      const paths = names.map((name) => join(folder, name));
      const { files, notes } = await expandFolders(paths, "train");
      expect(files).toEqual(paths);
      expect(notes).toEqual(["files of several splits are read together: 1 of train, 1 of test"]);
      // Control: files of one split.
      expect((await expandFolders([paths[0] ?? "", paths[2] ?? ""], "train")).notes).toEqual([]);
    });
  });

  it("is no folder of other names, as a control", async () => {
    for (const names of [
      ["latest.jsonl", "trains.jsonl", "devices.jsonl", "contest.jsonl"],
      ["training.md", "testing.md", "test-plan.md", "evaluation.md"],
    ]) {
      const { files, notes } = await chosen(names, "train");
      expect(files).toEqual([...names].sort());
      expect(notes).toEqual([]);
    }
  });

  it("trains no row of its test files, and says so in its summary", async () => {
    await inFolder(async (folder) => {
      const row = (text: string) => JSON.stringify({ text });
      await writeFiles(folder, { "train.jsonl": row("a"), "test.jsonl": row("b") });
      const set = await loadDataset([folder], {}, tokenizer, 8);
      expect(idsOf(set)).toEqual([[1, 3, 2]]);
      expect(set.summary.notes[0]).toMatch(/left aside: 1 file of test$/);
      const test = await loadDataset([folder], {}, tokenizer, 8, { use: "test" });
      expect(idsOf(test)).toEqual([[1, 4, 2]]);
    });
  });

  it("of images is told by the folders above the classes", async () => {
    const create = { width: 2, height: 2, channels: 3, background: "red" } as const;
    const png = await sharp({ create }).png().toBuffer();
    let notes: readonly string[] = [];
    const read = async (names: readonly string[], use: "train" | "test") =>
      await inFolder(async (folder) => {
        await writeFiles(folder, Object.fromEntries(names.map((name) => [name, png])));
        const places: string[] = [];
        const tally = new RowTally();
        for await (const rows of imageBatches([folder], {}, { use, tally })) {
          places.push(...rows.map(({ place }) => place.slice(folder.length + 1)));
        }
        notes = tally.notes.map((note) => note.replaceAll(folder, "F"));
        return places;
      });
    const split = ["test/cat/1.png", "train/cat/1.png", "train/dog/1.png"];
    expect(await read(split, "train")).toEqual(["train/cat/1.png", "train/dog/1.png"]);
    expect(notes).toEqual(["F: 2 files of train read; left aside: 1 file of test"]);
    expect(await read(split, "test")).toEqual(["test/cat/1.png"]);
    await read(["cat/1.png", "cat/2.bmp", "metadata.csv", "README.md"], "train");
    expect(notes).toEqual(["F: left aside: 1 .bmp, 1 .csv"]);
    // Control: classes that are called so.
    const vehicles = ["car/1.png", "train/1.png"];
    expect(await read(vehicles, "train")).toEqual(vehicles);
  });
});

describe("a saved data set", () => {
  const about = {
    "dataset_info.json": JSON.stringify({ features: { text: { dtype: "string" } } }),
    "state.json": JSON.stringify({ _data_files: [{ filename: "data-00000-of-00001.arrow" }] }),
  };

  it("is passed over where it is about other files", async () => {
    const table = parquet({ text: ["a"] });
    const files = { ...about, "dataset_dict.json": '{"splits": ["train"]}', "a.parquet": table };
    await inFolder(async (folder) => {
      await writeFiles(folder, files);
      expect(idsOf(await loadDataset([folder], {}, tokenizer, 8))).toEqual([[1, 3, 2]]);
    });
    // Control: a file may be called so.
    expect((await chosen(["state.json", "a.jsonl"], "train")).files).toHaveLength(2);
  });

  it("of Arrow files is refused by name, with the command that exports it", async () => {
    const refusal = async (files: Readonly<Record<string, string>>, path = "") =>
      await inFolder(async (folder) => {
        await writeFiles(folder, files);
        const error = await loadDataset([join(folder, path)], {}, tokenizer, 8).catch((e) => e);
        return `${error.message}\n${error.hint}`.replaceAll(folder, "F");
      });
    const arrow = { ...about, "data-00000-of-00001.arrow": "ARROW" };
    expect(await refusal(arrow)).toBe(
      "F holds Arrow files, which are not read\nexport it as JSON Lines: python3 -c \"from datasets import load_from_disk; data = load_from_disk('F'); data.to_json('train.jsonl')\"",
    );
    const inSplits = Object.fromEntries(
      ["train", "test"].flatMap((split) =>
        Object.entries(arrow).map(([name, content]) => [`${split}/${name}`, content]),
      ),
    );
    expect(await refusal({ ...inSplits, "dataset_dict.json": "{}" })).toContain(
      "[data[name].to_json(name + '.jsonl') for name in data]",
    );
    const one = "Dataset.from_file('F/a.arrow').to_json('a.jsonl')";
    expect(await refusal({ "a.arrow": "ARROW" }, "a.arrow")).toContain(one);
    expect(await refusal({ "a.arrow": "ARROW" })).toContain(one);
    const two = await refusal({ "a.arrow": "ARROW", "b.arrow": "ARROW" });
    expect(two).toContain("for file in glob.glob('F/**/*.arrow', recursive=True)]");
  });
});

describe("data of other kinds in a folder", () => {
  it("is left aside by name", async () => {
    const names = ["a.jsonl", "b.jsonl.gz", "c.xlsx", "d.xlsx", "README.md", "LICENSE"];
    const { files, notes } = await chosen(names, "train");
    expect(files).toEqual(["a.jsonl"]);
    expect(notes).toEqual(["F: left aside: 1 .gz, 2 .xlsx"]);
  });

  it("is named where there is nothing else", async () => {
    await expect(chosen(["a.jsonl.zst"], "train")).rejects.toThrow(/\(and 1 \.zst\)/);
  });
});
