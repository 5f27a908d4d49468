import { describe, expect, it } from "vitest";
import {
  EndlessTemplate,
  TemplateException,
} from "../../../../../src/training/data/jinja/refusal.ts";
import { Template } from "../../../../../src/training/data/jinja/template.ts";
import { toValue } from "../../../../../src/training/data/jinja/values/from-json.ts";

const messages = toValue(
  Array.from({ length: 1000 }, (_, i) => ({
    role: i % 2 === 0 ? "user" : "assistant",
    content: "word ".repeat(40),
  })),
);
const render = (text: string, workMax?: number) =>
  new Template(text).render({ messages }, workMax).text;

describe("a template of a thousand turns", () => {
  it("has room to work", () => {
    const turns = render(
      "{% for m in messages %}{{ m.role }}: {{ m['content'].strip() }}\n{% endfor %}",
    );
    expect(turns.split("\n")).toHaveLength(1001);
    expect(
      render(
        "{% for m in messages[:50] %}{% for o in messages %}{% endfor %}{{ loop.index }};{% endfor %}",
      ),
    ).toMatch(/;50;$/);
  });

  it("reads the same day whenever and wherever a text is read", () => {
    const text = "{{ strftime_now('%d %B %Y, %A, 100%%, %H:%M, %-d.%-m.') }}";
    expect(render(text)).toBe("01 January 2025, Wednesday, 100%, 00:00, 1.1.");
    expect(() => render("{{ strftime_now('%G') }}")).toThrow("a form that is not known here");
  });

  it("raises what it raises", () => {
    const text = "{{ raise_exception('roles must alternate') }}";
    expect(() => render(text)).toThrow(TemplateException);
    expect(() => render(text)).toThrow("roles must alternate");
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
    [
      "texts that are put together as they double",
      `{% set n = namespace(x='xx') %}${loop("range(60)", "{% set n.x = n.x.replace('x', n.x) %}")}`,
    ],
    ["a text of everything", "{{ 'x' * 10 ** 12 }}"],
    ["a list of everything", "{{ [0] * 10 ** 12 }}"],
    ["a wide text", "{{ 'x'.center(10 ** 12) }}{{ 'x' | indent(10 ** 12) }}"],
    ["a wide number", "{{ '%0999999999d' % 1 }}"],
    ["a macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}"],
  ])("%s", (_, text) => {
    expect(() => render(text, 200_000)).toThrow(EndlessTemplate);
  });

  it.each([
    ["an int that grows", loop("range(60)", "{{ 10 ** 9999999 }}")],
    [
      "an int that squares",
      `{% set n = namespace(x=9) %}${loop("range(60)", "{% set n.x = n.x * n.x %}")}`,
    ],
  ])("%s is refused", (_, text) => {
    expect(() => render(text)).toThrow("an int is too large");
  });
});
