interface Environment {
  INIT_CWD?: string | undefined;
  readonly [name: string]: string | undefined;
}

/**
 * Goes to the folder that the user called npm in: for `npm run klatch` npm goes to the checkout, where a relative path
 * would name another file. Processes that this one starts begin where it puts them.
 */
export function enterCallersFolder(
  environment: Environment = process.env,
  enter: (folder: string) => void = process.chdir,
): void {
  const { npm_package_name: name, npm_lifecycle_event: script, INIT_CWD: folder } = environment;
  if (name !== "klatch" || script !== "klatch" || !folder) return;
  delete environment.INIT_CWD;
  enter(folder);
}
