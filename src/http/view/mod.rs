//! The JSON the web app reads: one struct per shape, and the TypeScript types made from them.
//!
//! Owns the shapes of `/api/ui/`. Knows no SQL and no wire format of any SDK. Ids are strings (63 bits do not fit a
//! JavaScript number), times are unix milliseconds or nanoseconds as the name says; the browser formats.

pub mod blob;
pub mod event;
pub mod feedback;
pub mod grouping;
pub mod ingest;
pub mod issue;
pub mod jaeger;
pub mod log;
pub mod metric;
pub mod monitor;
pub mod performance;
pub mod project;
pub mod release;
pub mod search;
pub mod span_list;
pub mod storage;
pub mod trace;
pub mod trace_map;
pub mod trace_parts;
pub mod workflow;

use serde::Serialize;

/// `GET /api/ui/boot`: what every page needs before it can draw.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BootView {
    pub version: String,
    /// Never empty; the first one is what the welcome page shows.
    pub projects: Vec<ProjectView>,
    /// `/srv/app/trapline-data/trapline.db`
    pub database_path: String,
    pub has_events: bool,
    pub has_traces: bool,
    /// The server's clock, to correct "12 s ago" on a machine whose own is off.
    pub now_ms: i64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ProjectView {
    pub id: String,
    pub slug: String,
    pub name: String,
    /// 32 hex characters. The DSN is `${location.protocol}//${public_key}@${location.host}/${id}`.
    pub public_key: String,
}

/// The body of every answer that is not a success.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ErrorView {
    /// What happened, why, and what to do, in one or two sentences.
    pub detail: String,
    /// The innermost causes, most specific last; may be empty.
    pub causes: Vec<String>,
    /// Which part of a search it is about; `null` of everything else.
    pub at: Option<PlaceView>,
}

/// A part of a text, in UTF-16 units as JavaScript counts; `to` is behind the last.
#[derive(Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PlaceView {
    pub from: usize,
    pub to: usize,
}

#[cfg(test)]
mod types {
    use std::fmt::Write as _;

    use ts_rs::{Config, TS};

    use super::*;
    use crate::model::project::settings;
    use crate::model::{detail, quota};

    /// The path of the generated file, from the crate's root.
    const FILE: &str = "web/src/api/types.ts";

