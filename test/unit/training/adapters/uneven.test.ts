import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Adapter } from "../../../../src/training/adapters/adapter.ts";
import { createAdapter } from "../../../../src/training/adapters/kinds.ts";
import { writeMergedModel } from "../../../../src/training/adapters/merging/merge.ts";
import { fitPeft, readPeft } from "../../../../src/training/adapters/peft/peft-reader.ts";
import { readAdapterSettings } from "../../../../src/training/adapters/peft/peft-settings.ts";
import { writePeft } from "../../../../src/training/adapters/peft/peft-writer.ts";
import {
  type BaseModel,
  loadBaseModel,
  makeBaseModel,
} from "../../../../src/training/base/base-model.ts";
import type { FloatTensor } from "../../../../src/training/files/safetensors.ts";
import { writeSafetensors } from "../../../../src/training/files/safetensors-writer.ts";
import { llamaModel } from "../../../../src/training/models/architectures/llama.ts";
import type { ModelDefinition } from "../../../../src/training/models/definition.ts";
import { AdaptedModel } from "../../../../src/training/programs/adapted-model.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";
import { engine, numbers } from "../graph/finite-differences.ts";
import { BYTES, writeTinyFolder } from "../learner/model-folder.ts";
import { sequenceLogits } from "../models/logits.ts";
import { relativeError } from "./reference.ts";

const IDS = [1, 40, 90, 3, 100, 0, 70];
const Q = "model.layers.0.self_attn.q_proj";
const DOWN = "model.layers.1.mlp.down_proj";
const HEAD = "lm_head.weight";
const LORA = { peft_type: "LORA", r: 2, lora_alpha: 8, bias: "none" };

interface Layer {
  readonly path: string;
  readonly rank: number;
  /** What B A is multiplied by. */
  readonly scale: number;
}

/** How adapters say which layers they adapt, and the layers that a file of theirs has. */
const CASES: readonly (readonly [string, object, readonly Layer[]])[] = [
  [
    "a regular expression",
    { target_modules: ".*\\.(0\\.self_attn\\.q|1\\.mlp\\.down)_proj" },
    [
      { path: Q, rank: 2, scale: 4 },
      { path: DOWN, rank: 2, scale: 4 },
    ],
  ],
  [
    "the numbers of layers",
    { target_modules: ["q_proj", "down_proj"], layers_to_transform: [1], layers_pattern: "layers" },
    [{ path: DOWN, rank: 2, scale: 4 }],
  ],
  [
    "what they leave out",
    {
      target_modules: "all-linear",
      exclude_modules: ["v_proj", "model.layers.1.self_attn.q_proj"],
    },
    [{ path: Q, rank: 2, scale: 4 }],
  ],
  [
    "ranks and alphas of some",
    {
      target_modules: ["q_proj", "down_proj"],
      rank_pattern: { "layers\\.0\\.self_attn\\.q_proj": 1, down_proj: 3 },
      alpha_pattern: { "0.self_attn.q_proj": 5, nowhere: 99 },
    },
    [
      { path: Q, rank: 1, scale: 5 },
      { path: DOWN, rank: 3, scale: 8 / 3 },
    ],
  ],
  [
    "ranks, with a scale by their roots",
    { target_modules: ["q_proj"], rank_pattern: { q_proj: 3 }, use_rslora: true },
    [{ path: Q, rank: 3, scale: 8 / Math.sqrt(3) }],
  ],
];

async function tinyBase(tied = true) {
  const folder = temporaryFolder();
  await writeTinyFolder(folder, tied);
  return { folder, base: await loadBaseModel(folder) };
}

const tensor = (shape: readonly number[], seed: number): FloatTensor => ({
  shape,
  data: Float32Array.from(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    (x) => 0.5 * x,
  ),
});

/** The factors of these layers as PEFT stores them. */
function factorsOf({ linears }: ModelDefinition, layers: readonly Layer[]) {
  return layers.map((layer, i) => {
    const linear = linears.find(({ module }) => module === layer.path);
    if (linear === undefined) throw new Error(`no layer ${layer.path}`);
    const a = tensor([layer.rank, linear.inputs], 2 * i + 1);
    const b = tensor([linear.outputs, layer.rank], 2 * i + 2);
    return { ...layer, a, b, inputs: linear.inputs };
  });
}

async function peftFolder(config: object, tensors: ReadonlyMap<string, FloatTensor>) {
  const folder = temporaryFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "adapter_config.json"), JSON.stringify({ ...LORA, ...config }));
  await writeSafetensors(join(folder, "adapter_model.safetensors"), tensors);
  return folder;
}

