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
causes: Array<string>, 
/**
 * Which part of a search it is about; `null` of everything else.
 */
at: PlaceView | null, };

export type PlaceView = { from: number, to: number, };

export type IssueListView = { issues: Array<IssueRowView>, 
/**
 * Pass back as `cursor` for the next page; `null` at the end.
 */
next_cursor: string | null, 
/**
 * All issues that match, not just this page.
 */
total: number, 
/**
 * Where issues were seen, to choose from.
 */
environments: Array<string>, 
/**
 * The newest, to choose from.
 */
releases: Array<string>, 
/**
 * Why not everything that matches is among it, when that is so.
 */
partial: string | null, 
/**
 * Of an empty list: keys that nothing has.
 */
notes: Array<string>, };

export type IssueCountsView = { open: number, new: number, regressed: number, ignored: number, resolved: number, all: number, };

export type StatusDetailView = { 
/**
 * `now`, `next_release`, `release`, `forever`, `until_time`, `until_events`, `until_users`.
 */
kind: string, 
/**
 * The release it is resolved in; of `next_release` the one after which it is.
 */
release: string | null, until_ms: number | null, 
/**
 * Events or users to come.
 */
count: number | null, 
/**
 * How many of these have come.
 */
seen: number | null, 
/**
 * Of `until_events`: within how long they must come.
 */
window_minutes: number | null, by: string | null, at_ms: number, };

export type IssueEventsView = { events: Array<EventLineView>, next_cursor: string | null, total: number, 
/**
 * Events of before are still being made searchable.
 */
is_partial: boolean, };

export type EventLineView = { event_id: string, timestamp_ms: number, title: string, level: string, release: string | null, environment: string | null, 
/**
 * `id:42`, `email:…`, `ip:…`
 */
user: string | null, trace_id: string | null, transaction: string | null, server_name: string | null, };

export type IssueTagsView = { 
/**
 * That were counted.
 */
events: number, 
/**
 * There are more, which were not.
 */
is_partial: boolean, tags: Array<IssueTagView>, 
/**
 * Other tags, which fewer events have than these.
 */
left_out: number, 
/**
 * More values of the one tag; `null` in the list of tags.
 */
next_cursor: string | null, };

export type IssueTagView = { key: string, 
/**
 * Different values.
 */
distinct: number, 
/**
 * Events without it.
 */
missing: number, 
/**
 * The most frequent first.
 */
values: Array<TagValueView>, 
/**
 * Events with a value that is not among these.
 */
other: number, };

export type TagValueView = { value: string, count: number, last_seen_ms: number, 
/**
 * Share of the project's other events that have it; `null` unless asked for.
 */
rest_share: number | null, 
/**
 * How many times as frequent it is here.
 */
lift: number | null, };

export type IssueHistoryView = { 
/**
 * As asked for; `hour` instead of less where not every event that was counted is still here.
 */
unit: string, start_ms: number, step_ms: number, 
/**
 * Events of each step, zeros included.
 */
counts: Array<number>, releases: Array<ReleaseMarkView>, is_partial: boolean, };

export type ReleaseMarkView = { version: string, at_ms: number, };

export type IssueUsersView = { 
/**
 * Also of those whose events are gone.
 */
count: number, users: Array<IssueUserView>, is_partial: boolean, };

export type IssueUserView = { 
/**
 * `id:42`, `email:…`, `ip:…`
 */
label: string, count: number, last_seen_ms: number, };

export type ChangesView = { since_ms: number, 
/**
 * What is compared with what, in a sentence.
 */
basis: string, 
/**
 * The most telling first.
 */
items: Array<ChangeView>, };

export type ChangeView = { 
/**
 * `release`, `environment`, `server`, `flag`, `package`, `tag`
 */
kind: string, key: string, before: string | null, after: string | null, share_before: number | null, share_after: number | null, lift: number | null, sentence: string, };

export type IssueRowView = { id: string, 
/**
 * `DEFAULT-12`; what URLs use.
 */
short_id: string, project_slug: string, 
/**
 * `error`, `default`, `n_plus_one`, `slow_query`, `cron`, `csp`, …: what its events are.
 */
kind: string, title: string, 
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
status: string, is_unhandled: boolean, first_seen_ms: number, last_seen_ms: number, 
/**
 * Of a list that is narrowed to an environment, a release or a time: of the events within it, as `user_count` and `hours`.
 */
event_count: number, user_count: number, 
/**
 * `user_count` is of all its events, whatever the list is narrowed to: there were too many to look at.
 */
users_in_all: boolean, first_release: string | null, last_release: string | null, 
/**
 * Events per hour of the last 24 hours, oldest first: 24 numbers; none where there were too many events to look at.
 */
hours: Array<number>, 
/**
 * `new`, `regressed`, `ongoing`; empty for what is not unresolved.
 */
substatus: string, 
/**
 * The release whose event reopened it, of `regressed`; `null` when that event named none.
 */
regressed_release: string | null, 
/**
 * How it is resolved or ignored.
 */
status_detail: StatusDetailView | null, assignee: string | null, 
/**
 * `low`, `medium`, `high`.
 */
priority: string, is_bookmarked: boolean, comment_count: number, 
/**
 * Issues that are shown as this one.
 */
merged_count: number, 
/**
 * When people, or events that reopened it, last changed its status or what people decide; pass back as `seen_ms` of an
 * action.
 */
changed_ms: number, };

