// Which editor opens a line, where the server's files lie on this machine, and a try of both.

import { useEffect, useRef, useState } from "preact/hooks";
import { editorSettings, setEditorSettings } from "../editor";
import { CUSTOM, EDITORS, editorLink, type EditorLink, mapped, parsePlace, type PathRule, RULES_MAX, templateOf, templateProblem } from "../lib/editor";
import { query } from "../router";
import { boot } from "../state";
import { Select } from "./filters";
import { Icon } from "./icons";
import { Section } from "./settings-parts";

const EXAMPLES = [
  ["/app/", "/home/me/shop/", "a container's folder"],
  ["", "/home/me/shop/", "every relative path: shop/views.py, as spans of sentry-sdk name it"],
  ["/srv/shop/releases/42/", "C:\\work\\shop\\", "a server, and Windows here"],
] as const;

export function EditorSection() {
  const settings = editorSettings.value;
  const set = (changes: Partial<typeof settings>) => setEditorSettings({ ...settings, ...changes });
  const chosen = EDITORS.find(({ id }) => id === settings.editor);
  const needsHost = chosen?.template.includes("{host}") ?? false;
  const problem = settings.editor === CUSTOM ? templateProblem(settings.template) : null;
  return (
    <Section id="editor" title="Editor and paths" note="Lines of code open in your editor, by an address such as vscode:// that your system hands to it. Nothing is asked of the server, and no program starts there.">
      <div class="editor-choice">
        <Select label="Editor" value={settings.editor} onChange={(editor) => set({ editor })}>
          <option value="">None chosen</option>
          {EDITORS.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
          <option value={CUSTOM}>Another one</option>
        </Select>
        {needsHost && (
          <label class="select">
            <span>{chosen?.id === "vscode-wsl" ? "Distribution" : "Host"}</span>
            <input class="set-input" value={settings.host} maxLength={100} placeholder={chosen?.id === "vscode-wsl" ? "Ubuntu" : "dev.example.com"} onInput={(event) => set({ host: event.currentTarget.value.trim() })} />
          </label>
        )}
      </div>
      {chosen?.note && <p class="set-text">{needsHost ? `Write ${chosen.note}.` : `Works ${chosen.note}.`}</p>}
      {settings.editor === CUSTOM && (
        <div class="set-field">
          <label for="editor-template">
            Address, with <code>{"{path}"}</code>, <code>{"{line}"}</code> and <code>{"{column}"}</code>
          </label>
          <input
            id="editor-template"
            class="set-input mono"
            value={settings.template}
            maxLength={400}
            spellcheck={false}
            placeholder="myeditor://open?file={path}&line={line}"
            aria-invalid={problem !== null && settings.template !== "" ? true : undefined}
            aria-describedby="editor-template-problem"
            onInput={(event) => set({ template: event.currentTarget.value.trim() })}
          />
          <p id="editor-template-problem" class="set-problems">
            {settings.template === "" ? null : problem}
          </p>
        </div>
      )}
      <h3 class="set-head">Where the files are on this machine</h3>
      <p class="set-text">The first rule that fits counts. A path that fits none is opened as it is, when it is a whole one.</p>
      <Rules rules={settings.rules} onChange={(rules) => set({ rules })} />
      <TryIt />
    </Section>
  );
}

function Rules({ rules, onChange }: { rules: readonly PathRule[]; onChange: (rules: PathRule[]) => void }) {
  const projects = boot.value?.projects ?? [];
  const replace = (at: number, changes: Partial<PathRule>) => onChange(rules.map((rule, i) => (i === at ? { ...rule, ...changes } : rule)));
  const move = (at: number, by: number) => {
    const next = [...rules];
    const [rule] = next.splice(at, 1);
    if (rule) next.splice(at + by, 0, rule);
    onChange(next);
  };
  return (
    <>
      <datalist id="rule-places">
        {projects.map(({ slug }) => (
          <option key={slug} value={slug} />
        ))}
      </datalist>
      <ol class="path-rules">
        {rules.map((rule, i) => (
          // oxlint-disable-next-line react/no-array-index-key
          <li key={i}>
            <label>
              <span>Server</span>
              <input class="set-input mono" value={rule.from} maxLength={500} spellcheck={false} placeholder={EXAMPLES[Math.min(i, 2)]?.[0] || "(relative paths)"} onInput={(event) => replace(i, { from: event.currentTarget.value })} />
            </label>
            <span class="arrow" aria-hidden="true">→</span>
            <label>
              <span>Here</span>
              <input class="set-input mono" value={rule.to} maxLength={500} spellcheck={false} placeholder="/home/me/shop/" onInput={(event) => replace(i, { to: event.currentTarget.value })} />
            </label>
            <label class="rule-only">
              <span>Only for</span>
              <input class="set-input" list="rule-places" value={rule.only} maxLength={100} placeholder="all projects" title="A project's slug, or a service" onInput={(event) => replace(i, { only: event.currentTarget.value.trim() })} />
            </label>
            <span class="rule-tools">
              <button type="button" class="icon-button small" aria-label="Earlier" disabled={i === 0} onClick={() => move(i, -1)}>
                <span class="turned"><Icon name="down" size={12} /></span>
              </button>
              <button type="button" class="icon-button small" aria-label="Later" disabled={i === rules.length - 1} onClick={() => move(i, 1)}>
                <Icon name="down" size={12} />
              </button>
              <button type="button" class="icon-button small" aria-label="Remove this rule" onClick={() => onChange(rules.filter((_, other) => other !== i))}>
                <Icon name="close" size={14} />
              </button>
            </span>
          </li>
        ))}
      </ol>
      {rules.length === 0 && (
        <ul class="rule-examples">
          {EXAMPLES.map(([from, to, words]) => (
            <li key={words}>
              <code>{from || "(empty)"}</code> → <code>{to}</code> <span class="quiet">{words}</span>
            </li>
          ))}
        </ul>
      )}
      <button type="button" class="button" disabled={rules.length >= RULES_MAX} onClick={() => onChange([...rules, { only: "", from: "", to: "" }])}>
        <Icon name="plus" size={14} />
        Add a rule
      </button>
    </>
  );
}

/** The window loses the focus when another program takes it: a browser says no more about an address it handed on. */
const ANSWER_MS = 2500;

function TryIt() {
  const [text, setText] = useState(query.value.get("try") ?? "shop/views.py:23");
  const [outcome, setOutcome] = useState<"idle" | "waiting" | "left" | "stayed">("idle");
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const settings = editorSettings.value;
  const place = parsePlace(text);
  const link = editorLink(place, settings);
  useEffect(() => {
    if (outcome !== "waiting") return undefined;
    const left = () => {
      clearTimeout(timer.current);
      setOutcome("left");
    };
    addEventListener("blur", left);
    timer.current = setTimeout(() => setOutcome("stayed"), ANSWER_MS);
    return () => {
      removeEventListener("blur", left);
      clearTimeout(timer.current);
    };
  }, [outcome]);
  useEffect(() => setOutcome("idle"), [text, settings]);
  return (
    <div class="editor-try">
      <div class="set-field">
        <p class="set-text" id="editor-try-label">
          Try it: a file and a line, as the server names them
        </p>
        <div class="editor-try-line">
          <input aria-labelledby="editor-try-label" class="set-input mono" value={text} maxLength={500} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
          {link.href === null ? (
            <span class="button disabled" role="link" aria-disabled="true">
              Open
            </span>
          ) : (
            <a class="button primary" href={link.href} onClick={() => setOutcome("waiting")}>
              Open
            </a>
          )}
        </div>
      </div>
      <p class="editor-try-result" role="status">
        {link.href === null ? (
          <span class="quiet">{reasonWords(link, mapped(place, settings.rules), templateOf(settings) === null)}</span>
        ) : (
          <>
            <code>{link.href}</code>
            {outcome === "left" && <span class="ok-words"> Handed on to another program.</span>}
            {outcome === "stayed" && <span class="set-problems"> No other program came to the front. Is the editor installed, and does it answer to this kind of address?</span>}
          </>
        )}
      </p>
    </div>
  );
}

function reasonWords(link: EditorLink, path: string | null, isTemplateWrong: boolean): string {
  if (link.href !== null) return "";
  if (link.reason === "no editor") return "Choose an editor first.";
  if (link.reason === "relative") return `${path ?? ""} is relative: add a rule whose left side is empty, or its first folder.`;
  if (isTemplateWrong) return "The editor needs the fields above.";
  return "This is not a file.";
}
