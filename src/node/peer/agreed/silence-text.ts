import type { AgreedState } from "../../../consensus/index.ts";
import type { Logger } from "../../process/logger.ts";

type Lack = NonNullable<NonNullable<AgreedState["silence"]>["lack"]>;

const NAMES: Readonly<Record<Lack["kind"], string>> = {
  ...{ announcement: "an announcement", list: "a list", ballot: "a ballot" },
  ...{ proposal: "a proposal", notarize: "a vote", nullify: "a vote", finalize: "a vote" },
};

/** What the disk of a node lacks, for a person. */
export function lackText({ kind, height }: Lack): string {
  return `its disk lacks ${NAMES[kind]} of round ${height + 1} that it has signed`;
}

/** Logs whom a node that starts waits for, that it says nothing because its disk was lost, and that it signs again. */
export function noteSilence(log: Logger, before: AgreedState, after: AgreedState): void {
  const round = after.head.height + 1;
  if (before.silence === null && after.silence !== null) {
    const needed = after.height.simplex.quorum.size - 1;
    log.info({ needed }, "asks the others how far the run is, and what this node said before");
  } else if (before.silence?.lack === null && after.silence === null) {
    log.info({ round }, "as many as make a quorum are in this round");
  }
  const [was, is] = [before.silence?.until ?? null, after.silence?.until ?? null];
  const lack = after.silence?.lack ?? null;
  if (was === null && is !== null && lack !== null) {
    log.warn({ round: is }, `says nothing until this round is final: ${lackText(lack)}`);
  }
  if (was !== null && is === null) log.info({ round: was + 1 }, "signs again");
}