export type IssueView = { issue: IssueRowView, 
/**
 * Events per day of the last 30 days, oldest first; always 30 numbers.
 */
days: Array<number>, 
/**
 * Messages of people about any of its events.
 */
feedback_count: number, 
/**
 * Of the oldest event that is still here; `null` when none is: the numbers of an issue outlive its events.
 */
oldest_event_ms: number | null, 
/**
 * How long events are kept; 0: as long as there is room.
 */
keep_days: number, };

export type IssueActions = { 
/**
 * Ids or short ids, at most 1000.
 */
ids: Array<string>, 
/**
 * Who does it.
 */
by?: string | null, 
/**
 * `changed_ms` as it was shown: whoever changed an issue since is told of in `problems`.
 */
seen_ms?: number | null, action: IssueAction, };

export type IssueAction = { "kind": "resolve", in?: ResolvePlace | null, release?: string | null, } | { "kind": "ignore", until?: IgnoreUntil | null, until_ms?: number | null, 
/**
 * Of events or users.
 */
count?: number | null, 
/**
 * Within how long so many events must come.
 */
window_minutes?: number | null, } | { "kind": "unresolve" } | { "kind": "assign", 
/**
 * Nobody without.
 */
to?: string | null, } | { "kind": "priority", 
/**
 * `low`, `medium`, `high`.
 */
priority: string, } | { "kind": "bookmark", on: boolean, } | { "kind": "merge", into: string, } | { "kind": "unmerge", from: string, } | { "kind": "delete" } | { "kind": "discard" };

export type ResolvePlace = "now" | "next_release" | "release";

export type IgnoreUntil = "forever" | "time" | "events" | "users";

export type ActedView = { 
/**
 * Issues that are not as they were.
 */
changed: number, 
/**
 * What it can be undone by, for ten minutes.
 */
undo: string | null, problems: Array<ActionProblemView>, };

export type ActionProblemView = { 
/**
 * As it was sent.
 */
id: string, detail: string, };

export type UndoRequest = { token: string, };

export type UndoneView = { changed: number, problems: Array<ActionProblemView>, };

export type PeopleView = { 
/**
 * Whoever was active last first.
 */
names: Array<string>, };

export type ActivityListView = { 
/**
 * Newest first.
 */
entries: Array<ActivityView>, };

export type ActivityView = { id: string, at_ms: number, 
/**
 * `null` for what events and time do.
 */
by: string | null, 
/**
 * `first_seen`, `resolved`, `unresolved`, `regressed`, `ignored`, `unignored`, `assigned`, `priority`, `bookmarked`,
 * `merged`, `unmerged`, `comment`, `deleted`.
 */
kind: string, 
/**
 * Of a comment, as it was written.
 */
text: string | null, edited_ms: number | null, 
/**
 * An object, by kind.
 */
detail: Record<string, unknown>, };

export type CommentRequest = { text: string, by?: string | null, };

export type MergedListView = { members: Array<MergedView>, };

export type MergedView = { id: string, short_id: string, title: string, event_count: number, last_seen_ms: number, 
/**
 * One of its grouping hashes, 32 hex characters.
 */
hash: string, };

export type SimilarListView = { 
/**
 * The most alike first.
 */
issues: Array<SimilarView>, };

export type SimilarView = { row: IssueRowView, 
/**
 * 0 to 1.
 */
score: number, 
/**
 * What is alike, the most telling first.
 */
reasons: Array<string>, };

export type DiscardListView = { discarded: Array<DiscardView>, };

export type DiscardView = { id: string, project_slug: string, 
/**
 * Of the issue that was deleted then.
 */
short_id: string, title: string, culprit: string, by: string | null, at_ms: number, 
/**
 * Events dropped since, and when the last of them came.
 */
event_count: number, last_ms: number | null, };

export type EventView = { event_id: string, issue_id: string, short_id: string, nav: EventNavView, title: string, culprit: string, level: string, platform: string, timestamp_ms: number, received_ms: number, trace: EventTraceView | null, 
/**
 * Who else told of this error, in the order of time.
 */
reports: Array<EventReportView>, 
/**
 * Size of the JSON, in bytes.
 */
body_bytes: number, 
/**
 * In the order they came, those refused included.
 */
attachments: Array<AttachmentView>, replays: Array<ReplayView>, 
/**
 * What people wrote about this very event, newest first.
 */
feedback: Array<FeedbackView>, detail: EventDetail, };

export type EventNavView = { first: string, previous: string | null, next: string | null, latest: string, 
/**
 * The one that says most.
 */
recommended: string | null, 
/**
 * All that match.
 */
total: number | null, 
/**
 * From the oldest on, 1 is the first; `null` when the event itself does not match, or is far from both ends.
 */
position: number | null, };

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
 * What a browser blocked, when the event is its report.
 */
csp: CspDetail | null, 
/**
 * A browser's report of another kind (network errors, certificates), as sent.
 */
report: Array<Variable>, 
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

export type MechanismDetail = { ty: string | null, handled: boolean | null, source: string | null, description: string | null, help_link: string | null, 
/**
 * Whatever else the SDK says of it: `data`, and codes of signals under `meta`.
 */
data: Array<Variable>, };

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

export type ThreadDetail = { name: string | null, is_crashed: boolean, is_current: boolean, 
/**
 * `RUNNABLE`, `WAITING`, …, as the platform calls it.
 */
state: string | null, frames: Array<FrameDetail>, };

export type RequestDetail = { method: string | null, url: string | null, query: Array<Pair>, headers: Array<Pair>, cookies: Array<Pair>, env: Array<Variable>, data: unknown, 
/**
 * What `data` was read as when it came as text.
 */
inferred_content_type: string | null, };

