// On the page of an issue about queries: what happened, the statement, the line that asks, and what to do about it.

import type { QueryFinding } from "../lib/performance";
import { ms, relationHint } from "../lib/performance";
import { count, percent } from "../lib/format";
import { tracePath } from "../lib/urls";
import { CodeBox } from "./code-box";
import { EditorLink } from "./editor-link";
import { Sql } from "./code";
import "../styles/performance.css";

export function QuerySection({ finding }: { finding: QueryFinding }) {
  const isLoop = finding.kind === "n_plus_one";
  const where = finding.within === "" ? "outside of any request that is known" : finding.isTask ? `in a run of ${finding.within}` : `in ${finding.within}`;
  return (
    <div class="query-finding">
      <p>
        {isLoop
          ? `The same query ran ${count(finding.count)} times, one after the other, ${where}: once for every row of a list instead of once for all of them.`
          : `A query took ${ms(finding.totalMs / Math.max(1, finding.count))} ${where}.`}
      </p>
      <dl class="facts">
        <div>
          <dt>Times in this trace</dt>
          <dd class="big">{count(finding.count)}</dd>
        </div>
        <div>
          <dt>Together</dt>
          <dd class="big">{ms(finding.totalMs)}</dd>
        </div>
        {finding.withinMs > 0 && finding.within !== "" && (
          <div>
            <dt>{finding.isTask ? "Of the run" : "Of the request"}</dt>
            <dd class="big">{percent(Math.min(1, finding.totalMs / finding.withinMs))}</dd>
          </div>
        )}
      </dl>
      <h3>Asked at</h3>
      {finding.callSite === null ? (
        <p class="quiet">
          The SDK did not say which line asks. With <code>db_query_source_threshold_ms=0</code> in <code>sentry_sdk.init</code> sentry-sdk names the line of every query that succeeds; of one that fails it never does.
        </p>
      ) : (
        <p>
          <code>{finding.callSite}</code>
          {finding.function !== null && (
            <>
              {" "}in <code>{finding.function}</code>
            </>
          )}
          <EditorLink path={finding.file} line={finding.line} withWords />
        </p>
      )}
      <h3>Query</h3>
      <Sql text={finding.sql} />
      <h3>How to mend it</h3>
      {isLoop ? <LoopAdvice finding={finding} /> : <SlowAdvice finding={finding} />}
      {finding.traceId !== "" && (
        <p>
          <a href={tracePath(finding.traceId)}>The trace of this event, with {finding.count > 1 ? "these queries" : "this query"} marked</a>
        </p>
      )}
    </div>
  );
}

function LoopAdvice({ finding }: { finding: QueryFinding }) {
  if (finding.operation !== "SELECT") {
    return (
      <>
        <p>Write all rows with one statement instead of one statement per row.</p>
        {finding.isDjango && <CodeBox snippet={{ title: "Django", language: "python", text: finding.operation === "INSERT" ? "Book.objects.bulk_create(books)" : finding.operation === "DELETE" ? "Book.objects.filter(pk__in=ids).delete()" : "Book.objects.bulk_update(books, [\"price\"])\nBook.objects.filter(pk__in=ids).update(price=9)  # the same value for all" }} />}
      </>
    );
  }
  if (!finding.isDjango) return <p>Fetch the related rows together with the list: by a join, or by one query with all their keys.</p>;
  const isOne = relationHint(finding.sql) === "one";
  return (
    <>
      <p>
        {isOne ? (
          <>
            Each row looks up the object that its foreign key names. <code>select_related</code> fetches it with the list, by a join.
          </>
        ) : (
          <>
            Each row looks up the many that belong to it. <code>prefetch_related</code> fetches those of all rows with one more query.
          </>
        )}
      </p>
      <CodeBox
        snippet={{
          title: "Django",
          language: "python",
          text: isOne ? 'Book.objects.select_related("author")      # the other end of a ForeignKey\n\nfor book in books:\n    book.author.name                        # no query any more' : 'Author.objects.prefetch_related("books")   # a reverse ForeignKey, or ManyToMany\n\nfor author in authors:\n    author.books.all()                      # no query any more; .filter() would be one',
        }}
      />
    </>
  );
}

function SlowAdvice({ finding }: { finding: QueryFinding }) {
  return (
    <p>
      Ask the database how it finds the rows (<code>EXPLAIN</code>
      {finding.isDjango && (
        <>
          , in Django <code>print(queryset.explain())</code>
        </>
      )}
      ): an index on the columns of the condition and of the order usually helps. Fetch only what is shown (<code>LIMIT</code>, fewer columns), and count or sum in the database.
    </p>
  );
}
