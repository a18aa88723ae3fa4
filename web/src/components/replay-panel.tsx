// The text of a replayed request: what must be filled in, the text itself, and a button that copies it.

import { useMemo } from "preact/hooks";
import type { RequestDetail } from "../api/types";
import { REPLAYS, replay, type ReplayKind } from "../lib/copy/request";
import { CodeBox } from "./code-box";
import { Icon } from "./icons";
import { Partial } from "./states";
import "../styles/copy.css";

export function ReplayPanel({ kind, request, onClose }: { kind: ReplayKind; request: RequestDetail; onClose: () => void }) {
  const { text, notes } = useMemo(() => replay(kind, request), [kind, request]);
  const about = REPLAYS.find((one) => one.kind === kind);
  const isPython = kind === "django" || kind === "requests";
  return (
    <div class="replay-panel">
      <div class="row-between">
        <h3>{`As ${about?.name ?? kind}`}</h3>
        <button type="button" class="icon-button small" aria-label="Close" onClick={onClose}>
          <Icon name="close" size={14} />
        </button>
      </div>
      {notes.map((note) => (
        <Partial key={note}>{note}.</Partial>
      ))}
      <CodeBox snippet={{ title: about?.note ?? "", language: isPython ? "python" : "shell", text }} />
    </div>
  );
}
