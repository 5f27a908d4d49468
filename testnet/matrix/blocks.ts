import type { Matrix, MatrixCell } from "./matrix.ts";

/** Cells with the same split, codec and number of attackers: a table of attacks by rules. */
export interface Block {
  readonly title: string;
  readonly rules: readonly string[];
  readonly rows: readonly {
    readonly attack: string;
    /** By rule, a cell for each seed. */
    readonly cells: readonly (readonly MatrixCell[])[];
  }[];
}

/** The blocks of a matrix, in the order of its cells. Cells without attackers are in each block of their split and codec. */
export function blocksOf({ axes, cells }: Matrix): readonly Block[] {
  return axes.splits.flatMap((split) =>
    axes.codecs.flatMap((codec) =>
      axes.attackers.map((attackers): Block => {
        const inBlock = cells.filter(
          (cell) =>
            cell.split === split &&
            cell.codec === codec &&
            (cell.attackers === attackers || cell.attack === "none"),
        );
        const cellsOf = (attack: string, rule: string) =>
          inBlock.filter((cell) => cell.attack === attack && cell.rule === rule);
        return {
          title: `${attackers} attackers${axes.lies ? " that lie in ballots" : ""}, ${split}, ${codec}`,
          rules: axes.rules,
          rows: axes.attacks.map((attack) => ({
            attack,
            cells: axes.rules.map((rule) => cellsOf(attack, rule)),
          })),
        };
      }),
    ),
  );
}

/** Mean of what the seeds retain; null where one has diverged, and for no seed. */
export function meanGain(cells: readonly MatrixCell[]): number | null {
  const gains = cells.flatMap(({ retainedGain }) => retainedGain ?? []);
  if (gains.length < cells.length || gains.length === 0) return null;
  return gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
}
