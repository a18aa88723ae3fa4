// "Send it again": the request of an event as a command or a script, shown before it is copied, with what has to be filled in.

import { useState } from "preact/hooks";
import type { RequestDetail } from "../api/types";
import { builders } from "./copy-menu";
import { Menu } from "./controls";
import { lazy } from "./lazy";

const ReplayPanel = lazy("ReplayPanel", () => import("./replay-panel").then((module) => module.ReplayPanel), "part-loading");

const KINDS = [
  ["curl", "curl", "shell"],
  ["httpie", "HTTPie", "shell"],
  ["django", "Django test client", "manage.py shell"],
  ["requests", "Python requests", "script"],
] as const;

export function ReplayMenu({ request }: { request: RequestDetail }) {
  const [kind, setKind] = useState<(typeof KINDS)[number][0] | null>(null);
  return (
    <>
      <Menu label="Replay as" items={KINDS.map(([id, label, note]) => ({ label, note, run: () => setKind(id) }))} onOpen={() => void builders()} />
      {kind !== null && <ReplayPanel kind={kind} request={request} onClose={() => setKind(null)} />}
    </>
  );
}
