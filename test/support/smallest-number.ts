/** The least of single precision, in memory: what is computed beforehand no processor rounds. */
const LEAST = Float32Array.of(2 ** -149);

/**
 * Whether this thread computes with the smallest numbers. ONNX Runtime sets the processor to take them for zero, in the
 * thread that opens a process's first session, and for good; a thread begins as the one that started it.
 */
export function keepsSmallestNumbers(): boolean {
  return (LEAST[0] ?? 0) > 0;
}
