import { TemplateSyntaxError } from "../refusal.ts";
import { ExpressionParser } from "./expression-parser.ts";
import type { Block, Expression, If, Macro, Statement, Target } from "./nodes.ts";
import { TokenStream } from "./token-stream.ts";
import { tokenize } from "./tokens.ts";

/**
 * Parses a template as Python's Jinja does with the extensions of Hugging Face transformers: `break` and `continue` in
 * loops, and `generation` around what the assistant says.
 *
 * @throws TemplateSyntaxError for what is no Jinja, and for tags that ask for other templates
 */
export function parseTemplate(template: string): Block {
  const stream = new TokenStream(tokenize(template));
  const body = new Parser(stream).block([]);
  stream.expect("eof");
  return body;
}

// --- internal ---

class Parser extends ExpressionParser {
  readonly #statements: Readonly<Record<string, () => Statement>> = {
    set: () => this.#set(),
    if: () => this.#if(),
    for: () => this.#for(),
    macro: () => this.#macro(),
    call: () => this.#call(),
    filter: () => this.#filter(),
    with: () => this.#with(),
    generation: () => this.#generation(),
    break: () => ({ type: "break" }),
    continue: () => ({ type: "continue" }),
  };

  /** Statements up to one of the tags, whose beginning is read. */
  block(ends: readonly string[]): Block {
    const body: Statement[] = [];
    for (;;) {
      if (this.stream.is("eof")) {
        if (ends.length > 0) throw this.stream.unexpected(ends.join(" or "));
        return body;
      }
      if (this.stream.is("data")) body.push({ type: "data", text: this.stream.next().value });
      else if (this.stream.skip("variable_begin")) {
        body.push({ type: "output", value: this.tuple() });
        this.stream.expect("variable_end");
      } else {
        this.stream.expect("block_begin");
        if (this.stream.isName(...ends)) return body;
        body.push(this.#statement());
        this.stream.expect("block_end");
      }
    }
  }

  #statement(): Statement {
    const { value: tag, line } = this.stream.expect("name");
    const parse = Object.hasOwn(this.#statements, tag) ? this.#statements[tag] : undefined;
    if (parse) return parse();
    throw new TemplateSyntaxError(`line ${line}: a tag "${tag}" that is not for chat templates`);
  }

  #bodyUntil(end: string): Block {
    const body = this.#bodyTo([end]);
    this.stream.expect("name", end);
    return body;
  }

  #bodyTo(ends: readonly string[]): Block {
    this.stream.skip(":");
    this.stream.expect("block_end");
    return this.block(ends);
  }

  #set(): Statement {
    const target = this.target([], true);
    if (this.stream.skip("=")) return { type: "set", target, value: this.tuple() };
    const filter = this.filters(null);
    return { type: "set block", target, filter, body: this.#bodyUntil("endset") };
  }

  #if(): If {
    const branches: { test: Expression; body: Block }[] = [];
    for (;;) {
      const test = this.tuple(false);
      branches.push({ test, body: this.#bodyTo(["elif", "else", "endif"]) });
      const { value: tag } = this.stream.next();
      if (tag === "endif") return { type: "if", branches, otherwise: [] };
      if (tag === "else") return { type: "if", branches, otherwise: this.#bodyUntil("endif") };
    }
  }

  #for(): Statement {
    const target = this.target(["in"]);
    this.stream.expect("name", "in");
    const iterable = this.tuple(false, ["recursive"]);
    const test = this.stream.skip("name", "if") ? this.expression() : null;
    const isRecursive = this.stream.skip("name", "recursive");
    const body = this.#bodyTo(["endfor", "else"]);
    const hasElse = this.stream.next().value === "else";
    const otherwise = hasElse ? this.#bodyUntil("endfor") : [];
    return { type: "for", target, iterable, test, isRecursive, body, otherwise };
  }

  #macro(): Macro {
    const name = this.stream.expect("name").value;
    const signature = this.signature();
    return { type: "macro", name, signature, body: this.#bodyUntil("endmacro") };
  }

  #call(): Statement {
    const signature = this.stream.is("(") ? this.signature() : { names: [], defaults: [] };
    const call = this.expression();
    if (call.type !== "call") throw this.stream.unexpected("the call of a macro");
    const body = this.#bodyUntil("endcall");
    return { type: "call block", call, body: { type: "macro", name: null, signature, body } };
  }

  /** To Jinja the call of a macro with this block. */
  #generation(): Statement {
    const signature = { names: [], defaults: [] };
    const body = this.#bodyUntil("endgeneration");
    return { type: "generation", body: { type: "macro", name: null, signature, body } };
  }

  #filter(): Statement {
    const first = this.filter(null);
    const filter = this.filters(first) ?? first;
    return { type: "filter block", filter, body: this.#bodyUntil("endfilter") };
  }

  #with(): Statement {
    const values: [Target, Expression][] = [];
    while (!this.stream.is("block_end")) {
      if (values.length > 0) this.stream.expect(",");
      const target = this.target();
      this.stream.expect("=");
      values.push([target, this.expression()]);
    }
    return { type: "with", values, body: this.#bodyUntil("endwith") };
  }
}