export type Pair = { key: string, value: string, };

export type Breadcrumb = { timestamp_ms: number | null, 
/**
 * `default`, `http`, `query`, `navigation`, `error`, …
 */
ty: string, category: string | null, level: string, message: string | null, data: unknown, };

export type Context = { 
/**
 * `runtime`, `os`, `browser`, `client_os`, `flags`, …; those the SDK did not send come from the request's headers.
 */
name: string, 
/**
 * What kind of context it is; its name unless the SDK says otherwise.
 */
ty: string, 
/**
 * `CPython 3.11.8`: the one line that sums it up.
 */
summary: string | null, entries: Array<Variable>, };

export type EventTraceView = { trace_id: string, span_id: string | null, 
/**
 * Spans of this trace are stored, so the link leads somewhere.
 */
has_spans: boolean, 
/**
 * About how many: a small trace is read before anybody scrolls to it, so that nothing moves when they do.
 */
span_count: number, 
/**
 * Logs that name this trace.
 */
log_count: number, };

export type EventReportView = { 
/**
 * `span_event`, `log_record`
 */
source: string, timestamp_ms: number, span_id: string | null, 
/**
 * Name of the span, or of the logger; may be empty.
 */
label: string, };

export type GroupingView = { 
/**
 * Of the algorithm the event was grouped with.
 */
version: number, 
/**
 * Said when grouping the event again does not lead to the issue it is in.
 */
note: string | null, 
/**
 * Where it would go today instead, when that issue exists.
 */
leads_to: string | null, fingerprint: FingerprintView | null, 
/**
 * The one that decided first, then those that would find the issue too, then the rest.
 */
variants: Array<GroupingVariantView>, };

export type FingerprintView = { 
/**
 * `client`, `rule`, `built_in`
 */
source: string, values: Array<string>, 
/**
 * With variables replaced by what they stood for.
 */
resolved: Array<string>, 
/**
 * What the client asked for, when a rule decided instead.
 */
overruled: Array<string> | null, rule: FingerprintRuleView | null, };

export type FingerprintRuleView = { 
/**
 * `None` for a rule every project has.
 */
line: number | null, text: string, title: string | null, };

export type GroupingVariantView = { 
/**
 * `app`, `system`, `default`, `custom_fingerprint`, …
 */
key: string, 
/**
 * `in-app exception stack trace`
 */
description: string, hash: string | null, is_contributing: boolean, 
/**
 * Its hash is the one that leads to the issue.
 */
is_chosen: boolean, hint: string | null, component: ComponentView, 
/**
 * Parts too many to show.
 */
omitted: number, };

export type ComponentView = { id: string, name: string, contributes: boolean, hint: string | null, 
/**
 * Texts, hashed as they stand here.
 */
values: Array<string>, parts: Array<ComponentView>, };

export type CspDetail = { 
/**
 * `script-src-elem`
 */
effective_directive: string | null, 
/**
 * As sent: older browsers add the list of sources.
 */
violated_directive: string | null, 
/**
 * An address, or `inline`, `eval`, `data`, …
 */
blocked_uri: string | null, document_uri: string | null, referrer: string | null, source_file: string | null, line: number | null, column: number | null, 
/**
 * The start of the script or style that was blocked, when the policy asks for it.
 */
sample: string | null, 
/**
 * The whole policy.
 */
original_policy: string | null, 
/**
 * `enforce` or `report`: a policy on trial blocks nothing.
 */
disposition: string | null, status_code: number | null, };

export type FeedbackListView = { 
/**
 * Newest first.
 */
feedback: Array<FeedbackView>, 
/**
 * Pass back as `cursor` for the next page; `null` at the end.
 */
next_cursor: string | null, };

export type FeedbackOneView = { feedback: FeedbackView, 
/**
 * Tags, contexts and whatever else came with it; `null` for user reports.
 */
detail: EventDetail | null, };

export type FeedbackView = { feedback_id: string, project_slug: string, 
/**
 * `feedback` (a widget or the SDK) or `user_report` (a crash page, an old SDK, the web API).
 */
source: string, message: string, name: string | null, email: string | null, 
/**
 * The page they were on; any text, may be no address at all.
 */
url: string | null, timestamp_ms: number, release: string | null, environment: string | null, 
/**
 * What it is about, as the sender says; the event may not be here.
 */
event_id: string | null, 
/**
 * Set when the event is here.
 */
issue: FeedbackIssueView | null, trace_id: string | null, span_id: string | null, 
/**
 * Spans of this trace are stored, so the link leads somewhere.
 */
has_trace: boolean, replay_id: string | null, };

export type FeedbackIssueView = { short_id: string, title: string, };

export type FieldError = { 
/**
 * `exception.values.0.value`
 */
path: string, problem: string, };

export type ServiceListView = { 
/**
 * What traces name as `service.name`, sorted.
 */
services: Array<string>, };

export type TraceListView = { 
/**
 * Newest first.
 */
traces: Array<TraceRowView>, next_cursor: string | null, 
/**
 * The search took too long and was given up here; `null` when the page is what it should be.
 */
searched_to_ms: number | null, 
/**
 * Traces that would stand among these, were it not for `kind=requests`: lone calls and queries outside of any
 * request.
 */
background_hidden: number, 
/**
 * Of an empty list: keys that nothing has.
 */
notes: Array<string>, };

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
start_ns: string, start_ms: number, duration_ns: number, services: Array<string>, has_sentry: boolean, has_otel: boolean, 
/**
 * Empty when they are asked for packed.
 */
