// What the settings screen is made of: switches, boxes of lines, numbered rules, problems beside their fields.

import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import type { FieldProblem } from "../api/types";
import { fromLines, problemsOf, problemWords, toLines } from "../lib/settings";

export function Section({ id, title, children, note }: { id: string; title: string; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section id={id} class="set-section" aria-labelledby={`${id}-title`}>
      <header>
        <h2 id={`${id}-title`}>{title}</h2>
        {note && <p class="set-note">{note}</p>}
      </header>
      <div class="set-body">{children}</div>
    </section>
  );
}

export function Switch({ isOn, label, text, side, isDisabled = false, onChange, children }: {
  isOn: boolean;
  label: string;
  text?: ComponentChildren;
  side?: ComponentChildren;
  isDisabled?: boolean;
  onChange: (isOn: boolean) => void;
  children?: ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="set-row">
      <button type="button" role="switch" class="switch" aria-checked={isOn} aria-labelledby={`${id}-label`} aria-describedby={text ? `${id}-text` : undefined} disabled={isDisabled} onClick={() => onChange(!isOn)}>
        <span aria-hidden="true" />
      </button>
      <div class="set-words">
        <p id={`${id}-label`} class="set-label">
          {label}
        </p>
        {text && (
          <p id={`${id}-text`} class="set-text">
            {text}
          </p>
        )}
        {children}
      </div>
      {side && <div class="set-side">{side}</div>}
    </div>
  );
}

export function Problems({ problems, field, id }: { problems: readonly FieldProblem[]; field: string; id?: string }) {
  const own = problemsOf(problems, field);
  if (own.length === 0) return null;
  return (
    <ul id={id} class="set-problems" role="alert">
      {own.map((problem) => (
        <li key={`${problem.field}:${problem.line}`}>{problemWords(problem, field)}</li>
      ))}
    </ul>
  );
}

/** A list as a box with one entry per line. */
export function LinesBox({ label, value, field, problems, placeholder, rows = 3, onChange }: {
  label: ComponentChildren;
  value: readonly string[];
  field: string;
  problems: readonly FieldProblem[];
  placeholder?: string;
  rows?: number;
  onChange: (value: string[]) => void;
}) {
  const id = useId();
  const isWrong = problemsOf(problems, field).length > 0;
  return (
    <div class="set-field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        class="set-box"
        rows={Math.min(12, Math.max(rows, value.length + 1))}
        placeholder={placeholder}
        spellcheck={false}
        autocapitalize="off"
        value={toLines(value)}
        aria-invalid={isWrong || undefined}
        aria-describedby={isWrong ? `${id}-problems` : undefined}
        onInput={(event) => onChange(fromLines(event.currentTarget.value))}
      />
      <Problems problems={problems} field={field} id={`${id}-problems`} />
    </div>
  );
}

/** A text of rules with line numbers, those of wrong lines marked. */
export function RulesBox({ label, help, value, field, problems, placeholder, onChange }: {
  label: string;
  help: ComponentChildren;
  value: string;
  field: string;
  problems: readonly FieldProblem[];
  placeholder: string;
  onChange: (value: string) => void;
}) {
  const id = useId();
  const gutter = useRef<HTMLDivElement>(null);
  const own = problemsOf(problems, field);
  const wrong = new Set(own.map((problem) => problem.line));
  const lineCount = Math.max(6, value.split("\n").length);
  return (
    <div class="set-field">
      <label for={id}>{label}</label>
      <p class="set-text" id={`${id}-help`}>
        {help}
      </p>
      <div class={own.length > 0 ? "rules-box is-wrong" : "rules-box"}>
        <div ref={gutter} class="rules-gutter" aria-hidden="true">
          {Array.from({ length: lineCount }, (_, i) => (
            <span key={i} class={wrong.has(i + 1) ? "wrong" : undefined}>
              {i + 1}
            </span>
          ))}
        </div>
        <textarea
          id={id}
          rows={Math.min(16, lineCount)}
          placeholder={placeholder}
          spellcheck={false}
          autocapitalize="off"
          wrap="off"
          value={value}
          aria-invalid={own.length > 0 || undefined}
          aria-describedby={own.length > 0 ? `${id}-help ${id}-problems` : `${id}-help`}
          onInput={(event) => onChange(event.currentTarget.value)}
          onScroll={(event) => gutter.current && (gutter.current.scrollTop = event.currentTarget.scrollTop)}
        />
      </div>
      <Problems problems={problems} field={field} id={`${id}-problems`} />
    </div>
  );
}