    fn generate() -> String {
        let config = Config::new().with_large_int("number");
        let mut out =
            String::from("// The shapes of /api/ui/, generated from src/http/view by `make types`. Do not edit.\n");
        let mut add = |declaration: String| {
            let _ = write!(out, "\nexport {declaration}\n");
        };
        macro_rules! declare {
            ($($ty:ty),* $(,)?) => { $( add(<$ty as TS>::decl(&config)); )* };
        }
        declare!(
            BootView,
            ProjectView,
            ErrorView,
            PlaceView,
            issue::IssueListView,
            issue::IssueCountsView,
            issue::StatusDetailView,
            issue::IssueEventsView,
            issue::EventLineView,
            issue::IssueTagsView,
            issue::IssueTagView,
            issue::TagValueView,
            issue::IssueHistoryView,
            issue::ReleaseMarkView,
            issue::IssueUsersView,
            issue::IssueUserView,
            issue::ChangesView,
            issue::ChangeView,
            issue::IssueRowView,
            issue::IssueView,
            workflow::IssueActions,
            workflow::IssueAction,
            workflow::ResolvePlace,
            workflow::IgnoreUntil,
            workflow::ActedView,
            workflow::ActionProblemView,
            workflow::UndoRequest,
            workflow::UndoneView,
            workflow::PeopleView,
            workflow::ActivityListView,
            workflow::ActivityView,
            workflow::CommentRequest,
            workflow::MergedListView,
            workflow::MergedView,
            workflow::SimilarListView,
            workflow::SimilarView,
            workflow::DiscardListView,
            workflow::DiscardView,
            event::EventView,
            event::EventNavView,
            detail::EventDetail,
            detail::ExceptionDetail,
            detail::ExceptionRelation,
            detail::MechanismDetail,
            detail::FrameDetail,
            detail::Variable,
            detail::ThreadDetail,
            detail::RequestDetail,
            detail::Pair,
            detail::Breadcrumb,
            detail::Context,
            event::EventTraceView,
            event::EventReportView,
            grouping::GroupingView,
            grouping::FingerprintView,
            grouping::FingerprintRuleView,
            grouping::GroupingVariantView,
            grouping::ComponentView,
            detail::CspDetail,
            feedback::FeedbackListView,
            feedback::FeedbackOneView,
            feedback::FeedbackView,
            feedback::FeedbackIssueView,
            detail::FieldError,
            trace::ServiceListView,
            trace::TraceListView,
            trace::TraceRowView,
            trace::TraceView,
            trace::SpanColumns,
            trace::TraceErrorView,
            trace::SpanPlaceView,
            trace::SpanView,
            trace::QueryView,
            trace::SpanEventView,
            trace::SpanLinkView,
            span_list::SpanListView,
            span_list::SpanRowView,
            span_list::CallSitesView,
            span_list::CallSiteView,
            trace_parts::PackedSpans,
            trace_parts::TraceSqlView,
            trace_parts::StatementView,
            trace_parts::TraceFindView,
            trace_parts::TraceJsonView,
            trace_map::HeatView,
            trace_map::FacetsView,
            trace_map::FacetView,
            trace_map::FacetValueView,
            trace_map::CompareView,
            trace_map::CompareItemView,
            trace_map::BreakdownListView,
            trace_map::BreakdownView,
            trace_map::BreakdownPartView,
            blob::AttachmentView,
            blob::AttachmentTextView,
            blob::ProfileView,
            blob::ReplayView,
            log::LogListView,
            log::LogRowView,
            log::LogView,
            log::LogEventView,
            log::LogVolumeView,
            log::LogLevelVolume,
            search::CompletionView,
            search::CompletionItemView,
            search::SearchKeyListView,
            search::SearchKeyView,
            search::LogFacetsView,
            search::LogFacetView,
            search::LogFacetValueView,
            metric::MetricListView,
            metric::MetricRowView,
            metric::MetricView,
            metric::MetricVariantView,
            metric::MetricSeriesView,
            metric::MetricSplitView,
            metric::MetricExampleView,
            performance::PerformanceView,
            performance::PerformanceRowView,
            performance::PerformanceNumbers,
            performance::PerformanceDetailView,
            performance::PerformanceSeries,
            performance::PerformanceBucket,
            performance::PerformanceRelease,
            performance::PerformanceOther,
            performance::SlowTraceView,
            performance::TraceFindingView,
            monitor::MonitorListView,
            monitor::MonitorView,
            monitor::MonitorEnvironmentView,
            monitor::CheckInListView,
            monitor::CheckInView,
            ingest::IngestView,
            storage::StorageView,
            storage::KindStoredView,
            storage::KindDroppedView,
            ingest::IngestRowView,
            ingest::OutcomeView,
            ingest::ClientDiscardView,
            release::ReleaseListView,
            release::ReleaseRowView,
            project::ProjectSettingsView,
            project::ProjectKeyView,
            project::KeyUsedView,
            project::DropView,
            project::LimitStateView,
            project::SettingsChange,
            project::RefusedChangeView,
            project::NewProject,
            project::ProjectNameChange,
            project::KeyChange,
            project::ScrubPreview,
            project::ScrubPreviewView,
            settings::ProjectSettings,
            settings::ScrubSettings,
            settings::FilterSettings,
            settings::GlobSettings,
            settings::LimitSettings,
            settings::LimitRule,
            settings::LimitPeriod,
            settings::GroupingSettings,
            settings::FieldProblem,
            quota::DataGroup,
        );
        out
    }

    #[test]
    fn types_of_the_web_app_are_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let generated = generate();
        if std::env::var_os("UPDATE_TYPES").is_some() {
            std::fs::create_dir_all(path.parent().expect("the file has a folder")).expect("web/src/api can be made");
            std::fs::write(&path, &generated).expect("types.ts can be written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == generated, "{FILE} is not what the view structs say: run `make types`");
    }
}
