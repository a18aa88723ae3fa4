// The sections of a project's settings: each draws its part of the draft and says how it changed.

import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, change } from "../api/client";
import type { FieldProblem, FilterSettings, LimitRule, ProjectKeyView, ProjectSettings, ProjectSettingsView, ScrubPreviewView } from "../api/types";
import { count, dateTime, plural } from "../lib/format";
import { amount, dropsOf, FILTERS, GROUPS, type GlobFilter, limitName, PERIODS, periodOf, SCRUB_SAMPLE, type SwitchFilter, tidy, useWords as wordsOfUse, withPeriod } from "../lib/settings";
import { composeDsn } from "../lib/urls";
import { say } from "../state";
import { CopyButton } from "./controls";
import { useScrollable } from "./code";
import { Icon } from "./icons";
import { LinesBox, Problems, RulesBox, Section, Switch } from "./settings-parts";

export type Draft = { settings: ProjectSettings; problems: readonly FieldProblem[]; onChange: (settings: ProjectSettings) => void };
type OnView = (view: ProjectSettingsView) => void;

/** Name and keys: these are saved at once, each by itself. */
export function ProjectSection({ view, onView }: { view: ProjectSettingsView; onView: OnView }) {
  const [error, setError] = useState<string | null>(null);
  const [name, setName] = useState(view.name);
  useEffect(() => setName(view.name), [view.name]);
  const run = (words: string, method: "POST" | "PUT" | "DELETE", path: string, body?: unknown) => {
    setError(null);
    change<ProjectSettingsView>(method, `/api/ui/projects/${view.id}${path}`, body).then(
      (next) => {
        onView(next);
        say(words);
      },
      (failure: ApiError) => setError(failure.message),
    );
  };
  return (
    <Section id="project" title="Project and keys" note="An application writes with a DSN: this server's address, a key and the project's number. Changes here are saved at once.">
      {error && (
        <p class="set-problems" role="alert">
          {error}
        </p>
      )}
      <form
        class="name-form"
        onSubmit={(event) => {
          event.preventDefault();
          run("Name saved", "PUT", "", { name });
        }}
      >
        <label>
          <span>Name</span>
          <input class="set-input" value={name} maxLength={80} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        {name !== view.name && (
          <button type="submit" class="button primary">
            Rename
          </button>
        )}
        <dl class="facts">
          <div>
            <dt>Slug</dt>
            <dd class="mono">{view.slug}</dd>
          </div>
          <div>
            <dt>Number</dt>
            <dd class="mono">{view.id}</dd>
          </div>
          <div>
            <dt>Made</dt>
            <dd>{dateTime(view.created_ms).slice(0, 10)}</dd>
          </div>
        </dl>
      </form>
      <ul class="keys">
        {view.keys.map((key) => (
          <KeyRow key={key.public_key} projectKey={key} view={view} run={run} />
        ))}
      </ul>
      <button type="button" class="button" onClick={() => run("Key made", "POST", "/keys", { label: `Key ${view.keys.length + 1}` })}>
        <Icon name="plus" size={14} />
        New key
      </button>
    </Section>
  );
}

function KeyRow({ projectKey: key, view, run }: { projectKey: ProjectKeyView; view: ProjectSettingsView; run: (words: string, method: "POST" | "PUT" | "DELETE", path: string, body?: unknown) => void }) {
  const [label, setLabel] = useState(key.label);
  const [isSure, setSure] = useState(false);
  useEffect(() => setLabel(key.label), [key.label]);
  const dsn = composeDsn(location, key.public_key, view.id);
  const path = `/keys/${key.public_key}`;
  const isLast = key.is_active && view.keys.filter((other) => other.is_active).length === 1;
  return (
    <li class={key.is_active ? "key" : "key is-off"}>
      <div class="key-head">
        <input
          class="set-input bare"
          aria-label="Name of the key"
          value={label}
          maxLength={80}
          onInput={(event) => setLabel(event.currentTarget.value)}
          onBlur={() => label.trim() !== "" && label !== key.label && run("Key renamed", "PUT", path, { label })}
          onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
        />
        {!key.is_active && <span class="badge">disabled</span>}
        <span class="key-use">{wordsOfUse(key)}</span>
      </div>
      <div class="key-dsn">
        <code>{dsn}</code>
        <CopyButton label="Copy DSN" text={() => dsn} />
      </div>
      <div class="key-tools">
        <button type="button" class="button quiet-button" disabled={isLast} title={isLast ? "The only key that works: make another one first" : undefined} onClick={() => run(key.is_active ? "Key disabled" : "Key enabled", "PUT", path, { is_active: !key.is_active })}>
          {key.is_active ? "Disable" : "Enable"}
        </button>
        {key.is_active && (
          <button type="button" class="button quiet-button" title="Makes a second key; disable this one when every application has the new DSN" onClick={() => run("New key made: disable the old one when nothing uses it any more", "POST", "/keys", { label: `${key.label} (new)`.slice(0, 80) })}>
            Rotate
          </button>
        )}
        {!isLast &&
          (isSure ? (
            <>
              <button type="button" class="button quiet-button danger" onClick={() => run("Key deleted", "DELETE", path)}>
                Delete for good
              </button>
              <button type="button" class="button quiet-button" onClick={() => setSure(false)}>
                Keep
              </button>
            </>
          ) : (
            <button type="button" class="button quiet-button" onClick={() => setSure(true)}>
              Delete…
            </button>
          ))}
        {isLast && <span class="quiet">the only key that works</span>}
      </div>
    </li>
  );
}

