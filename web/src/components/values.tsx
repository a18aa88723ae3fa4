// Values of unknown shape: leaves as Python prints them, trees that open, pairs in two columns. Text nodes only.

import { useState } from "preact/hooks";
import type { Pair, Variable } from "../api/types";
import { bytes, count } from "../lib/format";
import { isTree, leaf, leafKind, preview } from "../lib/python-value";
import { safeHref } from "../lib/urls";
import { Icon } from "./icons";

const LONG_AT = 400;
const ENTRIES_AT = 60;

export function Leaf({ value, linked = false }: { value: unknown; linked?: boolean }) {
  const [isWhole, setWhole] = useState(false);
  const text = leaf(value);
  const kind = leafKind(value);
  const isCut = text.length > LONG_AT && !isWhole;
  const href = linked && !isCut ? safeHref(text) : null;
  const shown = isCut ? text.slice(0, LONG_AT) : text;
  return (
    <span class={`leaf leaf-${kind}`} title={kind === "redacted" ? "Removed by the SDK or the server before it was stored" : undefined}>
      {href ? (
        <a href={href} target="_blank" rel="noopener noreferrer">
          {shown}
        </a>
      ) : (
        <bdi>{shown}</bdi>
      )}
      {isCut && (
        <button type="button" class="link more" onClick={() => setWhole(true)}>
          {`… all ${bytes(text.length)}`}
        </button>
      )}
    </span>
  );
}

function Tree({ value, depth = 0 }: { value: object; depth?: number }) {
  const [limit, setLimit] = useState(ENTRIES_AT);
  const entries = Array.isArray(value) ? value.map((item, i) => [String(i), item] as const) : Object.entries(value);
  return (
    <ul class="tree">
      {entries.slice(0, limit).map(([key, item]) => (
        <li key={key}>
          <Entry name={key} value={item} separator=": " depth={depth + 1} />
        </li>
      ))}
      {entries.length > limit && (
        <li>
          <button type="button" class="link" onClick={() => setLimit(limit * 10)}>
            {`… ${count(entries.length - limit)} more`}
          </button>
        </li>
      )}
    </ul>
  );
}

export function Entry({ name, value, separator = " = ", depth = 0 }: { name: string; value: unknown; separator?: string; depth?: number }) {
  const [isOpen, setOpen] = useState(false);
  if (!isTree(value))
    return (
      <div class="entry">
        <span class="name">{name}</span>
        <span class="eq">{separator}</span>
        <Leaf value={value} />
      </div>
    );
  const size = Array.isArray(value) ? value.length : Object.keys(value).length;
  return (
    <div class="entry branch">
      <button type="button" class="twist" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <Icon name="chevron" size={12} />
        <span class="name">{name}</span>
        <span class="eq">{separator}</span>
        <bdi class="preview">{isOpen ? (Array.isArray(value) ? `[${size}]` : `{${size}}`) : preview(value)}</bdi>
      </button>
      {isOpen && <Tree value={value} depth={depth} />}
    </div>
  );
}

export function Variables({ vars, label }: { vars: readonly Variable[]; label: string }) {
  return (
    <div class="vars" role="group" aria-label={label}>
      {vars.map(({ name, value }, i) => (
        <Entry key={`${i}${name}`} name={name} value={value} />
      ))}
    </div>
  );
}

/** Names left, values right, one line per pair; values wrap. */
export function KeyValues({ pairs, linked = true, linkOf }: {
  pairs: readonly (Pair | Variable)[];
  linked?: boolean;
  /** Where what else has a value is listed. */
  linkOf?: (name: string, value: unknown) => string | null;
}) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? pairs : pairs.slice(0, ENTRIES_AT);
  return (
    <>
      <dl class="kv">
        {shown.map((pair, i) => {
          const name = "key" in pair ? pair.key : pair.name;
          const others = linkOf?.(name, pair.value);
          return (
            <div key={`${i}${name}`}>
              <dt>{name}</dt>
              <dd>
                {isTree(pair.value) ? <Entry name="" separator="" value={pair.value} /> : pair.value === "" ? <span class="none">empty</span> : <Leaf value={pair.value} linked={linked} />}
                {others && (
                  <a class="kv-others" href={others} title="Other traces with this value" aria-label={`Other traces with this ${name}`}>
                    traces
                  </a>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
      {pairs.length > shown.length && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {`Show all ${count(pairs.length)}`}
        </button>
      )}
    </>
  );
}
