import { expect, test } from "vitest";
import { downloadView } from "../../../../src/node/view/download-view.ts";

function recorded() {
  const notes: string[] = [];
  const drawn: string[] = [];
  let time = 0;
  const show = downloadView(
    { note: (text) => void notes.push(text), overwrite: (text) => void drawn.push(text) },
    () => time,
  );
  const progress = (received: number, at: number) => {
    time = at;
    show({ kind: "progress", file: "model.safetensors", received, total: 4096 });
  };
  return { notes, drawn, show, progress };
}

test("a download has a bar that moves ten times a second at most, and shows the end", () => {
  const { drawn, progress } = recorded();

  progress(1024, 0);
  progress(1025, 50);
  progress(2048, 120);
  progress(4096, 130);

  expect(drawn).toEqual([
    "[######..................] 25 %  1.0 KiB of 4.0 KiB  model.safetensors",
    "[############............] 50 %  2.0 KiB of 4.0 KiB  model.safetensors",
    "[########################] 100 %  4.0 KiB of 4.0 KiB  model.safetensors",
  ]);
});

test("where there is no terminal, a line says that it begins and one that it ended", () => {
  const { notes, drawn, show, progress } = recorded();

  show({ kind: "started", model: "lab/tiny", commit: "c0ffee", folder: "/cache/c0ffee" });
  progress(4096, 0);
  show({ kind: "finished", model: "lab/tiny", bytes: 4096 });

  expect(notes).toEqual([
    "downloading lab/tiny, commit c0ffee, to /cache/c0ffee",
    "lab/tiny is complete: 4.0 KiB, every file checked",
  ]);
  expect(drawn.at(-1)).toBe("");
});
