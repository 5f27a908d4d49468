import { describe, expect, it } from "vitest";
import { loadFiles, tinyTokenizer } from "../data-files.ts";
import { learned, TOKENIZER, TURNS } from "./chat-models.ts";

const tools = [{ type: "function", function: { name: "weather" } }];
const written = (name: string) =>
  `${name}{% if tools %}:{{ tools[0].function.name }}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}`;
const named = (...names: string[]) => names.map((name) => ({ name, template: written(name) }));

async function withTemplates(settings: unknown, files: Readonly<Record<string, string>> = {}) {
  const content = JSON.stringify({ chat_template: settings });
  const model = { tokenizer: TOKENIZER, config: { vocab_size: 256, eos_token_id: 4 } };
  return await tinyTokenizer(model, { "tokenizer_config.json": content, ...files });
}
const first = (text: string) => text.split("<")[0];

describe("of several chat templates", () => {
  const settings = named("rag", "tool_use", "default");
  const asObject = Object.fromEntries(settings.map(({ name, template }) => [name, template]));

  it.each([
    ["a list", settings, {}],
    ["an object", asObject, {}],
    [
      "files",
      null,
      {
        "chat_template.jinja": written("default"),
        "additional_chat_templates/tool_use.jinja": written("tool_use"),
        "additional_chat_templates/rag.jinja": written("rag"),
      },
    ],
    [
      "files, before a list",
      named("other", "default"),
      {
        "additional_chat_templates/default.jinja": written("default"),
        "additional_chat_templates/tool_use.jinja": written("tool_use"),
      },
    ],
  ])("in %s, tool_use is taken for a row with tools, else default", async (_, list, files) => {
    const tokenizer = await withTemplates(list, files);
    expect(first(learned(tokenizer, TURNS, 512, tools).text)).toBe("tool_use:weather");
    expect(first(learned(tokenizer, TURNS, 512, []).text)).toBe("tool_use");
    expect(first(learned(tokenizer, TURNS).text)).toBe("default");
  });

  it("the default is taken for rows with tools where no other is named", async () => {
    const { text, hidden } = learned(await withTemplates(named("default")), TURNS, 512, tools);
    expect([first(text), hidden]).toEqual(["default:weather", []]);
  });

  it("one for tools alone refuses a row without any, and names it", async () => {
    const tokenizer = await withTemplates(named("tool_use"));
    expect(first(learned(tokenizer, TURNS, 512, tools).text)).toBe("tool_use:weather");
    const rows = [{ messages: TURNS, tools }, { messages: TURNS }];
    const file = { "a.jsonl": rows.map((row) => JSON.stringify(row)).join("\n") };
    const { summary } = await loadFiles(file, tokenizer, { max: 512 });
    expect(summary.examples).toBe(1);
    expect(summary.notes).toEqual([
      '1 row left out, the first of them a.jsonl:2: the model has no chat template for conversations without tools, only one named "tool_use"',
    ]);
  });

  it("none of which is meant for conversations, they are refused by name", async () => {
    await expect(withTemplates(named("rag", "judge"))).rejects.toMatchObject({
      code: "incompatible",
      message: expect.stringMatching(/are named rag, judge: none is "default" or "tool_use"$/),
    });
  });

  it("each counts for what is the same model", async () => {
    const digest = async (...names: string[]) =>
      (await withTemplates(named(...names))).chat?.digest;
    expect(await digest("default", "tool_use")).not.toBe(await digest("default"));
    expect(await digest("default", "rag")).toBe(await digest("default"));
  });
});

describe("special tokens of a template", () => {
  const template =
    "{{ bos_token }}|{{ eos_token }}|{{ image_token }}|{{ eot_token }}|{{ pad_token is defined }}|{{ add_bos_token is defined }}";
  const text = async (settings: object, files: Readonly<Record<string, string>> = {}) => {
    const content = JSON.stringify({ chat_template: template, ...settings });
    const tokenizer = await tinyTokenizer({}, { "tokenizer_config.json": content, ...files });
    return tokenizer.chat?.render([], false);
  };
  const object = (content: string) => ({ content, special: true });

  it("are those with names in the settings, and extra ones with names", async () => {
    const settings = { bos_token: "<s>", eos_token: object("</s>"), add_bos_token: true };
    const extra = { image_token: "<image>", eot_token: object("<eot>") };
    expect(await text({ ...settings, ...extra })).toBe("<s>|</s>|<image>|<eot>|False|False");
    expect(await text({ ...settings, extra_special_tokens: extra })).toBe(
      "<s>|</s>|<image>|<eot>|False|False",
    );
    expect(await text({ ...settings, extra_special_tokens: ["<image>"] })).toBe(
      "<s>|</s>|||False|False",
    );
  });

  it("are those of special_tokens_map.json in folders of old", async () => {
    const files = {
      "special_tokens_map.json": JSON.stringify({ bos_token: object("<b>"), eos_token: "<e>" }),
    };
    expect(await text({}, files)).toBe("<b>|<e>|||False|False");
    expect(await text({ added_tokens_decoder: {}, bos_token: "<s>" }, files)).toBe(
      "<s>||||False|False",
    );
  });
});

describe("tools that a template does not show", () => {
  it("are named, and tools that are none refused", async () => {
    const tokenizer = await withTemplates(
      written("default").replace(/\{% if tools.*?endif %\}/, ""),
    );
    expect(learned(tokenizer, TURNS, 512, tools).hidden).toEqual(["tools"]);
    for (const wrong of ["weather", { weather: 1 }, ["weather"]]) {
      expect(() => learned(tokenizer, TURNS, 512, wrong)).toThrow("are not a list of objects");
    }
  });
});
