// Which page an address shows. What one sees first is here; every other page is a chunk of its own.

import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { useLive } from "./api/live";
import { lazy } from "./components/lazy";
import { ErrorNote } from "./components/states";
import { Shell } from "./components/shell";
import { matchPath } from "./lib/urls";
import { IssuePage } from "./pages/issue";
import { IssuesPage } from "./pages/issues";
import { NotFoundPage } from "./pages/not-found";
import { EventRedirect, SpanRedirect, TraceRedirect } from "./pages/redirects";
import { TracesPage } from "./pages/traces";
import { WelcomePage } from "./pages/welcome";
import { navigate, place } from "./router";
import { boot, bootError, refreshBoot } from "./state";

export type PageProps = { params: Record<string, string> };
type Page = ComponentType<PageProps>;

const FeedbackPage = lazy<PageProps>("FeedbackPage", () => import("./pages/feedback").then((module) => module.FeedbackPage));
const FeedbackOnePage = lazy<PageProps>("FeedbackOnePage", () => import("./pages/feedback").then((module) => module.FeedbackOnePage));
const IngestPage = lazy<PageProps>("IngestPage", () => import("./pages/ingest").then((module) => module.IngestPage));
const MonitorPage = lazy<PageProps>("MonitorPage", () => import("./pages/monitor").then((module) => module.MonitorPage));
const MonitorsPage = lazy<PageProps>("MonitorsPage", () => import("./pages/monitors").then((module) => module.MonitorsPage));
const ReleasesPage = lazy<PageProps>("ReleasesPage", () => import("./pages/releases").then((module) => module.ReleasesPage));
const SettingsPage = lazy<PageProps>("SettingsPage", () => import("./pages/settings").then((module) => module.SettingsPage));
const SettingsBrowserPage = lazy<PageProps>("SettingsBrowserPage", () => import("./pages/settings-browser").then((module) => module.SettingsBrowserPage));
const SettingsAboutPage = lazy<PageProps>("SettingsAboutPage", () => import("./pages/settings-about").then((module) => module.SettingsAboutPage));
const StoragePage = lazy<PageProps>("StoragePage", () => import("./pages/storage").then((module) => module.StoragePage));
const TracePage = lazy<PageProps>("TracePage", () => import("./pages/trace").then((module) => module.TracePage));
const LogsPage = lazy<PageProps>("LogsPage", () => import("./pages/logs").then((module) => module.LogsPage));
const MetricsPage = lazy<PageProps>("MetricsPage", () => import("./pages/metrics").then((module) => module.MetricsPage));
const PerformancePage = lazy<PageProps>("PerformancePage", () => import("./pages/performance").then((module) => module.PerformancePage));
const PerformanceDetailPage = lazy<PageProps>("PerformanceDetailPage", () => import("./pages/performance-detail").then((module) => module.PerformanceDetailPage));
const MetricPage = lazy<PageProps>("MetricPage", () => import("./pages/metric").then((module) => module.MetricPage));

function Home() {
  useEffect(() => {
    if (boot.value) navigate(boot.value.has_events || boot.value.has_traces ? (boot.value.has_events ? "/issues" : "/traces") : "/welcome", { replace: true });
    // oxlint-disable-next-line react/exhaustive-deps
  }, [boot.value]);
  if (bootError.value) return <ErrorNote title="trapline does not answer" detail={bootError.value.message} onRetry={() => void refreshBoot()} />;
  return null;
}

const ROUTES: readonly (readonly [string, Page])[] = [
  ["/", Home],
  ["/welcome", WelcomePage],
  ["/issues", IssuesPage],
  ["/issues/:shortId", IssuePage],
  ["/issues/:shortId/events", IssuePage],
  ["/issues/:shortId/events/:eventId", IssuePage],
  ["/traces", TracesPage],
  ["/traces/:traceId", TracePage],
  ["/releases", ReleasesPage],
  ["/logs", LogsPage],
  ["/metrics", MetricsPage],
  ["/metrics/:name", MetricPage],
  ["/performance", PerformancePage],
  ["/performance/:key", PerformanceDetailPage],
  ["/feedback", FeedbackPage],
  ["/feedback/:feedbackId", FeedbackOnePage],
  ["/monitors", MonitorsPage],
  ["/monitors/:slug", MonitorPage],
  ["/ingest", IngestPage],
  ["/storage", StoragePage],
  ["/settings", SettingsPage],
  ["/settings/projects/:slug", SettingsPage],
  ["/settings/browser", SettingsBrowserPage],
  ["/settings/about", SettingsAboutPage],
  ["/e/:eventId", EventRedirect],
  ["/t/:traceId", TraceRedirect],
  ["/s/:spanId", SpanRedirect],
];

export function App() {
  // The first event or trace changes where "/" leads and what the empty pages say.
  const checkBoot = () => {
    if (boot.value && !(boot.value.has_events && boot.value.has_traces)) void refreshBoot();
  };
  useLive({ issue: checkBoot, trace: checkBoot, resync: () => void refreshBoot() }, { evenPaused: true });
  const { path } = place.value;
  for (const [pattern, Page] of ROUTES) {
    const match = matchPath(pattern, path);
    if (match)
      return (
        <Shell>
          {/* Stepping from event to event keeps the page; another issue or trace is a new one. */}
          <Page key={`${pattern.split("/")[1]}/${Object.entries(match.params).find(([name]) => name !== "eventId")?.[1] ?? ""}`} params={match.params} />
        </Shell>
      );
  }
  return (
    <Shell>
      <NotFoundPage params={{}} />
    </Shell>
  );
}
