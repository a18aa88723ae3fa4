// The shapes of /api/ui/, generated from src/http/view by `make types`. Do not edit.

export type BootView = { version: string, 
/**
 * Never empty; the first one is what the welcome page shows.
 */
projects: Array<ProjectView>, 
/**
 * `/srv/app/trapline-data/trapline.db`
 */
database_path: string, has_events: boolean, has_traces: boolean, 
/**
 * The server's clock, to correct "12 s ago" on a machine whose own is off.
 */
now_ms: number, };

export type ProjectView = { id: string, slug: string, name: string, 
/**
 * 32 hex characters. The DSN is `${location.protocol}//${public_key}@${location.host}/${id}`.
 */
public_key: string, };

export type ErrorView = { 
/**
 * What happened, why, and what to do, in one or two sentences.
 */
detail: string, 
/**
 * The innermost causes, most specific last; may be empty.
 */
causes: Array<string>, };

export type IssueListView = { issues: Array<IssueRowView>, 
/**
 * Pass back as `cursor` for the next page; `null` at the end.
 */
next_cursor: string | null, 
/**
 * All issues that match, not just this page.
 */
total: number, };

export type IssueRowView = { id: string, 
/**
 * `DEFAULT-12`; what URLs use.
 */
short_id: string, project_slug: string, title: string, 
/**
 * Exception type, when there is one; the list shows it bold before `value`.
 */
ty: string | null, value: string | null, 
/**
 * The route or the place in the code.
 */
culprit: string, filename: string | null, function: string | null, line: number | null, 
/**
 * `fatal`, `error`, `warning`, `info`, `debug`.
 */
level: string, platform: string, 
/**
 * `unresolved`, `resolved`, `ignored`.
 */
status: string, is_unhandled: boolean, first_seen_ms: number, last_seen_ms: number, event_count: number, user_count: number, first_release: string | null, last_release: string | null, 
/**
 * Events per hour of the last 24 hours, oldest first; always 24 numbers.
 */
hours: Array<number>, };

export type IssueView = { issue: IssueRowView, 
/**
 * Events per day of the last 30 days, oldest first; always 30 numbers.
 */
days: Array<number>, };

export type EventView = { event_id: string, issue_id: string, short_id: string, nav: EventNavView, title: string, culprit: string, level: string, platform: string, timestamp_ms: number, received_ms: number, trace: EventTraceView | null, 
/**
 * Size of the JSON, in bytes.
 */
body_bytes: number, detail: EventDetail, };

export type EventNavView = { first: string, previous: string | null, next: string | null, latest: string, };

export type EventDetail = { 
/**
 * Formatted log message, when there is one.
 */
message: string | null, 
/**
 * The message with its placeholders, when that differs.
 */
message_template: string | null, logger: string | null, transaction: string | null, release: string | null, dist: string | null, environment: string | null, server_name: string | null, 
/**
 * `name/version`
 */
sdk: string | null, 
/**
 * Oldest cause first, the raised one last.
 */
exceptions: Array<ExceptionDetail>, 
/**
 * Threads with a stack trace, when there is no exception.
 */
threads: Array<ThreadDetail>, request: RequestDetail | null, 
/**
 * `id`, `username`, `email`, `ip_address` and whatever else was sent.
 */
user: Array<Variable>, 
/**
 * Oldest first.
 */
breadcrumbs: Array<Breadcrumb>, tags: Array<Pair>, 
/**
 * Without `trace`, which has fields of its own.
 */
contexts: Array<Context>, extra: Array<Variable>, 
/**
 * Package, version; sorted by package.
 */
modules: Array<Pair>, 
/**
 * Fields of the payload that could not be used, with the reason.
 */
field_errors: Array<FieldError>, };

export type ExceptionDetail = { 
/**
 * `ValueError`; falls back to `Error` wording in the app when absent.
 */
ty: string | null, value: string | null, 
/**
 * `django.db.utils`, when it is not builtins.
 */
module: string | null, mechanism: MechanismDetail | null, 
/**
 * The last of the chain: what was raised and names the issue.
 */
is_raised: boolean, 
/**
 * How this exception came to be the reason for the one after it; `null` for the raised one.
 */
relation: ExceptionRelation | null, 
/**
 * Depth in a tree of exception groups; 0 outside groups.
 */
group_depth: number, frames: Array<FrameDetail>, 
/**
 * Frames the SDK or the server left out, counted.
 */
frames_omitted: number, };

