// Beside an event: what changed when its issue began, how tags are spread over its events, whom it met. A value that is
// pressed becomes a filter.

import { useState } from "preact/hooks";
import type { ChangesView, IssueUsersView, TagsView, TagView } from "../api/issue-types";
import { tagInSearch } from "../api/tag-search";
import { type OfIssue, useIssuePart } from "../api/use-issue";
import { count, oneLine, percent, plural } from "../lib/format";
import { filterSearch, isFiltered, withTag } from "../lib/issue-place";
import { bars, liftWords, split, unusual } from "../lib/tag-shares";
import { navigate, place, query } from "../router";
import { clearFilters } from "./issue-filters";
import { Ago } from "./marks";
import { Region } from "./region";
import { Partial } from "./states";
import { TagValues } from "./tag-values";

/** `isFinding`: it was found in traces, which name nobody. */
export function IssueRail({ of, isFinding }: { of: OfIssue; isFinding: boolean }) {
  return (
    <>
      <Changes of={of} />
      <Tags of={of} />
      <Users of={of} isFinding={isFinding} />
    </>
  );
}

function Block({ id, title, note, children }: { id: string; title: string; note?: string | undefined; children: preact.ComponentChildren }) {
  return (
    <section id={id} class="rail-block" aria-labelledby={`h-${id}`}>
      <h2 id={`h-${id}`}>
        {title}
        {note && <small>{note}</small>}
      </h2>
      {children}
    </section>
  );
}

/** More than these explain nothing any more. */
const CHANGES_AT = 6;

function Changes({ of }: { of: OfIssue }) {
  const answer = useIssuePart<ChangesView>(of, `changes${filterSearch(of.filters)}`);
  const [isWhole, setWhole] = useState(false);
  return (
    <Block id="changes" title="What changed">
      <Region answer={answer} what="What changed" rows={6} height={28}>
        {(view) =>
          view.items.length === 0 ? (
            <p class="quiet">{`Nothing that stands out. ${view.basis}`}</p>
          ) : (
            <>
              <ul class="changes">
                {view.items.slice(0, isWhole ? undefined : CHANGES_AT).map((item, i) => (
                  <li key={i}>
                    <span class="change-kind">{item.kind}</span>
                    <span class="change-words">{item.sentence}</span>
                  </li>
                ))}
              </ul>
              {!isWhole && view.items.length > CHANGES_AT && (
                <button type="button" class="link" onClick={() => setWhole(true)}>
                  {`Show all ${count(view.items.length)}`}
                </button>
              )}
              <p class="quiet basis">{view.basis}</p>
            </>
          )
        }
      </Region>
    </Block>
  );
}

const filterBy = (key: string, value: string, written: string) => navigate(`${place.value.path}?${withTag(query.value, key, value, written)}`, { keepScroll: true });

async function pick(of: OfIssue, key: string, value: string): Promise<void> {
  const { path } = place.value;
  const written = await tagInSearch(of, key);
  // Whoever has gone on meanwhile stays there.
  if (place.value.path === path) filterBy(key, value, written);
}

/** Tags drawn at first: an event may bring hundreds. */
const TAGS_AT = 12;
const VALUES_AT = 4;
const UNUSUAL_AT = 8;

function Tags({ of }: { of: OfIssue }) {
  const [isComparing, setComparing] = useState(false);
  const answer = useIssuePart<TagsView>(of, `tags${filterSearch(of.filters, isComparing ? { compare: "rest" } : {})}`);
  const plain = useIssuePart<TagsView>(of, `tags${filterSearch(of.filters)}`);
  const [isWhole, setWhole] = useState(false);
  const [open, setOpen] = useState<TagView | null>(null);
  // What differs comes on top of what is there; the bars stay.
  const shown = answer.data ?? plain.data;
  return (
    <Block id="tag-shares" title="Tags" note={shown ? `of ${plural(shown.events, "event")}` : undefined}>
      <Region answer={{ ...answer, data: shown, isLoading: answer.isLoading && !shown }} what="The tags" rows={6} height={24}>
        {(view) => {
          const { varying, constant } = split(view);
          if (view.events === 0) return <NoEvents of={of} />;
          return (
            <>
              {view.is_partial && <Partial>{`Counted over the newest ${plural(view.events, "event")}.`}</Partial>}
              <button type="button" class="toggle compare" aria-pressed={isComparing} onClick={() => setComparing(!isComparing)}>
                Differs from the rest
              </button>
              {isComparing && answer.data && <Differs of={of} view={answer.data} />}
              {varying.slice(0, isWhole ? undefined : TAGS_AT).map((tag) => (
                <Bars key={tag.key} of={of} tag={tag} onAll={() => setOpen(tag)} />
              ))}
              {!isWhole && varying.length > TAGS_AT && (
                <button type="button" class="link" onClick={() => setWhole(true)}>
                  {`Show ${plural(varying.length - TAGS_AT, "more tag")}`}
                </button>
              )}
              <Constants list={constant} />
              {view.left_out > 0 && <p class="quiet">{`${plural(view.left_out, "more tag")}, which fewer events have, not listed here: each event has its own`}</p>}
              {varying.length + constant.length === 0 && <p class="quiet">Its events carry no tags.</p>}
            </>
          );
        }}
      </Region>
      {open && <TagValues of={of} tag={open} onChoose={(value) => void pick(of, open.key, value)} onClose={() => setOpen(null)} />}
    </Block>
  );
}

