/** What Node's diagnostic report says of this process. */
export interface ProcessFacts {
  /** What native libraries see; a thread's `process.env` may be a copy of it that they do not. */
  readonly environmentVariables?: Readonly<Record<string, string>>;
  readonly sharedObjects?: readonly string[];
}

/** The report of this moment, made without asking for the names of connected hosts. */
export function processFacts(): ProcessFacts {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeEnv, excludeNetwork = false } = report;
  Object.assign(report, { excludeEnv: false, excludeNetwork: true });
  try {
    return report.getReport() as ProcessFacts;
  } finally {
    Object.assign(report, { excludeEnv, excludeNetwork });
  }
}