spans: SpanColumns, 
/**
 * With `?packed=1`.
 */
packed: PackedSpans | null, 
/**
 * There are so many spans that what takes reading all they carry is not here: findings and profiles are asked for
 * with `?part=rest`, which leaves out the spans.
 */
rest_later: boolean, errors: Array<TraceErrorView>, 
/**
 * Queries that are a mistake, the ones that cost most first.
 */
findings: Array<TraceFindingView>, 
/**
 * Logs that name this trace.
 */
log_count: number, 
/**
 * Spans of the trace that are kept but left out of this answer, by the limit on spans per page.
 */
spans_omitted: number, profiles: Array<ProfileView>, replays: Array<ReplayView>, };

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
is_orphan: Array<boolean>, 
/**
 * By how much the span is drawn later than its own clock says (earlier when negative), because that differs from
 * its caller's; 0 for nearly all. Already in `start_ns`.
 */
clock_shift_ns: Array<number>, };

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

export type SpanPlaceView = { trace_id: string, span_id: string, name: string, };

export type SpanView = { trace_id: string, span_id: string, parent_span_id: string | null, name: string, op: string, kind: string, service: string, source: string, status: string, status_message: string, start_ms: number, duration_ns: number, http_status: number | null, 
/**
 * Of a database query.
 */
query: QueryView | null, release: string | null, environment: string | null, sdk: string | null, attributes: Array<Variable>, resource: Array<Variable>, events: Array<SpanEventView>, links: Array<SpanLinkView>, 
/**
 * Left out by the SDK's own limits.
 */
dropped: number, 
/**
 * For Sentry transactions: tags, contexts, request and so on, as sent.
 */
transaction: unknown, };

export type QueryView = { 
/**
 * Without values.
 */
text: string, 
/**
 * `SELECT shop_book`; empty when the statement cannot be read.
 */
summary: string, 
/**
 * Finds its equals, as the attribute `trapline.query.fingerprint`.
 */
fingerprint: string, };

export type SpanEventView = { name: string, 
/**
 * Relative to the span's start.
 */
time_ns: number, attributes: Array<Variable>, };

export type SpanLinkView = { trace_id: string, span_id: string, attributes: Array<Variable>, };

export type SpanListView = { 
/**
 * The one that started last first.
 */
spans: Array<SpanRowView>, next_cursor: string | null, 
/**
 * The search took too long and was given up here.
 */
searched_to_ms: number | null, };

export type SpanRowView = { trace_id: string, span_id: string, start_ms: number, duration_ns: number, name: string, op: string, 
/**
 * `internal`, `server`, `client`, `producer`, `consumer`.
 */
kind: string, service: string, 
/**
 * `unset`, `ok`, `error`.
 */
status: string, http_status: number | null, source: string, };

export type CallSitesView = { 
/**
 * The one with most time first.
 */
sites: Array<CallSiteView>, 
/**
 * Runs of the query that were looked at, the newest.
 */
runs: number, 
/**
 * Older ones than this were not.
 */
searched_to_ms: number | null, };

export type CallSiteView = { 
/**
 * `shop/views.py:12 in books_list`; `null` when the SDK did not say.
 */
call_site: string | null, runs: number, total_ms: number, average_ms: number, slowest_ms: number, failed: number, 
/**
 * Where the slowest of them is.
 */
trace_id: string | null, span_id: string | null, };

export type PackedSpans = { 
/**
 * Of `name`, `op`, `kind`, `status` and `source`, which are indexes into it.
 */
texts: Array<string>, 
/**
 * 16 hex digits each, without anything between.
 */
span_ids: string, parent: Array<number>, start_ns: Array<number>, duration_ns: Array<number>, name: Array<number>, op: Array<number>, service: Array<number>, kind: Array<number>, status: Array<number>, source: Array<number>, 
/**
 * The spans that are orphans.
 */
orphans: Array<number>, 
/**
 * The spans that are drawn elsewhere than their clock says, and by how much.
 */
shifted: Array<number>, shifts_ns: Array<number>, };

export type TraceSqlView = { statements: Array<StatementView>, 
/**
 * `shop/views.py:12 in books_list`
 */
call_sites: Array<string>, span_id: Array<string>, 
/**
 * Index into `statements`.
 */
statement: Array<number>, 
/**
 * Index into `call_sites`, -1 when the SDK did not say.
 */
call_site: Array<number>, 
/**
 * Spans of the trace that were not looked at, by the limit on spans per page.
 */
spans_omitted: number, };

export type StatementView = { 
/**
 * Without values.
 */
text: string, 
/**
 * One of them as it was sent.
 */
example: string, 
/**
 * `SELECT shop_book`; empty when the statement cannot be read.
 */
summary: string, 
/**
 * Finds its equals, as the attribute `trapline.query.fingerprint`.
 */
fingerprint: string, 
/**
 * `postgresql`; empty when the SDK did not say.
 */
system: string, 
/**
 * Values that were sent beside the example.
 */
parameters: Array<Variable>, };

export type TraceFindView = { 
/**
 * In no particular order.
 */
span_ids: Array<string>, 
/**
 * Not all spans were looked at, or there are more.
 */
is_partial: boolean, };

export type TraceJsonView = { trace_id: string, 
/**
 * By their starts.
 */
spans: Array<SpanView>, errors: Array<TraceErrorView>, 
/**
 * Spans of the trace that are kept but left out here.
 */
spans_omitted: number, };