function NoEvents({ of }: { of: OfIssue }) {
  if (!isFiltered(of.filters)) return <p class="quiet">None of its events is kept any more.</p>;
  return (
    <p class="quiet">
      No event matches.{" "}
      <button type="button" class="link" onClick={clearFilters}>
        Clear the filters
      </button>
    </p>
  );
}

function Bars({ of, tag, onAll }: { of: OfIssue; tag: TagView; onAll: () => void }) {
  const { bars: shown, rest, restValues, total } = bars(tag, VALUES_AT);
  return (
    <div class="tag-bars">
      <h3>{tag.key}</h3>
      <ul>
        {shown.map(({ value, count: n, share }) => (
          <li key={value}>
            <button type="button" class="tag-bar" title={`${plural(n, "event")} · show only these`} onClick={() => void pick(of, tag.key, value)}>
              <span class="tag-fill" style={{ width: `${share * 100}%` }} aria-hidden="true" />
              <bdi>{value === "" ? "empty" : oneLine(value, 80)}</bdi>
              <span class="num">{percent(share)}</span>
            </button>
          </li>
        ))}
        {tag.missing > 0 && (
          <li>
            <button type="button" class="tag-bar none" title={`${plural(tag.missing, "event")} without it · show only these`} onClick={() => void pick(of, tag.key, "")}>
              <span class="tag-fill" style={{ width: `${(tag.missing / Math.max(1, total)) * 100}%` }} aria-hidden="true" />
              <span>not set</span>
              <span class="num">{percent(tag.missing / Math.max(1, total))}</span>
            </button>
          </li>
        )}
      </ul>
      {restValues > 0 && (
        <button type="button" class="link" onClick={onAll}>
          {`${plural(restValues, "more value")}${rest > 0 ? `, ${percent(rest / Math.max(1, total))}` : ""}`}
        </button>
      )}
    </div>
  );
}

function Differs({ of, view }: { of: OfIssue; view: TagsView }) {
  const found = unusual(view, UNUSUAL_AT);
  if (found.length === 0) return <p class="quiet">No value is more frequent here than in the project's other events.</p>;
  return (
    <table class="differs">
      <caption class="quiet">More frequent here than in the project's other events</caption>
      <thead class="offscreen">
        <tr>
          <th scope="col">Value</th>
          <th scope="col">Here</th>
          <th scope="col">Elsewhere</th>
          <th scope="col">Times</th>
        </tr>
      </thead>
      <tbody>
        {found.map(({ key, value, share, restShare, lift }) => (
          <tr key={`${key}\u0000${value}`}>
            <td>
              <button type="button" class="link" onClick={() => void pick(of, key, value)}>
                <span class="quiet">{key}</span> <bdi>{value === "" ? "empty" : oneLine(value, 60)}</bdi>
              </button>
            </td>
            <td class="num">{percent(share)}</td>
            <td class="num quiet">{percent(restShare)}</td>
            <td class="num lift">{liftWords(lift)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const CONSTANTS_AT = 200;

function Constants({ list }: { list: readonly { key: string; value: string }[] }) {
  if (list.length === 0) return null;
  return (
    <details class="constants">
      <summary>{`${plural(list.length, "tag")} with one value`}</summary>
      <dl>
        {list.slice(0, CONSTANTS_AT).map(({ key, value }) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              <bdi>{oneLine(value, 200)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      {list.length > CONSTANTS_AT && <p class="quiet">{`and ${count(list.length - CONSTANTS_AT)} more; the tags of the event have them all`}</p>}
    </details>
  );
}

const USERS_AT = 5;
const USERS_MAX = 200;

function Users({ of, isFinding }: { of: OfIssue; isFinding: boolean }) {
  const answer = useIssuePart<IssueUsersView>(of, `users${filterSearch(of.filters)}`);
  const [isWhole, setWhole] = useState(false);
  return (
    <Block id="users" title="Users" note={answer.data ? count(answer.data.count) : undefined}>
      <Region answer={answer} what="The users" rows={3} height={24}>
        {(view) =>
          view.users.length === 0 ? (
            <NoUsers isPartial={view.is_partial} isPart={isFiltered(of.filters)} isFinding={isFinding} />
          ) : (
            <>
              <ul class="rail-users">
                {view.users.slice(0, isWhole ? USERS_MAX : USERS_AT).map(({ label, count: n, last_seen_ms: ms }) => (
                  <li key={label}>
                    <button type="button" class="link" title="Show only this user's events" onClick={() => filterBy("user", label, "user")}>
                      <bdi>{oneLine(label, 60)}</bdi>
                    </button>
                    <span class="num quiet">{count(n)}</span>
                    <span class="quiet ago">
                      <Ago ms={ms} />
                    </span>
                  </li>
                ))}
              </ul>
              {!isWhole && view.users.length > USERS_AT && (
                <button type="button" class="link" onClick={() => setWhole(true)}>
                  {`Show ${count(Math.min(USERS_MAX, view.users.length))}`}
                </button>
              )}
              {isWhole && view.count > view.users.length && <p class="quiet">{`${plural(view.count - view.users.length, "more user")} with fewer events.`}</p>}
            </>
          )
        }
      </Region>
    </Block>
  );
}

function NoUsers({ isPartial, isPart, isFinding }: { isPartial: boolean; isPart: boolean; isFinding: boolean }) {
  if (isFinding) return <p class="quiet">It was found in traces, and they name no user.</p>;
  if (isPartial) return <p class="quiet">Events of before are still being looked through.</p>;
  if (isPart) return <p class="quiet">No event that matches names a user.</p>;
  return (
    <p class="quiet">
      No event names a user. <code>sentry_sdk.set_user</code> or <code>send_default_pii=True</code> sends who it was.
    </p>
  );
}
