import type { HubEvent } from "../../training/index.ts";
import { bar } from "./progress-bar.ts";
import { bytes } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Least time between two pictures, ms. */
const REDRAW_MS = 100;

/** Shows a download: a bar on a terminal, else a line at its beginning and one at its end. */
export function downloadView(
  terminal: Pick<Terminal, "note" | "overwrite">,
  now: () => number = performance.now.bind(performance),
): (event: HubEvent) => void {
  let drawnAt = Number.NEGATIVE_INFINITY;
  return (event) => {
    switch (event.kind) {
      case "progress":
        if (event.received < event.total && now() - drawnAt < REDRAW_MS) return;
        drawnAt = now();
        terminal.overwrite(picture(event));
        break;
      case "waiting":
        terminal.note(`another process downloads ${event.model}; waiting for it`);
        break;
      case "started":
        terminal.note(`downloading ${event.model}, commit ${event.commit}, to ${event.folder}`);
        break;
      case "retry":
        terminal.note(`${event.file}: ${event.reason}; trying again`);
        break;
      case "finished":
        terminal.overwrite("");
        terminal.note(`${event.model} is complete: ${bytes(event.bytes)}, every file checked`);
        break;
    }
  };
}

// --- internal ---

function picture({ file, received, total }: Extract<HubEvent, { kind: "progress" }>): string {
  return `${bar(total === 0 ? 1 : received / total)}  ${bytes(received)} of ${bytes(total)}  ${file}`;
}
