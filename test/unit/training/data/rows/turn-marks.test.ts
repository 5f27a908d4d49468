import { describe, expect, it } from "vitest";
import { characters, END, only, say } from "./read-rows.ts";

describe("turns that are marked", () => {
  const turns = (mark: object, other: object = {}) => [
    say("user", "When?"),
    say("assistant", "Go away.", mark),
    say("user", "Please."),
    say("assistant", "At seven.", other),
  ];
  const CONTEXT = "1 turns are marked as not to be learned: they are context alone";

  it.each([
    ["weight", { weight: 0 }, { weight: 1 }],
    ["train", { train: false }, { train: true }],
    ["training", { training: false }, {}],
    ["loss", { loss: false }, {}],
    ["masked", { masked: true }, { masked: false }],
  ])("by %s are context alone", async (_, mark, other) => {
    for (const chat of [await characters(), await characters(null)]) {
      const { learned, text, notes } = await only({ messages: turns(mark, other) }, chat);
      expect(learned).toEqual([`At seven.${END}`]);
      expect(text).toContain("Go away.");
      expect(notes).toContain(CONTEXT);
      const last = await only({ messages: turns(other, mark) }, chat);
      expect(last.learned).toEqual([`Go away.${END}`]);
    }
  });

  it("are context alone under a template that marks answers itself", async () => {
    const marking = `{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}

{% endfor %}`;
    const { learned, text } = await only(
      { messages: turns({ weight: 0 }) },
      await characters(marking),
    );
    expect(text).toContain("Go away.");
    expect(learned).toEqual([`At seven.${END}`]);
    // Control: without the mark both are learned.
    const both = await only({ messages: turns({}) }, await characters(marking));
    expect(both.learned).toEqual([`Go away.${END}`, `At seven.${END}`]);
  });

  it("are refused where a template does not tell whose words it marks", async () => {
    const joined =
      "{% generation %}{{ messages | map(attribute='content') | join('|') }}{% endgeneration %}";
    const chat = await characters(joined);
    await expect(only({ messages: turns({ weight: 0 }) }, chat)).rejects.toThrow(
      /does not show which turns are those marked as not to be learned/,
    );
  });

  it("in part are context alone, and counted", async () => {
    const train_detail = [
      { begin_offset: 0, end_offset: 2, train: false },
      { begin_offset: 3, end_offset: 7, train: true },
    ];
    const { learned, notes } = await only({ messages: turns({ train_detail }) });
    expect(learned).toEqual([`At seven.${END}`]);
    expect(notes).toEqual(["1 turns are marked in part (train_detail): they are context alone"]);
  });

  it("as to be learned are learned, as a control", async () => {
    const marks = [{ weight: 1 }, { train: true }, { train: null }, { weight: null }, {}];
    for (const mark of marks) {
      const { learned, notes } = await only({ messages: turns(mark) });
      expect(learned).toEqual([`Go away.${END}`, `At seven.${END}`]);
      expect(notes).toEqual([]);
    }
  });

  it("in ways that cannot be followed are counted", async () => {
    const odd = await only({ messages: turns({ weight: 0.5 }) });
    expect(odd.notes).toEqual(["1 turns have a weight other than 0 and 1, which counts as 1"]);
    const user = [say("user", "When?", { train: true }), say("assistant", "Now.")];
    expect((await only({ messages: user })).notes).toEqual([
      "1 turns of others than the assistant are marked to be learned: they are context alone",
    ]);
  });
});
