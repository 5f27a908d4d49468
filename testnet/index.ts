/**
 * The testnet: a network of real operating-system processes on this machine, each a node with its own folder, identity,
 * configuration and private data, watched through status endpoints alone.
 *
 * `runTestnet` goes from start to report; `upTestnet`, `statusTestnet` and `downTestnet` keep one in the background.
 *
 * @packageDocumentation
 */
export { ATTACK_NAMES, type AttackName } from "./attacks.ts";
export { downTestnet, statusTestnet, type TestnetState, upTestnet } from "./background.ts";
export { type TestnetInput, type TestnetOptions, testnetOptionsSchema } from "./options.ts";
export { reportText } from "./report-markdown.ts";
export type { TestnetReport } from "./report-shape.ts";
export { type RunHooks, runTestnet } from "./run.ts";
