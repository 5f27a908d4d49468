import { cpSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { roundCosts } from "../../../../src/node/budget/settle.ts";
import type { Config } from "../../../../src/node/config/config.ts";
import { hubOptions } from "../../../../src/node/config/hub-options.ts";
import { learnerOptions } from "../../../../src/node/config/learner-options.ts";
import { outcome } from "../../../../src/node/doctor/check.ts";
import { type Learned, learn, type ModelFacts } from "../../../../src/node/doctor/learned.ts";
import { bundledModel } from "../../../../src/node/folders/package-folder.ts";
import { type MemoryPlan, resolveModel } from "../../../../src/training/index.ts";
import { LearnerCore } from "../../../../src/training/learner/core.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { writeEncoderFolder } from "../../../unit/training/learner/encoder-folder.ts";
import {
  byDoctor,
  byError,
  byFlags,
  checked,
  type Misconfiguration,
  makeNode,
  type Node,
  otherwise,
  type Said,
} from "./case.ts";
import { OTHERS } from "./settings.ts";

type Flags = Readonly<Record<string, string>>;

const SMALL: Flags = {
  ...{ "run.task": "classification", "run.sequenceMax": "16", "engine.name": "onnx:cpu" },
  ...{ "engine.threads": "1", "run.steps": "2" },
};

/** Opens model and data as the learner's thread does. */
const open = (config: Config) =>
  byError(async () => (await LearnerCore.open(learnerOptions(config))).close());

/** A case of model and data: what is laid into a folder with a tiny encoder, wrong and right. */
const opened = (
  flags: (folder: string, node: Node) => { readonly wrong: Flags; readonly right: Flags },
): Pick<Misconfiguration, "namedBy" | "plant"> => ({
  namedBy: "klatch start, doctor data, model or engine",
  plant: async () => {
    const node = await makeNode();
    await writeEncoderFolder(node.folder);
    const { wrong, right } = flags(node.folder, node);
    const base = { ...SMALL, model: node.folder, "data.train": join(node.folder, "train.jsonl") };
    return byFlags({ ...base, ...wrong }, { ...base, ...right }, (given) =>
      open(node.configOf(given)),
    );
  },
});

/** A file of rows beside the right one. */
const rows = (name: string, text: string) =>
  opened((folder) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return { wrong: { "data.train": file }, right: {} };
  });

/** What came of opening a folder, and what the checks said while it was there. */
interface Study {
  readonly node: Node;
  readonly learned: Learned;
  readonly said: ReadonlyMap<string, Said | null>;
}
type Studied = Promise<Study>;
let before: Studied | undefined;
let after: Studied | undefined;

/** Faults that are planted together: each is named by its own check. */
const together = (name: string, study = studyFaults) => ({
  namedBy: `doctor ${name}`,
  plant: () => {
    let studied = study();
    return {
      say: async () => (await studied).said.get(name) as Said | null,
      mend: () => {
        studied = studyWithout();
      },
    };
  },
});

