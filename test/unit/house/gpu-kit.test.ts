import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readLock } from "../../../scripts/dependencies/lock.ts";
import { floors, peaksOf, runsOnCard, type StepWork } from "../../../scripts/gpu/floors.ts";
import {
  importedPackages,
  importsOf,
  isCarried,
  kitPackages,
} from "../../../scripts/gpu/kit-packages.ts";
import { configOf, workOf } from "../../../scripts/gpu/model-folder.ts";
import { readOptions } from "../../../scripts/gpu/options.ts";
import { HEADERS, markdown, type Report } from "../../../scripts/gpu/report.ts";
import {
  NOT_REACHED,
  type Outcome,
  planRows,
  type Row,
  rowLimit,
} from "../../../scripts/gpu/rows.ts";
import { parseModelConfig } from "../../../src/training/models/architectures/architectures.ts";
import { ENGINE_NAMES } from "../../../src/types.ts";

const ROOT = join(import.meta.dirname, "../../..");
const MODELS = ["smollm2-135m", "qwen2.5-0.5b"];
const name = ({ model, dtype, program }: Row) => `${model} ${dtype} ${program}`;

describe("what the kit carries", () => {
  test("is every package that measuring imports, and what engines load by name", () => {
    const packages = kitPackages(ROOT, readLock(ROOT));

    expect(importedPackages(ROOT)).toContain("zod");
    for (const each of importedPackages(ROOT)) expect(packages).toContain(`node_modules/${each}`);
    expect(packages).toContain("node_modules/onnxruntime-node");
    expect(packages).toContain("node_modules/onnxruntime-common");
    expect(packages).toContain("node_modules/@tensorflow/tfjs-backend-wasm");
  });

  test("is nothing of the network, of images, or for installing", () => {
    const packages = kitPackages(ROOT, readLock(ROOT)).join(" ");

    expect(packages).not.toMatch(/libp2p|sharp|huggingface\/hub|adm-zip|vitest|@types/);
  });

  test.each([
    ["onnxruntime-node", "bin/napi-v6/linux/x64/libonnxruntime.so.1", true],
    ["onnxruntime-node", "bin/napi-v6/linux/arm64/libonnxruntime.so.1", false],
    ["onnxruntime-node", "bin/napi-v6/win32/x64/onnxruntime.dll", false],
    ["onnxruntime-node", "dist/index.js", true],
    ["zod", "index.d.cts", false],
    ["zod", "v4/classic/schemas.js", true],
    ["@tensorflow/tfjs-core", "dist/tf-core.node.js", true],
    ["@tensorflow/tfjs-core", "dist/tf-core.node.js.map", false],
    ["@tensorflow/tfjs-core", "dist/ops/add_test.js", false],
    ["seedrandom", "test/state.js", false],
    ["seedrandom", "LICENSE", true],
  ])("%s: %s: %s", (packageName, path, carried) => {
    expect(isCarried(packageName, path)).toBe(carried);
  });

  test("imports are those of values; packages that are loaded when they are wanted are left out", () => {
    const source = [
      'import { a } from "one";',
      'import type { b } from "two";',
      'export type * from "./three.ts";',
      'import {\n  c,\n  type d,\n} from "./four.ts";',
      'import "./five.ts";',
      'export { e } from "./six.ts";',
      'const lazy = () => import("./seven.ts");',
      'const seldom = () => import("eight");',
    ].join("\n");

    expect(importsOf(source)).toEqual(["one", "./four.ts", "./five.ts", "./six.ts", "./seven.ts"]);
  });
});

describe("rows", () => {
  const rows = planRows(MODELS, ["f32", "f16"], ["pytorch", ...ENGINE_NAMES]).map(name);

  test("each program has one on every model and type", () => {
    expect(rows).toHaveLength(2 * 2 * (1 + ENGINE_NAMES.length));
    expect(new Set(rows).size).toBe(rows.length);
  });

  test("the reference comes first of its model, and slow engines when all models had the others", () => {
    expect(rows.slice(0, 4)).toEqual([
      "smollm2-135m f32 onnx:cpu",
      "smollm2-135m f32 pytorch",
      "smollm2-135m f32 onnx:webgpu",
      "smollm2-135m f32 onnx:cuda",
    ]);
    expect(rows.findIndex((each) => each.includes("tfjs"))).toBe(16);
    expect(rows.at(-1)).toBe("qwen2.5-0.5b f16 tfjs:cpu");
  });

  test("the reference is measured whatever was asked for", () => {
    expect(planRows(["m"], ["f16"], ["onnx:webgpu"]).map(name)).toEqual([
      "m f32 onnx:cpu",
      "m f16 onnx:webgpu",
    ]);
  });

  test("a row gets what the deadline leaves, or is not begun", () => {
    expect(rowLimit(400, 75)).toBe(75);
    expect(rowLimit(50, 75)).toBe(45);
    expect(rowLimit(14, 75)).toBe(null);
    expect(rowLimit(-3, 75)).toBe(null);
    expect(rowLimit(14, 5)).toBe(5);
  });

  test("the call ends within nine minutes unless told otherwise", () => {
    expect(readOptions([]).deadline).toBeLessThan(540);
    expect(readOptions([]).shape).toEqual(MODELS);
  });

  test.each([
    ["--shape", "../x"],
    ["--shape", "1,2,3"],
    ["--engines", "cuda"],
    ["--batch", "0"],
  ])("%s %s is refused", (flag, value) => {
    expect(() => readOptions([flag, value])).toThrow();
  });
});

