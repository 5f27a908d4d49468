import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  EndlessTemplate,
  TemplateException,
  TemplateRefusal,
  TemplateSyntaxError,
} from "../../../../../src/training/data/jinja/refusal.ts";
import { Template } from "../../../../../src/training/data/jinja/template.ts";
import { toValue } from "../../../../../src/training/data/jinja/values/from-json.ts";
import type { Value } from "../../../../../src/training/data/jinja/values/values.ts";
import { parseRowJson } from "../../../../../src/training/data/rows/row-json.ts";

/** What Python gives: see make.py beside the file. */
const recorded: {
  readonly variables: string;
  readonly cases: readonly (readonly [template: string, text: string | null])[];
} = JSON.parse(
  readFileSync(new URL("../../../../fixtures/jinja/expressions.json", import.meta.url), "utf8"),
);
const given = parseRowJson(recorded.variables, (what) => new Error(what));
const variables: Readonly<Record<string, Value>> = Object.fromEntries(
  Object.entries(given as object).map(([name, value]) => [name, toValue(value)]),
);

/** Null where the template is refused. */
function textOf(template: string): string | null {
  try {
    return new Template(template).render(variables).text;
  } catch (error) {
    const kinds = [TemplateRefusal, TemplateSyntaxError, TemplateException, EndlessTemplate];
    if (kinds.some((kind) => error instanceof kind)) return null;
    throw error;
  }
}

/** What Python gives and Klatch refuses. */
const REFUSED = [
  "{{ 4 ** 0.5 }}",
  "{{ none[1:] }}",
  '{{ "ŉa".title() }}',
  '{{ "²".isdigit() }}',
  '{{ "ß".casefold() }}',
  '{{ "{:>5}".format("a") }}',
  '{{ "{a.b}".format(a=dd) }}',
  '{{ "%e" % 1.0 }}',
  '{{ "٣"|int }}',
  "{{ [0.1, 0.2, 0.3]|sum }}",
  "{{ ([0.1] * 10)|sum }}",
  '{{ (html|safe) + "<" }}',
  "{{ html|safe|length }}",
  "{{ html|escape }}",
  "{{ html|e }}",
  "{{ 1 is sameas 1 }}",
  "{{ range(3) == range(3) }}",
  '{{ "%#.f" % 2.0 }}',
  '{{ "１"|float }}',
  '{{ "%s" % missing }}',
  "{{ big * none_list }}",
  "{{ (s|safe)[-1] }}",
  "{{ (html|safe) == html }}",
  "{{ html|safe|upper }}",
  "{{ html|safe is sequence }}",
  "{{ (large|string|safe)|float }}",
  '{{ (empty|safe) or "x" }}',
  "{{ 1 if html|safe else 2 }}",
  "{% print n, s %}",
  "{% print n %}",
  "{% block a %}x{% endblock %}",
];

describe("templates have the results of Python's Jinja", () => {
  it("in more than a thousand recorded cases, or are refused: never others", () => {
    expect(recorded.cases.length).toBeGreaterThan(1100);
    const different = recorded.cases.flatMap(([template, python]) => {
      const text = textOf(template);
      return text === null || text === python ? [] : [{ template, python, text }];
    });
    expect(different).toEqual([]);
  });

  it("in all that Python renders, but for these", () => {
    const refused = recorded.cases.filter(
      ([template, python]) => python !== null && textOf(template) === null,
    );
    expect(refused.map(([template]) => template)).toEqual(REFUSED);
  });

  it("and would be found to differ (control)", () => {
    expect(textOf("{{ [true, none, 1.0] }}")).not.toBe("[true, null, 1]");
    expect(textOf("{{ [true, none, 1.0] }}")).toBe("[True, None, 1.0]");
  });
});

describe("what a template marks as said by the assistant", () => {
  const marked = (template: string) => {
    const { text, generations } = new Template(template).render(variables);
    return generations.map(({ start, end }) => text.slice(start, end));
  };
  it("is known by its place", () => {
    const template =
      "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<end>\n{% endgeneration %}{% endif %}{% endfor %}";
    expect(marked(template)).toEqual(["Hello!<end>\n"]);
    expect(marked("{{ s }}")).toEqual([]);
    expect(new Template(template).marksAnswers).toBe(true);
    expect(new Template("{{ s }}{# {% generation %} #}").marksAnswers).toBe(false);
  });

  it("keeps what is set in it to itself, as a block of Jinja does", () => {
    const template = "{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}[{{ x }}]";
    expect(new Template(template).render({}).text).toBe("1[]");
  });
});

describe("what is written for the items of a loop", () => {
  it("is known where it is written into the text, and not into a variable", () => {
    const passages = (template: string) => {
      const { text, passages } = new Template(template).render(variables);
      return passages.map(({ start, end }) => text.slice(start, end));
    };
    expect(passages("{% for x in xs %}<{{ x }}>{% endfor %}")).toEqual(["<3>", "<1>", "<2>"]);
    expect(passages("{% set y %}{% for x in xs %}{{ x }}{% endfor %}{% endset %}{{ y }}")).toEqual(
      [],
    );
  });
});
