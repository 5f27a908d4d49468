/** Thrown between steps when the caller gave up waiting. */
export class Stopped extends Error {}
