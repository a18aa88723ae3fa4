// A text that the browser did not let us copy, to be taken by hand: selected, with the keys that copy it.

import { useEffect, useRef } from "preact/hooks";
import { uncopied } from "../clipboard";
import { bytes } from "../lib/format";
import { Icon } from "./icons";
import "../styles/copy.css";

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

export function Uncopied() {
  const dialog = useRef<HTMLDialogElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const shown = uncopied.value;
  useEffect(() => {
    if (!shown) return;
    if (!dialog.current?.open) dialog.current?.showModal();
    area.current?.focus();
    area.current?.select();
    area.current?.scrollTo({ top: 0 });
  }, [shown]);
  const close = () => {
    dialog.current?.close();
    uncopied.value = null;
  };
  if (!shown) return null;
  return (
    <dialog ref={dialog} class="help copy-dialog" aria-labelledby="uncopied-title" onClose={() => (uncopied.value = null)}>
      <div class="help-body">
        <div class="row-between">
          <h2 id="uncopied-title">{`${shown.what}: copy it by hand`}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={close}>
            <Icon name="close" />
          </button>
        </div>
        <p class="quiet">
          The browser does not let pages of this address copy. It is selected: press <kbd>{isMac ? "⌘" : "Ctrl"}</kbd> <kbd>C</kbd>.
        </p>
        <textarea ref={area} class="copy-preview" readOnly rows={14} value={shown.text} aria-label={shown.what} onCopy={() => setTimeout(close, 0)} />
        <p class="quiet">{bytes(new Blob([shown.text]).size)}</p>
      </div>
    </dialog>
  );
}
