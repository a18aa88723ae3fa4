// Steps through the events of an issue, within the filters: first, older, newer, latest, the one most worth reading, and
// where among them this one is.

import { prefetch } from "../api/client";
import type { EventNav } from "../api/issue-types";
import { apiEvent } from "../api/use-issue";
import { count, plural } from "../lib/format";
import { type Filters, isFiltered, keptSearch } from "../lib/issue-place";
import { eventPath } from "../lib/urls";
import { navigate, query } from "../router";
import { Icon, type IconName } from "./icons";

/** Where events of this issue are, with the list and the filters one came with. */
export const eventHref = (name: string, eventId: string) => `${eventPath(name, eventId)}${keptSearch(query.value)}`;

type Props = { name: string; nav: EventNav; filters: Filters };

/** Not the newest, perhaps, but the one that says most. */
export function Recommended({ name, to }: { name: string; to: string }) {
  const href = eventHref(name, to);
  return (
    <a href={href} title="The newest event with variables, a trace and a user" onClick={(press) => step(press, href)}>
      Recommended event
    </a>
  );
}

export function EventPager({ name, eventId, nav, filters }: Props & { eventId: string }) {
  const other = (id: string) => (id === eventId ? null : id);
  return (
    <>
      <Position nav={nav} isPart={isFiltered(filters)} />
      <div class="pager" role="group" aria-label="Events of this issue">
        <PagerButton words="First event" icon="first" to={other(nav.first)} name={name} filters={filters} />
        <PagerButton words="Older event" icon="left" to={nav.previous} name={name} filters={filters} shown="Older" />
        <PagerButton words="Newer event" icon="right" to={nav.next} name={name} filters={filters} shown="Newer" isAfter />
        <PagerButton words="Latest event" icon="last" to={other(nav.latest)} name={name} filters={filters} />
      </div>
    </>
  );
}

/** "3 of 1 204"; the width stays while one steps. */
function Position({ nav, isPart }: { nav: EventNav; isPart: boolean }) {
  const { position, total } = nav;
  if (total === null || total === undefined) return null;
  return (
    <span class="position num" title={isPart ? "Of the events that match the filters, from the oldest on" : "Of its events, from the oldest on"}>
      {position === null || position === undefined ? plural(total, isPart ? "matching event" : "event") : `${count(position)} of ${count(total)}`}
    </span>
  );
}

/** A step to another event keeps the page where it is scrolled to. */
function step(press: MouseEvent, href: string): void {
  if (press.button !== 0 || press.metaKey || press.ctrlKey || press.shiftKey || press.altKey) return;
  press.preventDefault();
  navigate(href, { keepScroll: true });
}

function PagerButton({ words, icon, to, name, filters, shown, isAfter = false }: Omit<Props, "nav"> & { words: string; icon: IconName; to: string | null; shown?: string; isAfter?: boolean }) {
  const inside = (
    <>
      {!isAfter && <Icon name={icon} size={14} />}
      {shown && <span class="pager-words">{shown}</span>}
      {isAfter && <Icon name={icon} size={14} />}
    </>
  );
  // A link that leads nowhere is said to be disabled, and keeps its place.
  if (to === null)
    return (
      <span class="button disabled" role="link" aria-disabled="true" aria-label={words}>
        {inside}
      </span>
    );
  const href = eventHref(name, to);
  const ahead = () => prefetch(apiEvent(name, to, filters));
  return (
    <a class="button" href={href} aria-label={words} title={words} onPointerDown={ahead} onFocus={ahead} onClick={(press) => step(press, href)}>
      {inside}
    </a>
  );
}