export type ExceptionRelation = "cause" | "context" | "chained" | "group_member";

export type MechanismDetail = { ty: string | null, handled: boolean | null, source: string | null, };

export type FrameDetail = { filename: string | null, abs_path: string | null, module: string | null, function: string | null, line: number | null, column: number | null, 
/**
 * Written by the user rather than by a library.
 */
in_app: boolean, 
/**
 * The frame to open first: the last in-app frame of the raised exception, else its last frame.
 */
is_crash: boolean, pre_context: Array<string>, context_line: string | null, post_context: Array<string>, vars: Array<Variable>, };

export type Variable = { name: string, value: unknown, };

export type ThreadDetail = { name: string | null, is_crashed: boolean, is_current: boolean, frames: Array<FrameDetail>, };

export type RequestDetail = { method: string | null, url: string | null, query: Array<Pair>, headers: Array<Pair>, cookies: Array<Pair>, env: Array<Variable>, data: unknown, };

export type Pair = { key: string, value: string, };

export type Breadcrumb = { timestamp_ms: number | null, 
/**
 * `default`, `http`, `query`, `navigation`, `error`, …
 */
ty: string, category: string | null, level: string, message: string | null, data: unknown, };

export type Context = { 
/**
 * `runtime`, `os`, `browser`, `flags`, …
 */
name: string, entries: Array<Variable>, };

export type EventTraceView = { trace_id: string, span_id: string | null, 
/**
 * Spans of this trace are stored, so the link leads somewhere.
 */
has_spans: boolean, };

export type FieldError = { 
/**
 * `exception.values.0.value`
 */
path: string, problem: string, };

export type TraceListView = { 
/**
 * Newest first.
 */
traces: Array<TraceRowView>, next_cursor: string | null, };

export type TraceRowView = { trace_id: string, start_ms: number, duration_ns: number, 
/**
 * Name, op and service of the root span.
 */
name: string, op: string, service: string, 
/**
 * All services, sorted.
 */
services: Array<string>, span_count: number, db_span_count: number, failed_span_count: number, 
/**
 * Error events linked by trace id.
 */
error_count: number, 
/**
 * `unset`, `ok`, `error`, of the root span.
 */
status: string, http_status: number | null, has_sentry: boolean, has_otel: boolean, 
/**
 * The real root has not arrived: the row is named after the best span there is.
 */
is_partial: boolean, };

export type TraceView = { trace_id: string, 
/**
 * The root's name, op and service; empty when there are no spans.
 */
name: string, op: string, service: string, 
/**
 * Unix nanoseconds as text (they do not fit a JavaScript number); all other times are relative to it.
 */
start_ns: string, start_ms: number, duration_ns: number, services: Array<string>, has_sentry: boolean, has_otel: boolean, spans: SpanColumns, errors: Array<TraceErrorView>, 
/**
 * Spans of the trace that are kept but left out of this answer, by the limit on spans per page.
 */
spans_omitted: number, };

export type SpanColumns = { span_id: Array<string>, 
/**
 * Index of the parent in these columns, -1 for none.
 */
parent: Array<number>, depth: Array<number>, 
/**
 * Relative to the trace's start.
 */
start_ns: Array<number>, duration_ns: Array<number>, name: Array<string>, op: Array<string>, 
/**
 * Index into the trace's `services`.
 */
service: Array<number>, 
/**
 * `internal`, `server`, `client`, `producer`, `consumer`.
 */
kind: Array<string>, 
/**
 * `unset`, `ok`, `error`.
 */
status: Array<string>, 
/**
 * `sentry` or `otel`.
 */
source: Array<string>, 
/**
 * The span names a parent that is not in the trace.
 */
is_orphan: Array<boolean>, };

export type TraceErrorView = { event_id: string, issue_id: string, short_id: string, title: string, level: string, 
/**
 * Relative to the trace's start.
 */
time_ns: number, 
/**
 * Index of the span it belongs to, -1 when there is none.
 */
span: number, 
/**
 * The event named no span of this trace, so it was placed by time.
 */
is_placed_by_time: boolean, };

