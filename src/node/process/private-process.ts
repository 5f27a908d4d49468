/**
 * Makes what this process writes its user's alone, whatever the shell's umask. Keeps Node from opening its inspector,
 * which shows all memory, when somebody sends SIGUSR1. For programs; a host that embeds Klatch decides for itself.
 */
export function keepProcessPrivate(): void {
  process.umask(0o077);
  if (process.platform !== "win32") process.on("SIGUSR1", () => undefined);
}