const stored = (factors: ReturnType<typeof factorsOf>): Map<string, FloatTensor> =>
  new Map(
    factors.flatMap<[string, FloatTensor]>(({ path, a, b }) => [
      [`base_model.model.${path}.lora_A.weight`, a],
      [`base_model.model.${path}.lora_B.weight`, b],
    ]),
  );

async function loaded(base: BaseModel, folder: string) {
  const adapter = createAdapter(base, await readAdapterSettings(folder));
  const values = fitPeft(await readPeft(folder), {
    layout: adapter.layout,
    settings: adapter.settings,
  });
  return { adapter, values };
}

async function logitsOf(base: BaseModel, made?: { adapter: Adapter; values: Float32Array }) {
  const none = { kind: "lora", rank: 1, alpha: 1, targets: ["all"] } as const;
  const adapter = made?.adapter ?? createAdapter(base, none);
  const model = new AdaptedModel(base, adapter, engine);
  const logits = await sequenceLogits(model, made?.values ?? adapter.initial(1), IDS);
  await model.close();
  return [...logits];
}

/** The model with W + scale B A, summed in double, and with other weights in place of its own. */
function changedModel(
  base: BaseModel,
  factors: ReturnType<typeof factorsOf>,
  others: ReadonlyMap<string, FloatTensor> = new Map(),
): BaseModel {
  const tensors = new Map(
    [...base.definition.weights.keys()].map((name) => [name, base.tensor(name)]),
  );
  for (const { path, a, b, rank, scale, inputs } of factors) {
    const { shape, data } = base.tensor(`${path}.weight`);
    const sum = data.map((weight, i) => {
      const [row, column] = [Math.floor(i / inputs), i % inputs];
      let product = 0;
      for (let k = 0; k < rank; k += 1)
        product += (b.data[row * rank + k] ?? 0) * (a.data[k * inputs + column] ?? 0);
      return weight + scale * product;
    });
    tensors.set(`${path}.weight`, { shape, data: sum });
  }
  for (const [name, each] of others) tensors.set(name, each);
  const definition = others.has(HEAD)
    ? llamaModel({ ...BYTES, tiedEmbeddings: false })
    : base.definition;
  return makeBaseModel(definition, tensors, "changed");
}