export type HeatView = { from_ms: number, step_ms: number, columns: number, 
/**
 * Durations between which the rows lie, the shortest first: one more than there are rows.
 */
bounds_ns: Array<number>, 
/**
 * Traces, by column and then by row.
 */
counts: Array<Array<number>>, 
/**
 * Those of them whose request failed.
 */
errors: Array<Array<number>>, total: number, 
/**
 * Time was up: of traces before this some or all are missing.
 */
searched_to_ms: number | null, };

export type FacetsView = { facets: Array<FacetView>, 
/**
 * Traces that were looked at.
 */
of: number, searched_to_ms: number | null, };

export type FacetView = { 
/**
 * `service`, `name`, `op`, `status`, `http.status_code`, `source`.
 */
key: string, 
/**
 * The most common first.
 */
values: Array<FacetValueView>, };

export type FacetValueView = { value: string, count: number, };

export type CompareView = { 
/**
 * Traces in the selection and all others.
 */
selected: number, rest: number, 
/**
 * Of these, the ones whose spans were looked at: what shares are of.
 */
selected_seen: number, rest_seen: number, 
/**
 * What sets the selection apart most first.
 */
items: Array<CompareItemView>, is_sampled: boolean, };

export type CompareItemView = { key: string, value: string, 
/**
 * Of the traces of either side those with a span that has it, from 0 to 1.
 */
share_in: number, share_out: number, 
/**
 * How many times as common it is in the selection; `null` when none of the others has it.
 */
lift: number | null, };

export type BreakdownListView = { traces: Array<BreakdownView>, };

export type BreakdownView = { trace_id: string, parts: Array<BreakdownPartView>, 
/**
 * The trace has more spans than were looked at.
 */
is_partial: boolean, };

export type BreakdownPartView = { op: string, 
/**
 * `internal`, `server`, `client`, `producer`, `consumer`.
 */
kind: string, self_ns: number, };

export type AttachmentView = { id: string, name: string, 
/**
 * In Sentry's words: `event.attachment`, `event.minidump`, …
 */
kind: string, content_type: string | null, bytes: number, received_ms: number, 
/**
 * Why it was not kept; then there is nothing to download.
 */
problem: string | null, 
/**
 * Of the bytes; add `?download` or `?inline`.
 */
url: string, 
/**
 * What a browser may show of it: `image`, `text` or nothing.
 */
preview: string, };

export type AttachmentTextView = { text: string, 
/**
 * There is more in the file.
 */
is_cut: boolean, };

export type ProfileView = { profile_id: string, 
/**
 * Of the transaction; empty for a chunk.
 */
name: string, platform: string, 
/**
 * A chunk covers whatever the process did in that time, not only this trace.
 */
is_chunk: boolean, samples: number, start_ms: number, duration_ms: number, bytes: number, url: string, };

export type ReplayView = { replay_id: string, 
/**
 * The first page.
 */
page: string | null, segment_count: number, error_count: number, start_ms: number, end_ms: number, bytes: number, url: string, };

export type LogListView = { logs: Array<LogRowView>, 
/**
 * Pass back as `cursor` for the next page; `null` at the end.
 */
next_cursor: string | null, 
/**
 * The search took too long and was given up here; `null` when the page is what it should be.
 */
searched_to_ms: number | null, 
/**
 * Of a trace: kept, but more than one page shows.
 */
omitted: number, 
/**
 * Any log was ever stored.
 */
has_any: boolean, 
/**
 * Of an empty list: keys that nothing has.
 */
notes: Array<string>, };

export type LogRowView = { id: string, time_ms: number, 
/**
 * Unix nanoseconds as text: they do not fit a JavaScript number.
 */
time_ns: string, 
/**
 * `unknown`, `trace`, `debug`, `info`, `warn`, `error`, `fatal`.
 */
level: string, 
/**
 * Cut to what a row can show.
 */
body: string, is_cut: boolean, service: string, logger: string | null, trace_id: string | null, span_id: string | null, };

export type LogView = { id: string, time_ms: number, received_ms: number, level: string, 
/**
 * OpenTelemetry's number, 0 when unknown.
 */
severity: number, 
/**
 * The client's own word, when it is another one.
 */
severity_text: string, body: string, 
/**
 * The body with placeholders, where that differs.
 */
template: string | null, logger: string | null, trace_id: string | null, span_id: string | null, 
/**
 * Spans of the trace are stored, so the link leads somewhere.
 */
has_spans: boolean, project_slug: string, service: string, release: string | null, environment: string | null, sdk: string | null, 
/**
 * `sentry` or `otel`.
 */
source: string, attributes: Array<Variable>, resource: Array<Variable>, 
/**
 * Left out by the SDK's own limits or ours.
 */
dropped: number, 
/**
 * Error events of the same trace, nearest in time first.
 */
events: Array<LogEventView>, };

export type LogEventView = { event_id: string, short_id: string, title: string, level: string, 
/**
 * After the log, before it when negative.
 */
offset_ms: number, };

export type LogVolumeView = { from_ms: number, 
/**
 * Length of one stretch.
 */
step_ms: number, 
/**
 * One entry per level that occurs, lowest first.
 */
levels: Array<LogLevelVolume>, 
/**
 * The search took too long: what is older was not counted; `null` when all was.
 */
searched_to_ms: number | null, 
/**
 * All there are in the time, whatever is chosen of them.
 */
services: Array<string>, environments: Array<string>, };

export type LogLevelVolume = { level: string, 
/**
 * Records per stretch, oldest first.
 */
counts: Array<number>, };

