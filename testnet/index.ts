/**
 * The testnet: a network of real operating-system processes on this machine, each a node with its own folder, identity,
 * configuration and private data, watched through status endpoints alone.
 *
 * `runTestnet` goes from start to report; `upTestnet`, `statusTestnet` and `downTestnet` keep one in the background.
 *
 * @packageDocumentation
 */
export { ATTACK_NAMES, type AttackName } from "./attacks/catalogue.ts";
export { type TestnetInput, type TestnetOptions, testnetOptionsSchema } from "./options.ts";
export {
  chaosTestnet,
  downTestnet,
  logsOfTestnet,
  pageOfTestnet,
  statusTestnet,
  type TestnetState,
  upTestnet,
} from "./processes/background.ts";
export { reportText } from "./report/report-markdown.ts";
export type { TestnetReport } from "./report/report-shape.ts";
export { type RunHooks, runTestnet } from "./run.ts";
export { readScenario } from "./scenario/scenario-file.ts";
