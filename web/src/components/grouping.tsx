// Why an event is in this issue: the variants that were looked at, and what of each counted. Read when it is opened.

import { useState } from "preact/hooks";
import { useResource } from "../api/client";
import type { ComponentView, FingerprintView, GroupingVariantView, GroupingView } from "../api/types";
import { answer, counted, frameName, isCounted, runs, standing } from "../lib/grouping";
import { issuePath } from "../lib/urls";
import { CopyIcon } from "./controls";
import { LoadError, SkeletonRows } from "./states";

export function Grouping({ eventId }: { eventId: string }) {
  const [isOpen, setOpen] = useState(() => location.hash === "#grouping");
  const grouping = useResource<GroupingView>(isOpen ? `/api/ui/events/${encodeURIComponent(eventId)}/grouping` : null);
  return (
    <details class="grouping" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Why this group? <span class="quiet">Which parts of the event made its hash, and which were left out</span>
      </summary>
      {grouping.error && <LoadError error={grouping.error} what="The grouping" hasData={grouping.data !== undefined} onRetry={grouping.reload} />}
      {grouping.isLoading && <SkeletonRows rows={4} height={36} />}
      {grouping.data && <Answer grouping={grouping.data} />}
    </details>
  );
}

function Answer({ grouping }: { grouping: GroupingView }) {
  const { note, leads_to, fingerprint, variants, version } = grouping;
  return (
    <>
      <p class="g-answer">{answer(grouping)}</p>
      {note && (
        <p class="g-note">
          {note}
          {leads_to && (
            <>
              {" "}See <a href={issuePath(leads_to)}>{leads_to}</a>.
            </>
          )}
        </p>
      )}
      {fingerprint && <Fingerprint fingerprint={fingerprint} />}
      <ol class="g-variants">
        {variants.map((variant) => (
          <Variant key={variant.key} variant={variant} note={grouping.note} />
        ))}
      </ol>
      <p class="quiet g-legend">
        <span class="g-dot" aria-hidden="true" /> counts towards the hash <span class="g-dot off" aria-hidden="true" /> left out. {`Computed from the stored event with version ${version} of the algorithm.`}
      </p>
    </>
  );
}

const SOURCES: Record<string, string> = { client: "Fingerprint from the SDK", rule: "Fingerprint rule of the project", built_in: "Rule every project has" };

function Fingerprint({ fingerprint }: { fingerprint: FingerprintView }) {
  const { source, values, resolved, overruled, rule } = fingerprint;
  return (
    <div class="g-fingerprint">
      <h3>
        {SOURCES[source] ?? source}
        {rule?.line != null && <small>{`line ${rule.line}`}</small>}
      </h3>
      {rule && <pre class="block wraps">{rule.text}</pre>}
      {values.length > 0 && (
        <ol class="g-values">
          {values.map((value, i) => (
            <li key={i}>
              <code>{value}</code>
              {resolved[i] !== undefined && resolved[i] !== value && (
                <>
                  <span aria-hidden="true"> → </span>
                  <span class="offscreen"> stands for </span>
                  <code class="g-resolved">{resolved[i]}</code>
                </>
              )}
            </li>
          ))}
        </ol>
      )}
      {rule?.title != null && (
        <p>
          Titled <b>{rule.title}</b> by this rule.
        </p>
      )}
      {overruled && (
        <p class="quiet">
          The SDK asked for {overruled.map((value, i) => <code key={i}>{value}</code>)}, but the rule comes first.
        </p>
      )}
    </div>
  );
}

function Variant({ variant, note }: { variant: GroupingVariantView; note: string | null }) {
  const { words, kind } = standing(variant, note);
  const { component, hash, omitted } = variant;
  const tree = (
    <>
      <Parts parts={component.parts} />
      {component.values.length > 0 && <Leaf part={component} />}
      {omitted > 0 && <p class="quiet">{`${omitted} more parts are not shown.`}</p>}
    </>
  );
  const hasTree = component.parts.length > 0 || component.values.length > 0;
  return (
    <li class={`g-variant ${kind}`}>
      <div class="g-head">
        <h3>
          <span class="g-key">{variant.key.replace(/_/g, " ")}</span>
          <span class="g-what">{variant.description}</span>
        </h3>
        <span class={`badge${kind === "chosen" ? " ok" : ""}`}>{words}</span>
      </div>
      {hash && (
        <p class="g-hash">
          <code>{hash}</code>
          <CopyIcon text={() => hash} label="Copy hash" />
        </p>
      )}
      {variant.hint && <p class="g-why">{sentence(variant.hint)}</p>}
      {hasTree && (kind === "chosen" ? tree : <details class="g-tree"><summary>Parts</summary>{tree}</details>)}
    </li>
  );
}

/** `isUnder`: below something that was left out, so nothing here counts either. */
function Parts({ parts, isUnder = false }: { parts: readonly ComponentView[]; isUnder?: boolean }) {
  if (parts.length === 0) return null;
  return (
    <ul class="g-parts">
      {runs(parts).map((run, i) =>
        run.kind === "part" ? (
          <Part key={i} part={run.part} isUnder={isUnder} />
        ) : (
          <li key={i} class="off">
            <details>
              <summary>
                <Dot isOn={false} />
                <span class="g-name">{counted(run.parts[0] as ComponentView, run.parts.length)}</span> <span class="g-why">{run.hint}</span>
              </summary>
              <ul class="g-parts">
                {run.parts.map((part, n) => (
                  <Part key={n} part={part} isTold isUnder />
                ))}
              </ul>
            </details>
          </li>
        ),
      )}
    </ul>
  );
}

/** `isTold`: the reason stands above. */
function Part({ part, isTold = false, isUnder = false }: { part: ComponentView; isTold?: boolean; isUnder?: boolean }) {
  const isOn = !isUnder && isCounted(part);
  if (part.parts.length === 0)
    return (
      <li class={isOn ? "on" : "off"}>
        <Leaf part={part} isUnder={isUnder} />
      </li>
    );
  const name = (
    <>
      <Dot isOn={isOn} />
      <span class="g-name">{part.name}</span>
      {!isOn && part.id === "frame" && <code>{frameName(part)}</code>}
      {part.hint && !isTold && <span class="g-why">{part.hint}</span>}
    </>
  );
  return (
    <li class={isOn ? "on" : "off"}>
      {isOn ? (
        <>
          <div class="g-line">{name}</div>
          <Parts parts={part.parts} />
        </>
      ) : (
        <details>
          <summary>{name}</summary>
          <Parts parts={part.parts} isUnder />
        </details>
      )}
    </li>
  );
}

function Leaf({ part, isUnder = false }: { part: ComponentView; isUnder?: boolean }) {
  const isOn = !isUnder && isCounted(part);
  return (
    <div class="g-line">
      <Dot isOn={isOn} />
      <span class="g-name">{part.name}</span>
      {part.values.map((value, i) => (
        <code key={i}>
          <bdi>{value}</bdi>
        </code>
      ))}
      {part.hint && <span class="g-why">{part.hint}</span>}
    </div>
  );
}

function Dot({ isOn }: { isOn: boolean }) {
  return (
    <>
      <span class={`g-dot${isOn ? "" : " off"}`} aria-hidden="true" />
      <span class="offscreen">{isOn ? "counts: " : "left out: "}</span>
    </>
  );
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
