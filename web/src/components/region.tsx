// A part of a page that is read by itself, and fails by itself: what stands there until it has come, when it could not be
// read, and when it could not be drawn.

import type { ComponentChildren } from "preact";
import { useEffect, useErrorBoundary, useRef, useState } from "preact/hooks";
import type { Resource } from "../api/client";
import { ErrorNote, LoadError, SkeletonRows } from "./states";

/** Data of an event may be anything: what one part makes of it must not cost the others. `about` changes when it is worth another try. */
export function Guard({ what, about, children }: { what: string; about: string; children: ComponentChildren }) {
  const [error, reset] = useErrorBoundary();
  useEffect(() => {
    if (error) reset();
  }, [about]);
  if (error) return <ErrorNote title={`${what} could not be drawn`} detail="The rest of the page is not affected." causes={[String((error as Error).message ?? error)]} onRetry={reset} />;
  return <>{children}</>;
}

/** Room for what is read only once it comes near the screen. */
export function WhenNear({ height, children }: { height: number; children: ComponentChildren }) {
  const [place, isNear] = useNear<HTMLDivElement>();
  return (
    <div ref={place} style={isNear ? undefined : { minHeight: `${height}px` }}>
      {isNear && children}
    </div>
  );
}

export function Region<T>({ answer, what, rows, height, children }: {
  answer: Resource<T>;
  /** Begins a sentence: "The tags". */
  what: string;
  /** Of the skeleton. */
  rows: number;
  height: number;
  children: (data: T) => ComponentChildren;
}) {
  const { data, error, isLoading, reload } = answer;
  return (
    <>
      {error && <LoadError error={error} what={what} hasData={data !== undefined} onRetry={reload} />}
      {isLoading && (
        <div style={{ minHeight: `${rows * height}px` }}>
          <SkeletonRows rows={rows} height={height} />
        </div>
      )}
      {data !== undefined && children(data)}
    </>
  );
}

const NEAR = "400px";
const IDLE_MS = 300;

/**
 * True from when the element comes near the screen on: what is far below is not read before. What costs little is also
 * read once there is nothing else to do, so that the page stands still when somebody jumps past it.
 */
export function useNear<T extends Element>(isCheap = false): [preact.RefObject<T | null>, boolean] {
  const place = useRef<T>(null);
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (isNear || !place.current) return undefined;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setNear(true), { rootMargin: NEAR });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [isNear]);
  useEffect(() => {
    if (isNear || !isCheap) return undefined;
    const idle = setTimeout(() => setNear(true), IDLE_MS);
    return () => clearTimeout(idle);
  }, [isNear, isCheap]);
  return [place, isNear];
}
