// A component whose code is fetched when it is first shown.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ErrorNote } from "./states";

/** `className` is the class of what stands there until then. */
export function lazy<P extends object>(name: string, fetchCode: () => Promise<ComponentType<P>>, className = "page"): ComponentType<P> {
  let Loaded: ComponentType<P> | null = null;
  const Lazy = (props: P) => {
    const [, drawn] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (Loaded) return;
      fetchCode().then(
        (component) => {
          Loaded = component;
          drawn(1);
        },
        () => setFailed(true),
      );
    }, []);
    if (failed)
      return (
        <ErrorNote title="The code for this could not be loaded" detail="The server was updated or stopped since the app was opened." onRetry={() => location.reload()} />
      );
    return Loaded ? <Loaded {...props} /> : <div class={className} aria-busy="true" />;
  };
  Lazy.displayName = name;
  return Lazy;
}