/** Model, data, engine and what a round costs. */
export const LEARNING: readonly Misconfiguration[] = [
  {
    planted: "data that is not there",
    ...opened((folder) => ({ wrong: { "data.train": join(folder, "absent.jsonl") }, right: {} })),
    words: /absent\.jsonl/,
    fix: /./,
  },
  {
    planted: "a file without rows",
    ...rows("empty.jsonl", ""),
    words: /empty\.jsonl/,
    fix: /./,
  },
  {
    planted: "a row that is broken",
    ...rows("broken.jsonl", '{"text":"the bread","label":"food"}\n{"text":"the drum", label}\n'),
    words: /broken\.jsonl:2: /,
    fix: /correct or remove that row/,
  },
  {
    planted: "a column under another name",
    ...opened((folder) => {
      const file = join(folder, "columns.jsonl");
      const all = ["food", "music"].map((topic) =>
        JSON.stringify({ sentence: `the old ${topic}`, topic }),
      );
      writeFileSync(file, Array.from({ length: 20 }, () => all.join("\n")).join("\n"));
      const columns = { "data.columns.text": "sentence", "data.columns.label": "topic" };
      return { wrong: { "data.train": file }, right: { "data.train": file, ...columns } };
    }),
    words: /columns\.jsonl/,
    fix: /data\.columns|columns/,
  },
  {
    planted: "a file of a kind that is not read",
    ...rows("train.xlsx", "PK"),
    words: /train\.xlsx is of the kind "\.xlsx"/,
    fix: /convert it to JSON Lines/,
  },
  {
    planted: "a model folder that is not there",
    ...opened((folder) => ({ wrong: { model: join(folder, "absent") }, right: {} })),
    words: /absent/,
    fix: /./,
  },
  {
    planted: "a model folder without its tokenizer",
    ...opened((folder) => {
      const bare = temporaryFolder();
      cpSync(folder, bare, { recursive: true });
      rmSync(join(bare, "tokenizer.json"));
      return { wrong: { model: bare }, right: {} };
    }),
    words: /tokenizer\.json/,
    fix: /./,
  },
  {
    planted: "an engine that is not installed",
    ...opened(() => ({ wrong: { "engine.name": "tfjs:node" }, right: {} })),
    words: /the engine tfjs:node needs the package @tensorflow\/tfjs-node, which is not installed/,
    fix: /npm install @tensorflow\/tfjs-node@/,
  },
  {
    planted: "an engine without its libraries",
    ...opened(() => ({ wrong: { "engine.name": "onnx:cuda" }, right: {} })),
    words: /onnxruntime-node is installed without its CUDA provider|onnx:cuda/,
    fix: /docs\/GPU\.md/,
  },
  {
    planted: "a task that the model cannot learn",
    ...opened(() => ({ wrong: { "run.task": "causal" }, right: {} })),
    words: /./,
    fix: /run\.task classification/,
  },
  {
    planted: "a model of the hub, and no way to it",
    namedBy: "doctor hub",
    words: /some-lab\/tiny/,
    fix: /./,
    plant: async () => {
      const node = await makeNode();
      const hub = { ...hubOptions(node.folder, {}, {}), offline: true };
      return byFlags({ model: "some-lab/tiny" }, { model: bundledModel() }, async (flags) => {
        const config = node.configOf(flags);
        const had = await outcome(() => resolveModel(config.model, hub));
        const learned = { ...node.groundOf(flags).learned, model: had } as Learned;
        return byDoctor("hub", node.groundOf(flags, { learned }));
      });
    },
  },
  {
    planted: "more threads than CPUs",
    ...checked("threads", () => ({
      wrong: { "engine.threads": `${cpus().length + 1}` },
      right: { "engine.threads": "1" },
    })),
    words: /they wait for one another/,
    fix: /set engine\.threads to 0/,
  },
  {
    planted: "no data",
    ...together("data", () => study(() => ({}))),
    words: /data\.train is empty: there is nothing to train on/,
    fix: /name the files to train on/,
  },
  {
    planted: "no held-out rows, and a gate that needs them",
    ...together("held-out"),
    words: /none, and the gate judges updates by such rows/,
    fix: /raise data\.heldOutShare, or set gate\.enabled: false/,
  },
  {
    planted: "tests on what was trained",
    ...together("test-rows"),
    words: /240 of 240 are also in the training files/,
    fix: /take those rows out/,
  },
  {
    planted: "a longest sequence that cuts most rows",
    ...together("rows"),
    words: /\d+ of 240 cut to .*; the longest: .*long\.jsonl:\d+ \(\d+ B\)/,
    fix: /raise run\.sequenceMax above/,
  },
  {
    planted: "a batch of which not one row fits into memory",
    ...otherwise("plan", [2 ** 20, 2 ** 34], async (available, node) => {
      const { learned } = await studyWithout();
      const { plan: there } = learned as { plan: MemoryPlan };
      const rowsThatFit = available < there.total ? 0 : there.rows;
      const plan = { ...there, available, rowsThatFit, recompute: true };
      return byDoctor("plan", node.groundOf({}, { learned: { ...learned, plan } }));
    }),
    words: /of 1\.0 MiB available, .*; not even one row fits/,
    fix: /lower run\.sequenceMax, or take a smaller model/,
  },
  {
    planted: "a budget that nothing keeps to",
    namedBy: "doctor bytes",
    words: /a round|KiB/,
    fix: /^set run\.bytesPerRound [0-9]+KiB at least/,
    plant: () =>
      byFlags({ "run.bytesPerRound": "1KiB" }, { "run.bytesPerRound": "1MiB" }, async (flags) => {
        const { node, learned } = await studyWithout();
        const config = node.configOf({ ...SMALL, ...TWO, ...flags });
        const { layout } = learned.model as ModelFacts;
        const costs = await outcome(() => roundCosts(config, layout));
        return byDoctor("bytes", node.groundOf(flags, { learned: { ...learned, costs } }));
      }),
  },
  {
    planted: "a link that is slower than training",
    ...together("link"),
    words: /updates of a round take .* at 1 kbit\/s, its training about/,
    fix: /^set run\.steps to [0-9]+/,
  },
];

// --- internal ---

const TOGETHER = ["data", "held-out", "test-rows", "rows", "link"];

/** A run of two, whose updates are sent. */
const TWO = { "run.members": OTHERS.slice(0, 2).join(",") };

function studyFaults(): Studied {
  before ??= study((train) => ({
    ...{ ...TWO, "network.link": "1kbit", "data.train": train, "data.test": train },
    ...{ "data.heldOutShare": "0", "run.sequenceMax": "8" },
  }));
  return before;
}

function studyWithout(): Studied {
  after ??= study((train, test) => ({
    ...{ ...TWO, "network.link": "1Gbit", "data.train": train, "data.test": test },
    ...{ "data.heldOutShare": "0.2" },
  }));
  return after;
}

async function study(flags: (train: string, test: string) => Flags): Studied {
  const node = await makeNode();
  await writeEncoderFolder(node.folder);
  const [train, test] = [join(node.folder, "long.jsonl"), join(node.folder, "other.jsonl")];
  writeFileSync(train, longRows("very old"));
  writeFileSync(test, longRows("some new"));
  const own = flags(train, test);
  const config = node.configOf({ ...SMALL, model: node.folder, ...own });
  const learned = await learn(config, hubOptions(config.cache, {}, {}));
  const ground = { ...node.groundOf({}), config: learned.config, learned };
  const said = new Map<string, Said | null>();
  for (const name of TOGETHER) said.set(name, await byDoctor(name, ground));
  return { node, learned, said };
}

/** Rows of two classes, longer than eight tokens. */
function longRows(words: string): string {
  const texts = { food: "bread the soup the apple the oven", music: "drum the choir the song" };
  const rows = Object.entries(texts).map(([label, text]) =>
    JSON.stringify({ text: `${text} ${words}`, label }),
  );
  return Array.from({ length: 120 }, () => rows.join("\n")).join("\n");
}
