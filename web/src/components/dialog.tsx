// A question that stands above the page until it is answered. Escape and a press beside it are "no".

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";

/** Shown as long as it is rendered. The focus goes to what has `data-first`, or to the first control. */
export function Dialog({ title, onClose, children, class: className = "" }: { title: string; onClose: () => void; children: ComponentChildren; class?: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return undefined;
    element.showModal();
    element.querySelector<HTMLElement>("[data-first]")?.focus();
    // Closing it is what gives the focus back.
    return () => element.close();
  }, []);
  return (
    <dialog ref={dialog} class={`dialog ${className}`} aria-labelledby={id} onCancel={onClose} onClose={onClose} onClick={(event) => event.target === dialog.current && onClose()}>
      <div class="dialog-body">
        <div class="row-between">
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

/** Says what will happen before it does. The focus starts on the way out when it cannot be taken back easily. */
export function Confirm({ title, children, confirm, isDanger = false, isDisabled = false, onConfirm, onClose }: {
  title: string;
  children: ComponentChildren;
  confirm: string;
  isDanger?: boolean;
  isDisabled?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isDisabled) return;
          onClose();
          onConfirm();
        }}
      >
        {children}
        <p class="buttons dialog-buttons">
          <button type="button" class="button" data-first={isDanger || undefined} onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={isDanger ? "button danger" : "button primary"} disabled={isDisabled}>
            {confirm}
          </button>
        </p>
      </form>
    </Dialog>
  );
}
