// Words of an event that the page and its copies share: how exceptions are called and joined, where a request went. Pure.

import type { ExceptionDetail, RequestDetail } from "../api/types";

/** The words between two exceptions, as Python prints them; ours where Python has none. */
export function jointWords(relation: ExceptionDetail["relation"]): string | null {
  switch (relation) {
    case "cause":
      return "The above exception was the direct cause of the following exception:";
    case "context":
      return "During handling of the above exception, another exception occurred:";
    case "chained":
      return "The above exception led to the following exception:";
    default:
      return null;
  }
}

export function exceptionName(exception: Pick<ExceptionDetail, "ty" | "module">): string {
  const ty = exception.ty ?? "Error";
  return exception.module && exception.module !== "builtins" && !ty.includes(".") ? `${exception.module}.${ty}` : ty;
}

export function fullUrl(request: RequestDetail): string {
  const url = request.url ?? "/";
  if (request.query.length === 0 || url.includes("?")) return url;
  const query = request.query.map(({ key, value }) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
  return `${url}?${query}`;
}
