import type { ComponentChildren } from "preact";

/** A part of the page under a heading. */
export function Section({
  id,
  title,
  note,
  wide = false,
  children,
}: {
  readonly id: string;
  readonly title: string;
  /** Beside the heading, in a few words. */
  readonly note?: ComponentChildren;
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}) {
  return (
    <section class={wide ? "card wide" : "card"} aria-labelledby={id}>
      <div class="title">
        <h2 id={id}>{title}</h2>
        {note === undefined || note === null ? null : <p>{note}</p>}
      </div>
      {children}
    </section>
  );
}