export function ScrubSection({ view, settings, problems, onChange }: Draft & { view: ProjectSettingsView }) {
  const { scrub } = settings;
  const set = (changes: Partial<typeof scrub>) => onChange({ ...settings, scrub: { ...scrub, ...changes } });
  return (
    <Section id="scrub" title="Scrubbing" note="What looks like a secret is replaced by [Filtered] before anything is written to disk. A change holds for what comes in from then on.">
      {view.is_scrub_off && <p class="set-warning">The server's settings file says <code>scrub = false</code>: nothing is scrubbed, whatever is chosen here.</p>}
      <Switch isOn={scrub.enabled} label="Scrub what comes in" text="Off keeps everything as it was sent, passwords included." onChange={(enabled) => set({ enabled })} />
      <Switch isOn={scrub.defaults} isDisabled={!scrub.enabled} label="The usual suspects" text="Names with password, secret, token, auth, api_key …; session cookies; card numbers, IBANs, private keys and Bearer tokens anywhere." onChange={(defaults) => set({ defaults })} />
      <Switch isOn={scrub.scrub_ip} isDisabled={!scrub.enabled} label="IP addresses" text="Addresses of visitors are removed; affected users are then told apart by id, name or e-mail alone." onChange={(scrub_ip) => set({ scrub_ip })} />
      <div class="set-pair">
        <LinesBox label="More sensitive words, one per line" field="scrub.sensitive_keys" problems={problems} value={scrub.sensitive_keys} placeholder={"customer_number\npassport"} onChange={(sensitive_keys) => set({ sensitive_keys })} />
        <LinesBox label="Safe names, never touched, one per line" field="scrub.safe_keys" problems={problems} value={scrub.safe_keys} placeholder={"author\ncsrf_token"} onChange={(safe_keys) => set({ safe_keys })} />
      </div>
      <Problems problems={problems.filter((problem) => problem.field === "scrub")} field="scrub" />
      <TryIt view={view} settings={settings} />
    </Section>
  );
}

const TRY_MS = 300;

/** Shows on the spot what the draft would do to a payload. */
function TryIt({ view, settings }: { view: ProjectSettingsView; settings: ProjectSettings }) {
  const [isOpen, setOpen] = useState(false);
  const [text, setText] = useState(SCRUB_SAMPLE);
  const [result, setResult] = useState<{ text: string; isError: boolean } | null>(null);
  const asked = useRef(0);
  const kept = useScrollable<HTMLPreElement>();
  const scrub = JSON.stringify(tidy(settings).scrub);
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setTimeout(() => {
      asked.current += 1;
      const own = asked.current;
      change<ScrubPreviewView>("POST", `/api/ui/projects/${view.id}/scrub-preview`, { scrub: JSON.parse(scrub), text }).then(
        (answer) => own === asked.current && setResult({ text: answer.text, isError: false }),
        (error: ApiError) => own === asked.current && setResult({ text: [error.message, ...error.causes].join(": "), isError: true }),
      );
    }, TRY_MS);
    return () => clearTimeout(timer);
  }, [isOpen, text, scrub, view.id]);
  return (
    <details class="try-it" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Try it on a payload, with what is chosen above, saved or not</summary>
      <div class="set-pair">
        <label class="set-field">
          <span>Sent</span>
          <textarea class="set-box" rows={12} spellcheck={false} wrap="off" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <div class="set-field">
          <span>Kept</span>
          <pre ref={kept} class={result?.isError ? "set-box try-result is-error" : "set-box try-result scrolls"} role="group" aria-label="What would be kept">
            {result === null ? "…" : result.isError ? result.text : withMarks(result.text)}
          </pre>
        </div>
      </div>
    </details>
  );
}

