import { join } from "node:path";
import { expect, test } from "vitest";
import { requireSpace } from "../../../../src/training/files/free-space.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

test("a disk without room is told with both sizes; one with room is not", async () => {
  const folder = join(temporaryFolder(), "to", "be", "made");

  await expect(requireSpace(folder, 1)).resolves.toBeUndefined();
  await expect(requireSpace(folder, 2 ** 60)).rejects.toMatchObject({
    code: "disk",
    message: expect.stringMatching(/has \d+ [KM]iB left, and the result takes 1099511627776 MiB$/),
  });
});
