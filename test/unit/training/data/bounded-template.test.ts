import { Template } from "@huggingface/jinja";
import { describe, expect, it } from "vitest";
import { renderBounded } from "../../../../src/training/data/tokenizer/bounded-template.ts";

const messages = Array.from({ length: 1000 }, (_, i) => ({
  role: i % 2 === 0 ? "user" : "assistant",
  content: "word ".repeat(40),
}));
const render = (text: string, workMax?: number) =>
  renderBounded(new Template(text), { messages }, workMax);

describe("a template is rendered as the library does", () => {
  it.each([
    "{% for m in messages %}{{ m.role }}: {{ m['content'].strip() }}\n{% endfor %}",
    "{% for i in range(3) %}{{ i }}{% endfor %}{{ range(2, 9, 3) }}{{ range(5, 1, -2) }}{{ range(0) }}",
    "{% set ns = namespace(n=0) %}{% for m in messages if m.role == 'user' %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
    "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('ab') }}{{ True }}{{ none is none }}",
    "{{ messages | length }}{{ messages[::-1][0].role }}",
    "{% for m in messages[:50] %}{% for o in messages %}{% endfor %}{{ m.role }}{% endfor %}",
  ])("%s", (text) => {
    expect(render(text)).toBe(new Template(text).render({ messages }));
  });

  it("but for the day, which is the same whenever and wherever a text is read", () => {
    const text = "{{ strftime_now('%d %B %Y, %A, 100%%') }}";
    expect(render(text)).toBe("01 January 2025, Wednesday, 100%");
    expect(new Template(text).render({})).not.toBe(render(text));
  });

  it("with what it raises", () => {
    expect(() => render("{{ raise_exception('roles must alternate') }}")).toThrow(
      "roles must alternate",
    );
  });
});

describe("a template that never ends is stopped", () => {
  const loop = (of: string, body: string) => `{% for a in ${of} %}${body}{% endfor %}`;
  const range = "range(10000)";
  it.each([
    ["nested loops", loop(range, loop(range, loop(range, "{{ a }}")))],
    ["nested loops over nothing to do", loop(range, loop(range, loop(range, "")))],
    ["loops whose test is never true", loop(range, loop(`${range} if false`, ""))],
    ["a range of everything", loop("range(10 ** 12)", "")],
    ["a range by itself", "{{ range(99999999999) | length }}"],
    [
      "lists that double",
      `{% set n = namespace(x=[1]) %}${loop("range(60)", "{% set n.x = n.x + n.x %}")}`,
    ],
    [
      "texts that double",
      `{% set n = namespace(x='x') %}${loop("range(60)", "{% set n.x = n.x ~ n.x %}")}`,
    ],
  ])("%s", (_, text) => {
    expect(() => render(text, 200_000)).toThrow("the chat template makes too much");
  });
});