describe("floors", () => {
  const work: StepWork = {
    ...{ tokens: 1000, sequence: 100, linears: 3e9, head: 1e9, layers: 10, attentionWidth: 1000 },
  };

  test.each([
    ["NVIDIA H200", 4.8e12],
    ["NVIDIA H100 80GB HBM3", 3.35e12],
    ["NVIDIA H100 PCIe", 2e12],
    ["NVIDIA A100-SXM4-80GB", 1.935e12],
    ["NVIDIA A100-PCIE-40GB", 1.555e12],
    ["NVIDIA L4", 0.3e12],
    ["NVIDIA GeForce RTX 4090", 1.008e12],
    ["NVIDIA L40S", undefined],
    ["NVIDIA GeForce RTX 4090 Laptop GPU", undefined],
    ["NVIDIA GH200 480GB", undefined],
  ])("%s moves %s bytes a second", (card, bandwidth) => {
    expect(peaksOf({ name: card })?.bandwidth).toBe(bandwidth);
  });

  test("are those of the arithmetic that a program does and of the bytes that it reads", () => {
    const card = { f32: 1e12, f16: 1e13, bandwidth: 1e12 };
    const operations = 1000 * (4 * 4e9 + 6 * 10 * 100 * 1000);

    expect(floors(work, "onnx:webgpu", "f32", card)).toEqual({
      arithmetic: operations / 1e12,
      bytes: 0.032,
    });
    expect(floors(work, "onnx:webgpu", "f16", card)).toEqual({
      arithmetic: operations / 1e12,
      bytes: 0.02,
    });
    expect(floors(work, "pytorch", "f16", card)).toEqual({
      arithmetic: operations / 1e13,
      bytes: 0.016,
    });
  });

  test("a card's say nothing of what a CPU computed", () => {
    expect(runsOnCard("onnx:cpu", { onCpu: false })).toBe(false);
    expect(runsOnCard("onnx:webgpu", { onCpu: true })).toBe(false);
    expect(runsOnCard("onnx:webgpu", { onCpu: false })).toBe(true);
  });

  test("a step on SmolLM2 multiplies by all of its 134 million parameters in matrices", () => {
    const definition = parseModelConfig(JSON.stringify(configOf("smollm2-135m")), "smollm2-135m");
    const sizes = { batch: 8, sequence: 256, rank: 8, targets: ["q", "v"] };
    const { linears, head, tokens, attentionWidth } = workOf(definition, sizes);

    expect(linears + head).toBe(134_479_872);
    expect([tokens, attentionWidth]).toEqual([2048, 576]);
  });
});

describe("the table", () => {
  const measured: Outcome = {
    state: "measured",
    figures: {
      ...{ loss: 10.5, gradientDifference: 1e-6, tokensPerSecond: 4096, peakBytes: 2 ** 30 },
      ...{ deviceBytes: 2 ** 31, onCpu: false, remark: null },
    },
  };
  const report: Report = {
    made: "2026-01-01T00:00:00Z",
    card: { name: "NVIDIA H200", driver: "1.2", memoryBytes: 2 ** 37 },
    host: { processor: "CPU", threads: 16, node: "v24" },
    settings: { batch: 8, sequence: 256, rank: 8, targets: ["q", "v"], steps: 20, seconds: 8 },
    withoutFloors: null,
    rows: [
      {
        ...{ model: "m", dtype: "f32", program: "onnx:webgpu", outcome: measured },
        floors: { arithmetic: 0.25, bytes: 0.001 },
      },
      {
        ...{ model: "m", dtype: "f32", program: "onnx:cuda", floors: null },
        outcome: { state: "failed", reason: "no provider" },
      },
      { model: "m", dtype: "f32", program: "tfjs:cpu", outcome: NOT_REACHED, floors: null },
    ],
  };
  const page = markdown(report);

  test("holds every row, with figures or with what kept it from having any", () => {
    expect(page).toContain(
      "| m | f32 | `onnx:webgpu` | 4096 | 500 | 250 | 1 | 1.0 GiB | 2.0 GiB | 10.50000 | 1.0e-6 |",
    );
    expect(page).toContain("| m | f32 | `onnx:cuda` | not measured |");
    expect(page).toContain("- m f32 `onnx:cuda`: no provider");
    expect(page).toContain("| m | f32 | `tfjs:cpu` | not reached |");
  });

  test("says by name why there are no floors", () => {
    const withoutFloors = "NVIDIA X is not in the table of cards";

    expect(markdown({ ...report, withoutFloors })).toContain(`No floors: ${withoutFloors}.`);
  });

  test("has the columns of the one in docs/GPU.md", () => {
    const document = readFileSync(join(ROOT, "docs/GPU.md"), "utf8");

    expect(document).toContain(`| ${HEADERS.join(" | ")} |\n`);
  });
});
