// One thing a list is narrowed by: says its value, opens to change it, can be taken away.

import type { ComponentChildren } from "preact";
import { Icon } from "./icons";
import { Popover } from "./menu";

export function FilterChip({ name, value, isSet, panelClass = "chip-panel", onClear, children }: { name: string; value: string; isSet: boolean; panelClass?: string; onClear: () => void; children: (close: () => void) => ComponentChildren }) {
  return (
    <span class={`chip${isSet ? " set" : ""}`}>
      <Popover
        title={name}
        class="chip-open"
        panelClass={panelClass}
        label={
          <>
            <span class="chip-name">{name}</span> <span class="chip-value">{value}</span>
          </>
        }
      >
        {children}
      </Popover>
      {isSet && (
        <button type="button" class="chip-clear" aria-label={`Remove ${name}: ${value}`} title="Remove" onClick={onClear}>
          <Icon name="close" size={11} />
        </button>
      )}
    </span>
  );
}