export type CompletionView = { 
/**
 * The part of the text that an item takes the place of, in UTF-16 units.
 */
from: number, to: number, 
/**
 * `key`, `value`, or `none` when there is nothing to offer.
 */
context: string, 
/**
 * The best first.
 */
items: Array<CompletionItemView>, 
/**
 * Counts are of what there was time to look at.
 */
is_partial: boolean, };

export type CompletionItemView = { 
/**
 * What to put in, with quotes where it needs them.
 */
insert: string, 
/**
 * What to show.
 */
label: string, 
/**
 * What a key is for; may be empty.
 */
note: string, 
/**
 * How often it was met lately.
 */
count: number | null, };

export type SearchKeyListView = { keys: Array<SearchKeyView>, };

export type SearchKeyView = { key: string, 
/**
 * Other names of it.
 */
aliases: Array<string>, doc: string, };

export type LogFacetsView = { facets: Array<LogFacetView>, 
/**
 * Records that were counted.
 */
of: number, 
/**
 * What is older was not counted; `null` when all was.
 */
searched_to_ms: number | null, };

export type LogFacetView = { 
/**
 * As it is searched by.
 */
key: string, 
/**
 * The most frequent first.
 */
values: Array<LogFacetValueView>, };

export type LogFacetValueView = { value: string, 
/**
 * The value as it is written behind the key.
 */
insert: string, count: number, };

export type MetricListView = { 
/**
 * By name.
 */
metrics: Array<MetricRowView>, 
/**
 * There are more than are listed.
 */
is_cut: boolean, 
/**
 * Any metric was ever stored.
 */
has_any: boolean, 
/**
 * Where the small charts begin.
 */
from_ms: number, };

export type MetricRowView = { name: string, 
/**
 * `counter`, `gauge`, `distribution`.
 */
kind: string, 
/**
 * Empty when it was not said.
 */
unit: string, project_slug: string, last: number, last_ms: number, 
/**
 * Points in the time asked for.
 */
count: number, 
/**
 * Sums of a counter, averages of anything else, oldest first; `null` where nothing was measured.
 */
spark: Array<number | null>, 
/**
 * What it measures, in the words of whoever made it; empty when it was not said.
 */
description: string, };

export type MetricView = { name: string, kind: string, unit: string, 
/**
 * What it measures, in the words of whoever made it; empty when it was not said.
 */
description: string, project_slug: string, 
/**
 * The metrics of this name; this is one of them.
 */
variants: Array<MetricVariantView>, from_ms: number, 
/**
 * Length of one stretch.
 */
step_ms: number, series: MetricSeriesView, 
/**
 * One per value of the attribute asked for, the one with most points first; the rest together under `null`.
 */
split: Array<MetricSplitView>, 
/**
 * Names of attributes that points of the time carry.
 */
attributes: Array<string>, 
/**
 * Of a distribution, over all of the time: exact where every measurement was looked at, else read from buckets.
 */
p50: number | null, p95: number | null, p99: number | null, 
/**
 * Points looked at for split and examples.
 */
points_seen: number, 
/**
 * Older points were not looked at; `null` when all of the time were.
 */
searched_to_ms: number | null, 
/**
 * Measurements with a trace, the highest first for distributions, else the latest.
 */
examples: Array<MetricExampleView>, };

export type MetricVariantView = { kind: string, unit: string, project_slug: string, };

export type MetricSeriesView = { count: Array<number>, sum: Array<number | null>, min: Array<number | null>, max: Array<number | null>, last: Array<number | null>, 
/**
 * Of a distribution; `null` also where no spread was kept.
 */
p50: Array<number | null>, p95: Array<number | null>, p99: Array<number | null>, };

export type MetricSplitView = { 
/**
 * `null`: all values that have no line of their own.
 */
value: string | null, points: number, series: MetricSeriesView, };

export type MetricExampleView = { time_ms: number, value: number, trace_id: string, span_id: string | null, has_spans: boolean, };

export type PerformanceView = { 
/**
 * `endpoint`, `task`, `query`.
 */
kind: string, 
/**
 * Those that take most time first.
 */
rows: Array<PerformanceRowView>, 
/**
 * There are more than are listed.
 */
is_cut: boolean, 
/**
 * Any performance data was ever counted.
 */
has_any: boolean, from_ms: number, step_ms: number, 
/**
 * Up to so many milliseconds a request satisfies.
 */
apdex_ms: number, 
/**
 * What there is to choose from in this time.
 */
services: Array<string>, environments: Array<string>, releases: Array<string>, };

export type PerformanceRowView = { 
/**
 * Names it in addresses.
 */
key: string, name: string, services: Array<string>, numbers: PerformanceNumbers, 
/**
 * Of the time of all that are listed with it, from 0 to 1.
 */
time_share: number, 
/**
 * How many in each stretch, oldest first.
 */
counts: Array<number>, 
/**
 * Of a query: the lines that asked it last, `shop/views.py:12 in books_list`, the latest first. None when the SDK did
 * not say.
 */
call_sites: Array<string>, 
/**
 * There are as many as are told apart, and may be more.
 */
may_have_more_call_sites: boolean, };

export type PerformanceNumbers = { count: number, per_minute: number, failed: number, 
/**
 * From 0 to 1.
 */
error_share: number, total_ms: number, average_ms: number, p50_ms: number | null, p95_ms: number | null, p99_ms: number | null, 
/**
 * By which part of itself a percentile may be off: 0 where they are exact, because there are few enough to know all.
 */
percentile_error: number, 
/**
 * From 0 to 1; `null` for queries.
 */
apdex: number | null, 
/**
 * Queries of a request, and their part of its time; `null` for queries.
 */
sql_per_request: number | null, sql_share: number | null, };

