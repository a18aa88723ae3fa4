// Many calls, few runs: the first at once, the ones soon after it as one run at the end of the pause.

import { useEffect, useRef } from "preact/hooks";

export type Coalesced = { call: () => void; cancel: () => void };

export function coalesce(run: () => void, everyMs: number): Coalesced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const start = () => {
    isWanted = false;
    timer = setTimeout(() => {
      timer = undefined;
      if (isWanted) start();
    }, everyMs);
    run();
  };
  return {
    call() {
      if (timer === undefined) start();
      else isWanted = true;
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
      isWanted = false;
    },
  };
}

/** For a component: runs the newest function, and nothing after it is gone. */
export function useCoalesced(run: () => void, everyMs: number): () => void {
  const newest = useRef(run);
  newest.current = run;
  const held = useRef<Coalesced | null>(null);
  held.current ??= coalesce(() => newest.current(), everyMs);
  useEffect(() => () => held.current?.cancel(), []);
  return held.current.call;
}
