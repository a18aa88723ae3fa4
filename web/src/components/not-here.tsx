// An address whose thing the server does not have: says so once, and leads back. Trying again would not help.

import type { ApiError } from "../api/client";
import { PageTitle } from "./shell";

export const isNotHere = (error: ApiError | null): boolean => error?.status === 404;

export function NotHere({ title, href, back }: { title: string; href: string; back: string }) {
  return (
    <>
      <header class="page-head">
        <PageTitle title={title} />
      </header>
      <p class="not-here">Nothing under this name has reached this server, or it is no longer kept.</p>
      <p class="buttons">
        <a class="button primary" href={href}>
          {back}
        </a>
      </p>
    </>
  );
}
