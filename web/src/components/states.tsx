// What stands where data should be: not yet, nothing, or not possible.

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client";
import { withQuery } from "../lib/urls";
import { navigate, place, query } from "../router";
import { boot } from "../state";
import { CopyButton } from "./controls";
import { Icon } from "./icons";

/** Rows of the height the real ones will have; only after 150 ms, so fast answers never flash. */
export function SkeletonRows({ rows = 8, height = 45 }: { rows?: number; height?: number }) {
  const [isShown, show] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => show(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class="skeleton" aria-busy="true" role="status" aria-label="Loading">
      {isShown && Array.from({ length: rows }, (_, i) => <div key={i} style={{ height: `${height}px`, "--w": `${35 + ((i * 37) % 50)}%` }} />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <svg width="72" height="28" viewBox="0 0 72 28" aria-hidden="true">
        <path d="M2 6h68M18 6v8M54 6v4" />
        <circle cx="18" cy="19" r="5" />
        <circle cx="54" cy="14" r="4" />
      </svg>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function ErrorNote({ title, detail, causes = [], onRetry }: { title: string; detail: string; causes?: readonly string[]; onRetry?: () => void }) {
  return (
    <div class="error-note" role="alert">
      <h2>{title}</h2>
      <p>{detail}</p>
      {causes.length > 0 && (
        <ul>
          {causes.map((cause) => (
            <li key={cause}>
              <code>{cause}</code>
            </li>
          ))}
        </ul>
      )}
      <p class="buttons">
        {onRetry && (
          <button type="button" class="button primary" onClick={onRetry}>
            Retry
          </button>
        )}
        <CopyButton label="Copy details" text={() => [title, detail, ...causes, location.href].join("\n")} />
      </p>
    </div>
  );
}

/** A failed load: a page of its own without data, a line above the old data otherwise. */
export function LoadError({ error, what, hasData, onRetry }: { error: ApiError; what: string; hasData: boolean; onRetry: () => void }) {
  if (!hasData && error.status === 404 && isUnknownProject(query.value.get("project"))) return <NoSuchProject name={query.value.get("project") ?? ""} />;
  if (!hasData) return <ErrorNote title={`${what} could not be loaded`} detail={error.message} causes={error.causes} onRetry={onRetry} />;
  return (
    <p class="stale" role="status">
      {`Could not refresh: ${error.message} `}
      <button type="button" class="link" onClick={onRetry}>
        Retry
      </button>
    </p>
  );
}

/** Whether the address narrows to a project that this server does not have. */
const isUnknownProject = (name: string | null): boolean => name !== null && boot.value !== null && !boot.value.projects.some(({ slug, id }) => slug === name || String(id) === name);

/** Trying again would not help: what helps is to look at all of them. */
function NoSuchProject({ name }: { name: string }) {
  return (
    <>
      <p class="not-here">
        No project of this server is called <bdi>“{name}”</bdi>.
      </p>
      <p class="buttons">
        <button type="button" class="button primary" onClick={() => navigate(`${place.value.path}${withQuery(place.value.search, { project: null })}`)}>
          All projects
        </button>
      </p>
    </>
  );
}

/** What the server says of an empty list; names stand between backticks. */
export function Notes({ notes }: { notes: readonly string[] }) {
  return (
    <>
      {notes.map((note) => (
        <p key={note}>{note.split("`").map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</p>
      ))}
    </>
  );
}

/** Something is missing from what is shown; says how much and why. */
export function Partial({ children }: { children: ComponentChildren }) {
  return (
    <p class="partial">
      <Icon name="minus" size={14} />
      <span>{children}</span>
    </p>
  );
}
