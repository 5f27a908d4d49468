import { packageVersion } from "./folders/package-folder.ts";

/** Version of this software, as its package says. */
export const VERSION: string = packageVersion();
