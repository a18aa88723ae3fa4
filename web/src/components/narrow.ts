// Whether the window is that of a phone: where the order of things must be another one, not only their look.

import { signal } from "@preact/signals";

const query = matchMedia("(max-width: 767.9px)");
export const isNarrow = signal(query.matches);
query.addEventListener("change", () => (isNarrow.value = query.matches));
