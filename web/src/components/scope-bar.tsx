// By what a list is narrowed, as chips: each says its value, opens to change it, and can be taken away.

import { useState } from "preact/hooks";
import { timeOf } from "../lib/scope";
import { boot } from "../state";
import { FilterChip } from "./filter-chip";
import { TimeRange } from "./time-range";

/** More than these are looked through by typing. */
const SHOWN_MAX = 10;

/** Not there while there are fewer than `least` to choose from. */
export function ChoiceChip({ name, value, options, least = 1, onChange }: { name: string; value: string; options: readonly { value: string; words: string }[]; least?: number; onChange: (value: string | null) => void }) {
  if (options.length < least && value === "") return null;
  const words = options.find((option) => option.value === value)?.words ?? value;
  return (
    <FilterChip name={name} value={value === "" ? "any" : words} isSet={value !== ""} onClear={() => onChange(null)}>
      {(close) => (
        <Choices
          name={name}
          value={value}
          options={value !== "" && !options.some((option) => option.value === value) ? [{ value, words: value }, ...options] : options}
          onChange={(next) => {
            close();
            onChange(next);
          }}
        />
      )}
    </FilterChip>
  );
}

function Choices({ name, value, options, onChange }: { name: string; value: string; options: readonly { value: string; words: string }[]; onChange: (value: string | null) => void }) {
  const [text, setText] = useState("");
  const fitting = options.filter(({ words }) => words.toLowerCase().includes(text.trim().toLowerCase()));
  const [only] = fitting;
  return (
    <>
      {options.length > SHOWN_MAX && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (only) onChange(only.value);
          }}
        >
          <input type="text" class="menu-filter" aria-label={`Find ${name.toLowerCase()}`} placeholder={`Find among ${options.length}`} spellcheck={false} autocomplete="off" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </form>
      )}
      <div class="choices" role="group" aria-label={name}>
        {text === "" && (
          <button type="button" aria-pressed={value === ""} onClick={() => onChange(null)}>
            Any
          </button>
        )}
        {fitting.map((option) => (
          <button key={option.value} type="button" aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
            {option.words}
          </button>
        ))}
        {fitting.length === 0 && <p class="quiet">None of them.</p>}
      </div>
    </>
  );
}

export const plain = (names: readonly string[]) => names.map((name) => ({ value: name, words: name || "(none)" }));

export function ProjectChip({ value, onChange }: { value: string; onChange: (slug: string | null) => void }) {
  return <ChoiceChip name="Project" value={value} options={(boot.value?.projects ?? []).map(({ slug, name }) => ({ value: slug, words: name }))} least={2} onChange={onChange} />;
}

/** Project, environment, release and time of the address. */
export function ScopeBar({ params, environments, releases, onChange }: { params: URLSearchParams; environments: readonly string[]; releases: readonly string[]; onChange: (changes: Record<string, string | null>) => void }) {
  return (
    <div class="chips" role="group" aria-label="Filters">
      <ProjectChip value={params.get("project") ?? ""} onChange={(slug) => onChange({ project: slug })} />
      <ChoiceChip name="Environment" value={params.get("environment") ?? ""} options={plain(environments)} onChange={(name) => onChange({ environment: name })} />
      <ChoiceChip name="Release" value={params.get("release") ?? ""} options={plain(releases)} onChange={(version) => onChange({ release: version })} />
      <TimeRange time={timeOf(params)} onChange={(change) => onChange({ ...change })} />
    </div>
  );
}
