// An address whose thing the server does not have: says so once, and leads back. Trying again would not help.

import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import { PageTitle } from "./shell";

export const isNotHere = (error: ApiError | null): boolean => error?.status === 404;

/** `error`: the server's answer, which may know whether it ever was here. `about`: what is known better. */
export function NotHere({ title, href, back, error = null, about, children }: { title: string; href: string; back: string; error?: ApiError | null; about?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <>
      <header class="page-head">
        <PageTitle title={title} />
      </header>
      <p class="not-here">{about ?? error?.causes[0] ?? "Nothing under this name has reached this server, or it is no longer kept."}</p>
      <p class="buttons">
        <a class="button primary" href={href}>
          {back}
        </a>
        {children}
      </p>
    </>
  );
}
