import type { PageProps } from "../app";
import { PageTitle } from "../components/shell";
import { Empty } from "../components/states";
import { place } from "../router";

export function NotFoundPage(_: PageProps) {
  return (
    <div class="page">
      <header class="page-head">
        <PageTitle title="Page not found" />
      </header>
      <Empty title="Nothing lives at this address">
        <p>
          <code>{place.value.path}</code>
        </p>
        <p class="buttons">
          <a class="button primary" href="/issues">
            Issues
          </a>
          <a class="button" href="/traces">
            Traces
          </a>
        </p>
      </Empty>
    </div>
  );
}
