// By what a list is narrowed, as chips: each says its value, opens to change it, and can be taken away.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Range, timeOf } from "../lib/scope";
import { boot } from "../state";
import { FilterChip } from "./filter-chip";
import { TimeRange } from "./time-range";

/** More than these are looked through by typing. */
const SHOWN_MAX = 10;

/** Not there while there are fewer than `least` to choose from. */
export function ChoiceChip({ name, value, options, least = 1, initial, onChange }: { name: string; value: string; options: readonly { value: string; words: string }[]; least?: number; /** One of them is always chosen, at first this one. */ initial?: string; onChange: (value: string | null) => void }) {
  if (options.length < least && value === "") return null;
  const words = options.find((option) => option.value === value)?.words ?? value;
  return (
    <FilterChip name={name} value={value === "" ? "any" : words} isSet={initial === undefined ? value !== "" : value !== initial} onClear={() => onChange(null)}>
      {(close) => (
        <Choices
          name={name}
          value={value}
          hasAny={initial === undefined}
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

function Choices({ name, value, options, hasAny, onChange }: { name: string; value: string; hasAny: boolean; options: readonly { value: string; words: string }[]; onChange: (value: string | null) => void }) {
  const [text, setText] = useState("");
  const fitting = options.filter(({ words }) => words.toLowerCase().includes(text.trim().toLowerCase()));
  const [only] = fitting;
  // Many are looked through by typing: there the field comes first.
  const isShort = options.length <= SHOWN_MAX;
  return (
    <>
      {!isShort && (
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
        {text === "" && hasAny && (
          <button type="button" aria-pressed={value === ""} onClick={() => onChange(null)}>
            Any
          </button>
        )}
        {fitting.map((option) => (
          <button key={option.value} type="button" data-first={(isShort && option.value === value) || undefined} aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
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

/** `24 hours` as it reads in a pill: `Last 24 hours` */
const lastWords = (range: Range): Range => ({ ...range, words: `Last ${range.words.replace(/^1 /u, "")}` });

type Changes = Record<string, string | null>;

/** The time of the address. */
export function TimePill({ params, ranges, initial, onChange }: { params: URLSearchParams; ranges?: readonly Range[]; initial?: string; onChange: (changes: Changes) => void }) {
  const time = timeOf(params, ranges);
  const shown = time.range === null && time.fromMs === null && time.toMs === null && params.get("range") === "all" ? { ...time, range: "all" } : time;
  return <TimeRange time={shown} {...(ranges ? { ranges: ranges.map(lastWords) } : {})} {...(initial === undefined ? {} : { initial })} onChange={(change) => onChange({ ...change })} />;
}

/** Project, service, environment, release and time of the address: the same pills on every list. */
export function ScopeBar({ params, services, environments, releases, ranges, initial, isTimed = true, onChange, children }: {
  params: URLSearchParams;
  /** Left out where there is nothing to choose by. */
  services?: readonly string[];
  environments?: readonly string[];
  releases?: readonly string[];
  ranges?: readonly Range[];
  /** The time when the address says none. */
  initial?: string;
  isTimed?: boolean;
  onChange: (changes: Changes) => void;
  /** Pills of the page's own, behind these. */
  children?: ComponentChildren;
}) {
  return (
    <div class="chips" role="group" aria-label="Filters">
      <ProjectChip value={params.get("project") ?? ""} onChange={(slug) => onChange({ project: slug })} />
      {services && <ChoiceChip name="Service" value={params.get("service") ?? ""} options={plain(services)} least={2} onChange={(name) => onChange({ service: name })} />}
      {environments && <ChoiceChip name="Environment" value={params.get("environment") ?? ""} options={plain(environments)} onChange={(name) => onChange({ environment: name })} />}
      {releases && <ChoiceChip name="Release" value={params.get("release") ?? ""} options={plain(releases)} onChange={(version) => onChange({ release: version })} />}
      {isTimed && <TimePill params={params} {...(ranges ? { ranges } : {})} {...(initial === undefined ? {} : { initial })} onChange={onChange} />}
      {children}
    </div>
  );
}