export type PerformanceDetailView = { key: string, kind: string, name: string, numbers: PerformanceNumbers, from_ms: number, step_ms: number, apdex_ms: number, series: PerformanceSeries, 
/**
 * How durations are spread.
 */
histogram: Array<PerformanceBucket>, 
/**
 * The one with most requests first, whichever is chosen.
 */
by_release: Array<PerformanceRelease>, 
/**
 * Of an endpoint or job its queries; of a query the endpoints and jobs that make it.
 */
others: Array<PerformanceOther>, 
/**
 * The slowest of each minute or hour that is counted as one, of one release and environment: not the slowest of all.
 */
slowest: Array<SlowTraceView>, services: Array<string>, environments: Array<string>, releases: Array<string>, };

export type PerformanceSeries = { count: Array<number>, failed: Array<number>, p50_ms: Array<number | null>, p95_ms: Array<number | null>, p99_ms: Array<number | null>, 
/**
 * As in the numbers.
 */
percentile_error: Array<number>, sql_per_request: Array<number | null>, };

export type PerformanceBucket = { from_ms: number, to_ms: number, count: number, };

export type PerformanceRelease = { 
/**
 * Empty for none.
 */
release: string, numbers: PerformanceNumbers, };

export type PerformanceOther = { key: string, name: string, numbers: PerformanceNumbers, 
/**
 * Of an endpoint's queries: how many in one request.
 */
per_request: number | null, 
/**
 * Of the time of all of them, from 0 to 1.
 */
time_share: number, 
/**
 * Of an endpoint's queries: the lines that asked them last within it, as in the list.
 */
call_sites: Array<string>, may_have_more_call_sites: boolean, };

export type SlowTraceView = { trace_id: string, duration_ms: number, 
/**
 * Its spans are still kept.
 */
has_spans: boolean, };

export type TraceFindingView = { 
/**
 * `n_plus_one`, `slow_query`.
 */
kind: string, count: number, total_ms: number, 
/**
 * Without values.
 */
sql: string, operation: string, table: string | null, 
/**
 * `shop/views.py:12 in books_list`
 */
call_site: string | null, 
/**
 * Indexes into the columns of the trace's spans.
 */
spans: Array<number>, event_id: string, 
/**
 * Of its issue, once there is one.
 */
short_id: string | null, };

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
outcomes: Array<OutcomeView>, 
/**
 * What SDKs say they did not send, since the database was made, largest first.
 */
client_discards: Array<ClientDiscardView>, };

export type StorageView = { path: string, 
/**
 * How the server is doing with what it is sent: `ready`, `log_held`, `disk_full`, `disk_full_of_log`, `queue_full`
 * or `stalled`. Only the first two store.
 */
writer: string, kinds: Array<KindStoredView>, 
/**
 * Pages in use; the sum over the kinds.
 */
used_bytes: number, 
/**
 * Pages of the file that hold nothing; they are filled again or given back.
 */
free_page_bytes: number, file_bytes: number, wal_bytes: number, 
/**
 * What may be in use at most.
 */
max_bytes: number, 
/**
 * It was not set, but chosen at the first start.
 */
is_max_default: boolean, 
/**
 * From here on the oldest goes.
 */
full_bytes: number, 
/**
 * Less than `max_bytes` can be kept, because the disk has no more.
 */
is_disk_short: boolean, disk_bytes: number, disk_free_bytes: number, 
/**
 * Left free on the disk, whatever the cap.
 */
reserve_bytes: number, 
/**
 * Free pages can go back to the file system.
 */
can_shrink: boolean, 
/**
 * The clock is far ahead of what came in last, since this time: nothing is dropped for its age.
 */
clock_ahead_since_ms: number | null, 
/**
 * What was dropped in the last 30 days, newest first.
 */
dropped: Array<KindDroppedView>, };

export type KindStoredView = { 
/**
 * `errors`, `spans`, `logs`, …
 */
kind: string, 
/**
 * For people.
 */
name: string, 
/**
 * `null` for what is not counted one by one.
 */
rows: number | null, 
/**
 * Pages of the file, indexes included.
 */
bytes: number, 
/**
 * When the oldest came in, to the day.
 */
oldest_ms: number | null, 
/**
 * 0: as long as there is room; `null`: for ever.
 */
keep_days: number | null, 
/**
 * What came in a day of late.
 */
bytes_per_day: number, 
/**
 * When the oldest will go if everything goes on as it does.
 */
next_drop_ms: number | null, 
/**
 * `age` or `size`.
 */
next_drop_cause: string | null, };

export type KindDroppedView = { kind: string, name: string, 
/**
 * `age` or `size`.
 */
cause: string, 
/**
 * Start of the day it went, UTC.
 */
day_ms: number, rows: number, bytes: number, };

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
 * `crawlers: 4 × span, transaction`: what the project's filters dropped; `null` when they dropped nothing.
 */
filtered: string | null, 
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
 * `accepted`, `duplicate`, `folded`, `not_kept`, `invalid`, `too_large`, `too_old`, `filtered`, `rate_limited`.
 */
reason: string, quantity: number, };

export type ClientDiscardView = { 
/**
 * `discarded` (the SDK or its settings), `rate_limited`, `filtered` or `filtered_sampling` (a relay in between).
 */
kind: string, 
/**
 * `before_send`, `sample_rate`, `queue_overflow`, …; SDKs make up their own.
 */
reason: string, 
/**
 * `error`, `transaction`, `span`, …
 */
category: string, quantity: number, };

