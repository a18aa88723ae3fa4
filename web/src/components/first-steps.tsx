// Shown above the first stack trace one ever sees here, once: what it can do beyond being read.

import { useState } from "preact/hooks";
import { keysOf, useKeys } from "../keys";
import { rememberChoice, remembered } from "../state";
import { Icon } from "./icons";

const SEEN = "first-steps";

export function FirstSteps({ hasVars, hasTrace }: { hasVars: boolean; hasTrace: boolean }) {
  const [isSeen, setSeen] = useState(remembered(SEEN, "") !== "");
  return isSeen ? null : (
    <Steps
      hasVars={hasVars}
      hasTrace={hasTrace}
      onClose={() => {
        rememberChoice(SEEN, "seen");
        setSeen(true);
      }}
    />
  );
}

function Steps({ hasVars, hasTrace, onClose }: { hasVars: boolean; hasTrace: boolean; onClose: () => void }) {
  useKeys("hints", { dismiss: onClose });
  return (
    <ul class="first-steps" aria-label="First steps">
      <li>
        <Icon name="editor" size={14} /> opens a line in your editor <kbd>{keysOf("issue", "editor")}</kbd>
      </li>
      {hasVars && (
        <li>
          <kbd>{keysOf("issue", "variables")}</kbd> shows and hides the variables under the code
        </li>
      )}
      {hasTrace && (
        <li>
          <kbd>{keysOf("issue", "trace")}</kbd> opens the request it happened in
        </li>
      )}
      <li class="buttons">
        <button type="button" class="button quiet-button" onClick={onClose}>
          Got it <kbd>Esc</kbd>
        </button>
      </li>
    </ul>
  );
}