function withMarks(text: string) {
  // The remarks on what was replaced follow the event itself; here the texts say enough.
  const shown = text.replace(/,\s*"_meta":[\s\S]*$/, "\n}");
  return shown.split(/(\[Filtered\]|\bnull\b)/).map((part, i) => (i % 2 === 1 ? <mark key={i}>{part}</mark> : part));
}

export function FiltersSection({ view, settings, problems, onChange }: Draft & { view: ProjectSettingsView }) {
  const { filters } = settings;
  const set = (changes: Partial<FilterSettings>) => onChange({ ...settings, filters: { ...filters, ...changes } });
  return (
    <Section id="filters" title="Inbound filters" note="What a filter drops is answered with success, so that SDKs stay calm, not kept, and counted here and on the Ingest page.">
      {FILTERS.map(([name, { title, text, patterns }]) => {
        const drops = dropsOf(view.drops, "filtered", name);
        const side = (
          <p class={drops.month > 0 ? "dropped" : "dropped none"} title={drops.words || undefined}>
            {drops.month === 0 ? (
              "nothing dropped"
            ) : (
              <>
                <b>{count(drops.day)}</b> in 24 h
                <br />
                <b>{count(drops.month)}</b> in 30 days
              </>
            )}
          </p>
        );
        if (!patterns) {
          const key = name as SwitchFilter;
          return <Switch key={name} isOn={filters[key]} label={title} text={text} side={side} onChange={(isOn) => set({ [key]: isOn })} />;
        }
        const key = name as GlobFilter;
        const globs = filters[key];
        return (
          <Switch key={name} isOn={globs.enabled} label={title} text={text} side={side} onChange={(enabled) => set({ [key]: { ...globs, enabled } })}>
            {globs.enabled && (
              <LinesBox label={patterns.label} field={`filters.${name}.patterns`} problems={problems} value={globs.patterns} placeholder={patterns.placeholder} onChange={(next) => set({ [key]: { ...globs, patterns: next } })} />
            )}
          </Switch>
        );
      })}
    </Section>
  );
}

