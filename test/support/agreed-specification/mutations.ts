import type { Mutation } from "../agreed-mutant.ts";
import type { Edit } from "./quint.ts";

/** Rules that are broken in the specification: its invariants see it, or the real step, which keeps them. */
export const SPECIFICATION_MUTATIONS: Readonly<Record<string, readonly Edit[]>> = {
  "a quorum of q - 1": [["(MEMBERS + FAULTY) / 2 + 1", "(MEMBERS + FAULTY) / 2"]],
  "two votes to notarize in a view": [
    [
      'if (hasSaid(m, "notarize", m.view)) Set()\n    else m.heard.filter(s =>',
      'm.heard.filter(s => not(m.own.contains(vote("notarize", m.view, s.statement.block))) and',
    ],
    ["else if (not(isUnheard(m, s))) knowing", "else if (m.heard.contains(s)) knowing"],
  ],
  "nullify, then finalize": [['val free = not(hasSaid(m, "nullify", c.view)) and ', "val free = "]],
  "a skipped view without nullification": [
    ["if (p.confirms == FRESH) areNullified(m, 0, m.view)", "if (p.confirms == FRESH) true"],
  ],
  "another block on a notarisation": [
    ['c == vote("notarize", p.confirms, p.block)', 'c.kind == "notarize" and c.view == p.confirms'],
  ],
  "a confirmation above a view without nullification": [
    ["areNullified(m, p.confirms + 1, m.view)", "true"],
  ],
  "votes that are not on disk": [["m.disk.foldl(blank,", "List().foldl(blank,"]],
  "certificates that are not on disk": [["m.held.foldl(speaking,", "List().foldl(speaking,"]],
  "certificates before what was said": [
    [
      "val speaking = m.disk.foldl(blank, (n, s) => act(hear(n, s)))",
      "val speaking = m.held.foldl(blank, (n, c) => act(hearCertificate(n, c)))",
    ],
    [
      "m.held.foldl(speaking, (n, c) => act(hearCertificate(n, c)))",
      "m.disk.foldl(speaking, (n, s) => act(hear(n, s)))",
    ],
  ],
  "no nullify after notarize": [
    [
      'if (hasSaid(m, "nullify", m.view) or hasSaid',
      'if (hasSaid(m, "nullify", m.view) or hasSaid(m, "notarize", m.view) or hasSaid',
    ],
  ],
  "votes for two blocks that count together": [
    [
      "each.statement == s).size()\n",
      "each.statement.kind == s.kind and each.statement.view == s.view).size()\n",
    ],
  ],
  "a member that counts once for each block": [
    [
      "each.by == s.by and each.statement.kind == s.statement.kind and each.statement.view == s.statement.view",
      "each == s",
    ],
  ],
  "a vote for a block with a fault": [["if (proposed.block != WITH_FAULT)", "if (true)"]],
  "finalize in the view under way alone": [
    [
      'if (c.kind == "notarize" and free)',
      'if (c.kind == "notarize" and free and c.view == m.view)',
    ],
  ],
};

/** A mutation of the program, which a history of the specification finds. */
export type StepMutation = Required<Pick<Mutation, "file" | "from" | "to">>;

const HEAR_SAID = "for (const signed of said) hearStatement(turn, signed);";
const HEAR_CERTIFICATES =
  "for (const certificate of certificates) hearCertificate(turn, certificate);";
const AGREED = "src/consensus/round/agreed";

/** Rules that are broken in the program: the histories of the specification find them. */
export const STEP_MUTATIONS: Readonly<Record<string, StepMutation>> = {
  "a quorum of q - 1": {
    ...{ file: `${AGREED}/quorum.ts` },
    ...{ from: "(members + faulty) / 2) + 1", to: "(members + faulty) / 2)" },
  },
  "two votes to notarize in a view": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "own.notarized !== null || proposal", to: "proposal" },
  },
  "nullify, then finalize": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "(own.nullified || own.finalized", to: "(own.finalized" },
  },
  "a skipped view without nullification": {
    ...{ file: `${AGREED}/simplex-state.ts` },
    ...{ from: "nullification === null", to: "nullification === undefined" },
  },
  "another block on a notarisation": {
    ...{ file: `${AGREED}/simplex-state.ts` },
    ...{ from: "notarisation?.block === block &&", to: "notarisation !== null &&" },
  },
  "no nullify after notarize": {
    ...{ file: `${AGREED}/simplex.ts` },
    from: "simplex.final !== null || own.nullified ||",
    to: "simplex.final !== null || own.nullified || own.notarized !== null ||",
  },
  "a second proposal that counts": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "if (earlier === null) {", to: "if (earlier?.block !== block) {" },
  },
  "a second vote that counts": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "if (before[kind].has(place)) return;", to: "" },
  },
  "certificates before what was said": {
    ...{ file: `${AGREED}/step.ts` },
    from: [HEAR_SAID, HEAR_CERTIFICATES].join("\n  "),
    to: [HEAR_CERTIFICATES, HEAR_SAID].join("\n  "),
  },
  "votes for two blocks that count together": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "return each.block === block ? [", to: "return true ? [" },
  },
  "a certificate that is acted on and not kept": {
    ...{ file: `${AGREED}/simplex.ts` },
    from: 'turn.asked.push({ type: "keep", certificate });\n  turn.simplex = withView',
    to: "turn.simplex = withView",
  },
  "a block that is voted for and not kept": {
    ...{ file: `${AGREED}/voting.ts` },
    ...{ from: "keepProposal(turn);\n  vote", to: "vote" },
  },
  "a view that is entered once more": {
    ...{ file: `${AGREED}/simplex.ts` },
    ...{ from: "if (view >= turn.simplex.view) enterView", to: "enterView" },
  },
  "a confirmation that does not wait": {
    ...{ file: `${AGREED}/proposing.ts` },
    from: "if (!waitsUntil(turn, viewAt + viewLength(turn.state) / 2)) confirm",
    to: "confirm",
  },
};
