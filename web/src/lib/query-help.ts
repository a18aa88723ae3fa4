// The search language by example, for each kind of data: what the help shows, and what a click adds to the query.

import type { Dataset } from "./saved-queries";

export type Example = { query: string; words: string };
export type HelpPart = { title: string; examples: readonly Example[] };

const FORMS: HelpPart = {
  title: "Forms",
  examples: [
    { query: "!level:info", words: "not" },
    { query: "environment:[production, staging]", words: "one of several" },
    { query: "release:1.4.*", words: "any text in place of *" },
    { query: "has:user.email", words: "is there at all" },
    { query: '"connection reset"', words: "these words in this order" },
    { query: "(timeout OR deadlock)", words: "either; next to each other means both" },
    { query: '"my tag":"a b"', words: "odd names and values in quotes" },
  ],
};

const EVENTS: HelpPart = {
  title: "Events",
  examples: [
    { query: "ValueError", words: "in type, message, file, function or route" },
    { query: "error.type:*DoesNotExist", words: "error.value:, error.handled:" },
    { query: "transaction:/checkout/*", words: "the route or task" },
    { query: "user.email:*@example.com", words: "user.id:, user.ip:" },
    { query: "browser.name:Firefox", words: "or any tag you send" },
  ],
};

const HELP: Record<Dataset, readonly HelpPart[]> = {
  issues: [
    {
      title: "Issues",
      examples: [
        { query: "is:unresolved", words: "resolved, ignored, new, regressed, assigned, unassigned" },
        { query: "assigned:me", words: "a name, or none" },
        { query: "age:-24h", words: "first seen in the last 24 hours" },
        { query: "lastSeen:+7d", words: "quiet for a week" },
        { query: "timesSeen:>100", words: "events; userCount: for users" },
        { query: "firstRelease:1.4.2", words: "first seen in this release" },
        { query: "priority:high", words: "medium, low" },
      ],
    },
    EVENTS,
    FORMS,
  ],
  events: [EVENTS, FORMS],
  spans: [
    {
      title: "Spans",
      examples: [
        { query: "checkout", words: "in names and routes" },
        { query: "duration:>200ms", words: "µs, ms, s, min" },
        { query: "op:db", words: "http.server, cache, queue" },
        { query: "status:error", words: "spans that failed" },
        { query: "http.status_code:>=500", words: "or any attribute" },
        { query: "service:shop", words: "where it ran" },
      ],
    },
    FORMS,
  ],
  logs: [
    {
      title: "Logs",
      examples: [
        { query: "stale price", words: "in the message" },
        { query: "level:>=warn", words: "warn and worse" },
        { query: "logger:shop.*", words: "the logger's name" },
        { query: "service:shop", words: "where it ran" },
        { query: "user.id:42", words: "or any attribute" },
      ],
    },
    FORMS,
  ],
};

export const helpFor = (dataset: Dataset): readonly HelpPart[] => HELP[dataset];
