/**
 * The protocol: what happens in a round. Pure: no IO, no clock, no randomness of its own.
 *
 * @packageDocumentation
 */
export type * from "./contract.ts";