export function LimitsSection({ view, settings, problems, onChange }: Draft & { view: ProjectSettingsView }) {
  const { rules } = settings.limits;
  const set = (next: LimitRule[]) => onChange({ ...settings, limits: { rules: next } });
  return (
    <Section id="limits" title="Limits" note="None unless you set some. Over a limit, SDKs are told what to hold back and for how long; what is refused is counted. 0 takes nothing at all.">
      {rules.length > 0 && (
        <ul class="limits">
          {rules.map((rule, index) => (
            // oxlint-disable-next-line react/no-array-index-key
            <LimitRow key={index} rule={rule} index={index} view={view} problems={problems} onChange={(next) => set(rules.map((old, i) => (i === index ? next : old)))} onRemove={() => set(rules.filter((_, i) => i !== index))} />
          ))}
        </ul>
      )}
      {rules.length === 0 && <p class="set-empty">This project takes everything its applications send.</p>}
      <button type="button" class="button" onClick={() => set([...rules, nextRule(rules)])}>
        <Icon name="plus" size={14} />
        Add a limit
      </button>
      <Problems problems={problems.filter((problem) => problem.field === "limits.rules" || problem.field === "limits")} field="limits" />
      {view.server_limits.length > 0 && (
        <div class="server-limits">
          <h3>For every project, from the settings file</h3>
          <ul>
            {view.server_limits.map((rule) => (
              <li key={limitName(rule)}>
                {`${amount(rule.group, rule.max)} ${rule.group === "attachment" ? "of attachments" : GROUPS.find(([id]) => id === rule.group)?.[1].toLowerCase()} per ${PERIODS.find(([id]) => id === periodOf(rule))?.[1] ?? periodOf(rule)}`}
                <LimitState view={view} rule={rule} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </Section>
  );
}

/** The first combination that is not there yet. */
function nextRule(rules: readonly LimitRule[]): LimitRule {
  const first: LimitRule = { key: null, group: "error", max: 1000, per: "seconds", seconds: 60 };
  for (const [period] of PERIODS.slice(1))
    for (const [group] of GROUPS) {
      const rule = withPeriod({ ...first, group }, period);
      if (!rules.some((known) => limitName(known) === limitName(rule))) return rule;
    }
  return first;
}

function LimitRow({ rule, index, view, problems, onChange, onRemove }: { rule: LimitRule; index: number; view: ProjectSettingsView; problems: readonly FieldProblem[]; onChange: (rule: LimitRule) => void; onRemove: () => void }) {
  const period = periodOf(rule);
  const periods = PERIODS.some(([id]) => id === period) ? PERIODS : [...PERIODS, [period, `${rule.seconds} seconds`] as const];
  return (
    <li class="limit">
      <div class="limit-words">
        <select aria-label="Who" value={rule.key ?? ""} onChange={(event) => onChange({ ...rule, key: event.currentTarget.value || null })}>
          <option value="">Whole project</option>
          {view.keys.map((key) => (
            <option key={key.public_key} value={key.public_key}>{`Key: ${key.label}`}</option>
          ))}
          {rule.key !== null && !view.keys.some((key) => key.public_key === rule.key) && <option value={rule.key}>{`Key ${rule.key.slice(0, 8)}… (deleted)`}</option>}
        </select>
        <span>at most</span>
        <input class="set-input number" type="number" inputMode="numeric" min={0} step={1} aria-label="How many" value={rule.max} onInput={(event) => onChange({ ...rule, max: Math.max(0, Math.trunc(event.currentTarget.valueAsNumber || 0)) })} />
        <select aria-label="Of what" value={rule.group} onChange={(event) => onChange({ ...rule, group: event.currentTarget.value as LimitRule["group"] })}>
          {GROUPS.map(([id, words]) => (
            <option key={id} value={id}>
              {words.toLowerCase()}
            </option>
          ))}
        </select>
        <span>per</span>
        <select aria-label="In what time" value={period} onChange={(event) => onChange(withPeriod(rule, event.currentTarget.value))}>
          {periods.map(([id, words]) => (
            <option key={id} value={id}>
              {words}
            </option>
          ))}
        </select>
      </div>
      <LimitState view={view} rule={rule} />
      <button type="button" class="icon-button small" aria-label="Remove this limit" onClick={onRemove}>
        <Icon name="close" size={14} />
      </button>
      <Problems problems={problems} field={`limits.rules.${index}`} />
    </li>
  );
}

/** How full a saved limit is, and what it refused. */
function LimitState({ view, rule }: { view: ProjectSettingsView; rule: LimitRule }) {
  const name = limitName(rule);
  const state = view.limit_states.find((known) => known.name === name && known.max === rule.max);
  const drops = dropsOf(view.drops, "rate_limited", name);
  if (!state) return <p class="limit-state quiet">not saved yet</p>;
  const part = state.max === 0 ? 1 : Math.min(1, state.used / state.max);
  return (
    <div class="limit-state" title={drops.words ? `Refused: ${drops.words}` : undefined}>
      <span class={part >= 1 ? "meter is-full" : "meter"} aria-hidden="true">
        <span style={{ width: `${Math.round(part * 100)}%` }} />
      </span>
      <span class="meter-words">
        {`${amount(rule.group, state.used)} of ${amount(rule.group, state.max)} used`}
        {drops.month > 0 && <b>{` · refused ${plural(drops.day, "item")} in 24 h, ${count(drops.month)} in 30 days`}</b>}
      </span>
    </div>
  );
}

export function GroupingSection({ settings, problems, onChange }: Draft) {
  const { grouping } = settings;
  const set = (changes: Partial<typeof grouping>) => onChange({ ...settings, grouping: { ...grouping, ...changes } });
  return (
    <Section id="grouping" title="Grouping rules" note="Which errors are one issue. Rules hold for events that come in from then on; issues that exist stay as they are.">
      <RulesBox
        label="Fingerprint rules"
        help={<>One per line, the first that matches wins: matchers, an arrow, the fingerprint. <code>#</code> starts a comment.</>}
        field="grouping.fingerprint_rules"
        problems={problems}
        value={grouping.fingerprint_rules}
        placeholder={'error.type:DatabaseUnavailable -> system-down\nerror.value:"connection reset*" -> connection-reset, {{ transaction }}'}
        onChange={(fingerprint_rules) => set({ fingerprint_rules })}
      />
      <RulesBox
        label="Stack trace rules"
        help={<>Which frames are yours (<code>+app</code>, <code>-app</code>) and which count for grouping (<code>+group</code>, <code>-group</code>).</>}
        field="grouping.stack_trace_rules"
        problems={problems}
        value={grouping.stack_trace_rules}
        placeholder={"stack.module:shop.vendor.* -app\nstack.function:retry_* -group"}
        onChange={(stack_trace_rules) => set({ stack_trace_rules })}
      />
    </Section>
  );
}
