// The browser of these tests: the one of the end-to-end test, watched the same way.

import { launch, watch } from "../../e2e/browser.mjs";

export { launch };

/** Complaints of everything that happens in `context` from now on. */
export async function watchPage(context, server, isServerAway) {
  const complaints = [];
  await watch(context, server.base, complaints, isServerAway);
  return complaints;
}
