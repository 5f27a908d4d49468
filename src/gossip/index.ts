/**
 * The wire; the only home of libp2p. Bytes in, bytes out.
 *
 * @packageDocumentation
 */
export type * from "./contract.ts";
