// Whether the window is that of a phone: where the order of things must be another one, not only their look.

import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 767.9px)");
export const isNarrow = signal(query.matches);
query.addEventListener("change", () => (isNarrow.value = query.matches));

const wide = matchMedia("(min-width: 1024px)");
/** There is room for something beside a list. */
export const isWide = signal(wide.matches);
wide.addEventListener("change", () => (isWide.value = wide.matches));
