// What a list can be narrowed by, with how many have each value: a press asks for a value, another lifts it.

import { useState } from "preact/hooks";
import { count, countShort } from "../lib/format";
import "../styles/facets.css";

const VALUES = 4;

export type Facet = { key: string; name: string; values: readonly FacetValue[]; /** There are more than the server names. */ isCut?: boolean };
/** `isChosen` is left out where a press cannot be taken back. */
export type FacetValue = { value: string; words?: string; count: number; isChosen?: boolean; press: (() => void) | null };

export function Facets({ facets, of, isWaiting = false }: { facets: readonly Facet[]; of: number; isWaiting?: boolean }) {
  return (
    <div class="facets" role="group" aria-label="Filter by" aria-busy={isWaiting || undefined}>
      {facets.map((facet) => (
        <Values key={facet.key} facet={facet} of={of} />
      ))}
    </div>
  );
}

function Values({ facet: { name, values, isCut = false }, of }: { facet: Facet; of: number }) {
  const [isWhole, setWhole] = useState(false);
  // What is chosen stands there to be lifted, however rare it is.
  const shown = isWhole ? values : values.filter(({ isChosen }, i) => i < VALUES || isChosen === true);
  const more = values.length - shown.length;
  const words = isWhole ? "fewer" : isCut ? "more" : `${more} more`;
  return (
    <div>
      <h2>{name}</h2>
      <ul>
        {shown.map(({ value, words = value, count: n, isChosen, press }) => (
          <li key={value}>
            {press === null ? (
              <span class="facet">
                <span>{words}</span> <b>{countShort(n)}</b>
              </span>
            ) : (
              <button type="button" class="facet" aria-pressed={isChosen} title={`${value}: ${count(n)} of ${count(of)}`} onClick={press}>
                <span>{words}</span> <b>{countShort(n)}</b>
              </button>
            )}
          </li>
        ))}
        {(more > 0 || isWhole) && values.length > VALUES && (
          <li>
            <button type="button" class="facet-more" aria-expanded={isWhole} aria-label={`${words} values of ${name}`} onClick={() => setWhole(!isWhole)}>
              {words}
            </button>
          </li>
        )}
      </ul>
    </div>
  );
}