describe("an adapter that says where it sits by", () => {
  test.each(CASES)("%s computes W + scale B A", async (_, config, layers) => {
    const { base } = await tinyBase();
    const factors = factorsOf(base.definition, layers);
    const made = await loaded(base, await peftFolder(config, stored(factors)));
    const expected = await logitsOf(changedModel(base, factors));
    expect(relativeError(await logitsOf(base, made), expected)).toBeLessThan(1e-5);
    // Control: it does change the model.
    expect(relativeError(await logitsOf(base), expected)).toBeGreaterThan(1e-3);
    // Written again, it says the same by the paths of its layers.
    const again = temporaryFolder();
    const { adapter, values } = made;
    await writePeft(again, {
      ...{ layout: adapter.layout, values, config: adapter.peftConfig(), format: "text" },
      ...{ baseModel: "tiny", baseDigest: base.digest },
    });
    expect((await loaded(base, again)).values).toEqual(values);
  });

  test("an alpha of some does not fit where all layers have one", async () => {
    const { base } = await tinyBase();
    const factors = factorsOf(base.definition, [{ path: Q, rank: 2, scale: 4 }]);
    const config = { target_modules: ["q_proj"], alpha_pattern: { [Q]: 5 } };
    const read = await readPeft(await peftFolder(config, stored(factors)));
    const layer = { rank: 2, alpha: 8 };
    const one = { kind: "lora", ...layer, targets: ["q"] } as const;
    const { layout, settings } = createAdapter(base, { ...one, modules: { [Q]: layer } });
    expect(() => fitPeft(read, { layout, settings })).toThrow(`its alpha of ${Q} is 5, expected 8`);
    expect(() => fitPeft(read, { layout, settings: one })).toThrow(`is 5, expected 8`);
    expect(fitPeft(read, { layout, settings: read.settings })).toHaveLength(layout.length);
  });

  test("a path that the model does not have is refused", async () => {
    const { base } = await tinyBase();
    const [factors] = factorsOf(base.definition, [{ path: Q, rank: 2, scale: 4 }]);
    if (factors === undefined) throw new Error("no factors");
    const strange = stored([{ ...factors, path: "model.layers.7.self_attn.q_proj" }]);
    const folder = await peftFolder({ target_modules: ".*q_proj" }, strange);
    await expect(loaded(base, folder)).rejects.toThrow(/no linear layer "model\.layers\.7/);
    const empty = await peftFolder({ target_modules: ".*q_proj" }, new Map());
    await expect(loaded(base, empty)).rejects.toThrow("the file of tensors has no factors");
    const odd = await peftFolder(
      { target_modules: ["q_proj"], alpha_pattern: { "(?P<a>q)": 3 } },
      stored([factors]),
    );
    await expect(loaded(base, odd)).rejects.toThrow('alpha_pattern has "(?P<a>q)"');
  });
});

describe("an adapter that keeps the head whole", () => {
  test.each([true, false])("has a head of its own, tied before: %s", async (tied) => {
    const { folder, base } = await tinyBase(tied);
    const factors = factorsOf(base.definition, [{ path: Q, rank: 2, scale: 4 }]);
    const head = tensor([BYTES.vocabSize, BYTES.hiddenSize], 9);
    const tensors = stored(factors).set(`base_model.model.${HEAD}`, head);
    const config = { target_modules: ".*0\\.self_attn\\.q_proj", modules_to_save: ["lm_head"] };
    const made = await loaded(base, await peftFolder(config, tensors));

    const expected = await logitsOf(changedModel(base, factors, new Map([[HEAD, head]])));
    expect(relativeError(await logitsOf(base, made), expected)).toBeLessThan(1e-5);
    expect(made.adapter.peftConfig()).toMatchObject({ modules_to_save: ["lm_head"] });
    // It begins as the model's own, and trains.
    expect(
      relativeError(
        await logitsOf(base, { ...made, values: made.adapter.initial(1) }),
        await logitsOf(base),
      ),
    ).toBe(0);
    expect(made.adapter.trained("both", 0).map(({ name }) => name)).toContain(
      `base_model.model.${HEAD}`,
    );

    const out = temporaryFolder();
    const { definition } = base;
    await writeMergedModel({ base: folder, definition, ...made, out, dtype: null });
    expect(relativeError(await logitsOf(await loadBaseModel(out)), expected)).toBeLessThan(1e-5);
  });

  test("and a norm and the embedding has those, and none that the model does not have", async () => {
    const { base } = await tinyBase(false);
    const factors = factorsOf(base.definition, [{ path: Q, rank: 2, scale: 4 }]);
    const others = new Map([
      ["model.norm.weight", tensor([BYTES.hiddenSize], 3)],
      ["model.embed_tokens.weight", tensor([BYTES.vocabSize, BYTES.hiddenSize], 4)],
    ]);
    const tensors = stored(factors);
    for (const [name, each] of others) tensors.set(`base_model.model.${name}`, each);
    const config = {
      target_modules: ".*0\\.self_attn\\.q_proj",
      modules_to_save: ["norm", "embed_tokens"],
    };
    const made = await loaded(base, await peftFolder(config, tensors));
    const changed = changedModel(base, factors, new Map([...others, [HEAD, base.tensor(HEAD)]]));
    expect(relativeError(await logitsOf(base, made), await logitsOf(changed))).toBeLessThan(1e-5);
    tensors.set("base_model.model.extra.weight", tensor([2], 1));
    await expect(loaded(base, await peftFolder(config, tensors))).rejects.toThrow(
      "the adapter has its own extra.weight, which the model does not have",
    );
  });
});

describe("an adapter of rank 1 with biases", () => {
  test("is refused by what it is when its factors are not zero", async () => {
    const { base } = await tinyBase();
    const factors = factorsOf(base.definition, [{ path: Q, rank: 1, scale: 4 }]);
    const config = { r: 1, bias: "all", target_modules: ["q_proj"] };
    await expect(readAdapterSettings(await peftFolder(config, stored(factors)))).rejects.toThrow(
      /bias is all beside factors that are not zero, which is not supported$/,
    );
    const still = factors.map((each) => ({ ...each, b: { ...each.b, data: new Float32Array(8) } }));
    expect(await readAdapterSettings(await peftFolder(config, stored(still)))).toEqual({
      kind: "bitfit",
    });
  });
});

test("a start by orthogonal or other plain numbers is a plain LoRA", async () => {
  for (const init_lora_weights of ["orthogonal", "gaussian", "eva", true, false]) {
    const config = { target_modules: ["q_proj"], init_lora_weights };
    expect(await readAdapterSettings(await peftFolder(config, new Map()))).toEqual({
      ...{ kind: "lora", rank: 2, alpha: 8, targets: ["q_proj"] },
    });
  }
});