export type SpanView = { trace_id: string, span_id: string, parent_span_id: string | null, name: string, op: string, kind: string, service: string, source: string, status: string, status_message: string, start_ms: number, duration_ns: number, http_status: number | null, release: string | null, environment: string | null, sdk: string | null, attributes: Array<Variable>, resource: Array<Variable>, events: Array<SpanEventView>, links: Array<SpanLinkView>, 
/**
 * Left out by the SDK's own limits.
 */
dropped: number, 
/**
 * For Sentry transactions: tags, contexts, request and so on, as sent.
 */
transaction: unknown, };

export type SpanEventView = { name: string, 
/**
 * Relative to the span's start.
 */
time_ns: number, attributes: Array<Variable>, };

export type SpanLinkView = { trace_id: string, span_id: string, attributes: Array<Variable>, };

export type MonitorListView = { 
/**
 * By slug.
 */
monitors: Array<MonitorView>, next_cursor: string | null, total: number, };

export type MonitorView = { slug: string, 
/**
 * As the code spells it.
 */
name: string, project_slug: string, 
/**
 * `crontab` or `interval`; `null` when nobody said, and then nothing is ever missed.
 */
schedule_type: string | null, 
/**
 * `15 3 * * *`, `2 hours`: as it was written.
 */
schedule: string | null, 
/**
 * `At 03:15`, `Every 2 hours`
 */
schedule_words: string | null, 
/**
 * `UTC` unless said.
 */
timezone: string, margin_min: number, runtime_min_max: number, failure_threshold: number, recovery_threshold: number, owner: string | null, created_ms: number, environments: Array<MonitorEnvironmentView>, };

export type MonitorEnvironmentView = { name: string, 
/**
 * `failing` in an incident, `shaky` with failures too few for one, `ok`, `waiting` before the first result.
 */
state: string, 
/**
 * The newest check-in has not ended.
 */
is_running: boolean, 
/**
 * In a row.
 */
failures: number, incident_since_ms: number | null, 
/**
 * The issue its failures are events of, when there ever was one.
 */
short_id: string | null, next_expected_ms: number | null, 
/**
 * The end of the margin after that.
 */
overdue_ms: number | null, last_check_in_ms: number | null, 
/**
 * Of the last run that ended.
 */
last_duration_ms: number | null, 
/**
 * The last ones, newest first.
 */
check_ins: Array<CheckInView>, };

export type CheckInListView = { 
/**
 * Newest first.
 */
check_ins: Array<CheckInView>, next_cursor: string | null, };

export type CheckInView = { check_in_id: string, environment: string, 
/**
 * `in_progress`, `ok`, `error`, `missed`, `timeout`, `unknown`.
 */
status: string, 
/**
 * When it began; for one that did not come, when it was due.
 */
started_ms: number, finished_ms: number | null, 
/**
 * The time of the schedule it stands for.
 */
expected_ms: number | null, duration_ms: number | null, 
/**
 * Why nobody can tell: nothing could reach the server from here to there.
 */
unwatched_from_ms: number | null, unwatched_to_ms: number | null, release: string | null, trace_id: string | null, 
/**
 * Spans of that trace are stored, so the link leads somewhere. Only told in `checkins`.
 */
has_trace: boolean, };

export type IngestView = { 
/**
 * Newest first, at most a few hundred, since the server started.
 */
rows: Array<IngestRowView>, 
/**
 * Totals since the database was made, by item type and what became of it.
 */
outcomes: Array<OutcomeView>, };

export type IngestRowView = { 
/**
 * Rises with every request since the server started.
 */
id: number, time_ms: number, method: string, path: string, status: number, 
/**
 * `sentry`, `otlp` or `other`.
 */
protocol: string, 
/**
 * `event ValueError`, `transaction /books/ · 29 spans`, `512 spans from billing`; empty when nothing was understood.
 */
summary: string, 
/**
 * Bytes as received.
 */
body_bytes: number, 
/**
 * `sentry.python.django/2.75.0`, as the client calls itself.
 */
client: string, 
/**
 * What was wrong; `null` for a plain success.
 */
problem: string | null, 
/**
 * What to change to make it work; `null` when nothing needs to.
 */
fix: string | null, 
/**
 * Issue and trace that resulted, for a link: short id of the first event, id of the first trace.
 */
short_id: string | null, trace_id: string | null, };

export type OutcomeView = { 
/**
 * `event`, `transaction`, `span`, `log`, `session`, …
 */
category: string, 
/**
 * `accepted`, `duplicate`, `not_kept`, `invalid`, `too_large`.
 */
reason: string, quantity: number, };