export type ReleaseListView = { 
/**
 * Seen in the period, the most recently seen first.
 */
releases: Array<ReleaseRowView>, 
/**
 * All that match, not just those listed: a row for each environment.
 */
total: number, 
/**
 * All that match, each release once.
 */
version_count: number, 
/**
 * Of any release; empty texts left out.
 */
environments: Array<string>, 
/**
 * Sessions of any release that matches were counted in the period.
 */
has_sessions: boolean, 
/**
 * Where the first bucket starts, and how long each one is.
 */
start_ms: number, bucket_ms: number, };

export type ReleaseRowView = { project_slug: string, version: string, 
/**
 * `null` when the SDK names none.
 */
environment: string | null, first_seen_ms: number, last_seen_ms: number, event_count: number, 
/**
 * Issues whose first event was of this release.
 */
new_issue_count: number, session_count: number, errored_count: number, 
/**
 * Crashed sessions; `abnormal` and `unhandled` ones stand in `errored_count`.
 */
crashed_count: number, 
/**
 * 0 to 1; `null` without sessions.
 */
crash_free_sessions: number | null, 
/**
 * Distinct users with a session, estimated; 0 when the SDK does not name them.
 */
user_count: number, 
/**
 * 0 to 1; `null` without users.
 */
crash_free_users: number | null, 
/**
 * This release's part of all sessions of its project and environment, 0 to 1; `null` without sessions.
 */
adoption: number | null, 
/**
 * `null` when no session said how long it took.
 */
duration_ms_mean: number | null, 
/**
 * Sessions, or events of a release without sessions, oldest first.
 */
buckets: Array<number>, };

export type ProjectSettingsView = { id: string, slug: string, name: string, platform: string, created_ms: number, 
/**
 * Oldest first.
 */
keys: Array<ProjectKeyView>, 
/**
 * What a change has to be based on; 0 as long as nobody changed anything.
 */
version: number, updated_ms: number | null, settings: ProjectSettings, 
/**
 * The server's settings file switches scrubbing off for all projects.
 */
is_scrub_off: boolean, 
/**
 * Limits of the settings file, which hold besides the project's own.
 */
server_limits: Array<LimitRule>, 
/**
 * What the filters and limits dropped, by their names.
 */
drops: Array<DropView>, 
/**
 * How full each limit is, the project's own first.
 */
limit_states: Array<LimitStateView>, };

export type ProjectKeyView = { 
/**
 * 32 hex characters.
 */
public_key: string, label: string, is_active: boolean, created_ms: number, 
/**
 * Let in during the last 30 days, by group of data; attachments in bytes.
 */
used: Array<KeyUsedView>, };

export type KeyUsedView = { group: string, quantity: number, };

export type DropView = { 
/**
 * `filtered` or `rate_limited`.
 */
reason: string, 
/**
 * `crawlers`, `project/error/60s`, …
 */
detail: string, 
/**
 * `event`, `transaction`, `span`, …
 */
category: string, 
/**
 * Within 24 hours and 30 days.
 */
last_day: number, last_month: number, };

export type LimitStateView = { 
/**
 * As in [`DropView::detail`].
 */
name: string, used: number, max: number, };

export type SettingsChange = { 
/**
 * The version it is based on.
 */
version: number, settings: ProjectSettings, };

export type RefusedChangeView = { detail: string, causes: Array<string>, problems: Array<FieldProblem>, };

export type NewProject = { name: string, 
/**
 * Made from the name when absent.
 */
slug: string | null, platform: string | null, };

export type ProjectNameChange = { name: string, };

export type KeyChange = { label: string | null, is_active: boolean | null, };

export type ScrubPreview = { scrub: ScrubSettings, text: string, };

export type ScrubPreviewView = { text: string, };

export type ProjectSettings = { scrub: ScrubSettings, filters: FilterSettings, limits: LimitSettings, grouping: GroupingSettings, };

export type ScrubSettings = { enabled: boolean, 
/**
 * The usual suspects: passwords, tokens, cookies, card numbers. Off: only `sensitive_keys` and `scrub_ip`.
 */
defaults: boolean, 
/**
 * Words; a name that contains one loses its value.
 */
sensitive_keys: Array<string>, 
/**
 * Whole names whose values are never touched.
 */
safe_keys: Array<string>, scrub_ip: boolean, };

export type FilterSettings = { disallowed_hosts: boolean, crawlers: boolean, health_checks: GlobSettings, localhost: boolean, browser_extensions: boolean, releases: GlobSettings, error_messages: GlobSettings, };

export type GlobSettings = { enabled: boolean, patterns: Array<string>, };

export type LimitSettings = { rules: Array<LimitRule>, };

export type LimitRule = { 
/**
 * 32 hex characters; `null` means the whole project.
 */
key: string | null, group: DataGroup, 
/**
 * In items, or bytes for attachments. 0 takes nothing at all.
 */
max: number, per: LimitPeriod, 
/**
 * Length of the window when `per` is `seconds`.
 */
seconds: number, };

export type LimitPeriod = "seconds" | "day" | "month";

export type GroupingSettings = { fingerprint_rules: string, stack_trace_rules: string, };

export type FieldProblem = { 
/**
 * `limits.rules.0.seconds`
 */
field: string, 
/**
 * Line of a text of several, from 1.
 */
line: number | null, message: string, };

export type DataGroup = "error" | "span" | "log" | "metric" | "attachment" | "session" | "monitor" | "feedback" | "replay" | "profile";
