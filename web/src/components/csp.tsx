// A browser's report: what a policy blocked and where, or what was wrong with a connection.

import type { CspDetail, EventDetail } from "../api/types";
import { safeHref } from "../lib/urls";
import { Block } from "./code";
import { Part } from "./part";
import { KeyValues } from "./values";

/** `script-src 'self'; img-src *` as one directive a line. Pure. */
export function policyLines(policy: string): string {
  return policy
    .split(";")
    .map((directive) => directive.trim())
    .filter((directive) => directive !== "")
    .join(";\n");
}

function Address({ text }: { text: string }) {
  const href = safeHref(text);
  return href ? (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {text}
    </a>
  ) : (
    <bdi>{text}</bdi>
  );
}

export function Csp({ csp }: { csp: CspDetail }) {
  const place = csp.source_file === null ? null : [csp.source_file, csp.line, csp.line === null ? null : csp.column].filter((part) => part !== null).join(":");
  const addresses: [string, string | null][] = [
    ["blocked", csp.blocked_uri],
    ["document", csp.document_uri],
    ["referrer", csp.referrer],
  ];
  const rows: [string, string | null][] = [
    ["directive", csp.effective_directive],
    ["violated", csp.violated_directive === csp.effective_directive ? null : csp.violated_directive],
    ...addresses,
    ["source", place],
    ["status", csp.status_code === null ? null : String(csp.status_code)],
  ];
  return (
    <>
      {csp.disposition === "report" && <p class="quiet">The policy is on trial (report only): nothing was blocked.</p>}
      <dl class="kv">
        {rows.map(([name, value]) =>
          value === null || value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{addresses.some(([address]) => address === name) ? <Address text={value} /> : value}</dd>
            </div>
          ),
        )}
      </dl>
      {csp.sample !== null && (
        <Part title="Sample">
          <Block text={csp.sample} label="Blocked code" />
        </Part>
      )}
      {csp.original_policy !== null && (
        <Part title="Policy">
          <Block text={policyLines(csp.original_policy)} label="Policy" />
        </Part>
      )}
    </>
  );
}

export function Report({ detail }: { detail: EventDetail }) {
  return <KeyValues pairs={detail.report} />;
}
