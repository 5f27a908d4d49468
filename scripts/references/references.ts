import { apiReference } from "./api-reference.ts";
import { configReference } from "./config-reference.ts";
import { errorReference } from "./error-reference.ts";
import { manReference } from "./man-reference.ts";
import { metricReference } from "./metric-reference.ts";

/** Documents that are made from the code, by their names in docs/. */
export const REFERENCES = async (): Promise<Readonly<Record<string, string>>> => ({
  "API.md": apiReference(),
  "CONFIG.md": configReference(),
  "ERRORS.md": errorReference(),
  "METRICS.md": await metricReference(),
  "klatch.1": await manReference(),
});
