//! What a person wrote, made ready for the store: scrubbed like any text, compressed.
//!
//! Name and e-mail address stay: being able to answer is what feedback is for.

use crate::model::feedback::Feedback;
use crate::model::project::Project;
use crate::scrub::{self, scrub_feedback};
use crate::store::{FeedbackWrite, compress};

pub(super) fn prepare_feedback(
    project: &Project,
    mut feedback: Feedback,
    rules: &scrub::Rules,
    received_ms: i64,
) -> FeedbackWrite {
    scrub_feedback(&mut feedback, rules);
    FeedbackWrite {
        project_id: project.id,
        feedback_id: feedback.feedback_id,
        received_ms,
        source: feedback.source,
        event_id: feedback.event_id,
        timestamp_ms: feedback.timestamp_ms,
        message: feedback.message,
        name: feedback.name,
        email: feedback.email,
        url: feedback.url,
        replay_id: feedback.replay_id,
        trace_id: feedback.trace_id,
        span_id: feedback.span_id,
        release: feedback.release,
        environment: feedback.environment,
        body: (!feedback.body.is_empty()).then(|| compress(&feedback.body)),
    }
}
