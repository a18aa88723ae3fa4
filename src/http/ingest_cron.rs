//! `GET|POST /api/<project>/cron/<slug>[/<key>]`: a job reports from a crontab line, with curl or wget.
//!
//! Answered 202 without a body, and never 429: what runs once a night must not be told to come back later.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use crate::config::CHECK_IN_BYTES_MAX;
use crate::model::decoded::Decoded;
use crate::sentry::check_in::decode_cron;
use crate::sentry::decode::push_check_in;
use crate::sentry::event::ItemError;

use super::error::ApiError;
use super::ingest_sentry::{Answered, Gate, error_response};
use super::ledger::Ending;
use super::take::take_in;
use super::{Ready, Server, respond};

const STATUS_FIX: &str = "add ?status=ok, ?status=error or ?status=in_progress to the address";
const PARTLY_FIX: &str = "the check-in was kept; the part named here was not";
const LIMITED_FIX: &str =
    "the check-in was dropped by a limit of the project: raise it in the settings, or check in less often";
const REFUSED_FIX: &str = "use the monitors there are: a name that changes with every run makes a new one each time";

pub(super) async fn cron(
    server: &Arc<Server>,
    project: &str,
    slug: &str,
    key: Option<&str>,
    request: Request<Incoming>,
) -> Answered {
    if !matches!(*request.method(), Method::GET | Method::POST) {
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "a check-in is sent with GET or POST")
            .with_fix("leave out curl's -X");
        return refused(&error, 0);
    }
    let gate = match Gate::of(&request, Some(project), key) {
        Ok(gate) => gate,
        Err(error) => return refused(&error, 0),
    };
    let client = gate.client.clone();
    let query = request.uri().query().unwrap_or("").to_string();
    let slug = slug.to_string();
    let decode = move |ready: &Ready, body: &[u8]| {
        // The key first: strangers learn nothing of what is wrong with a check-in.
        let project = gate.project(ready, None)?;
        let check_in = decode_cron(&slug, &query, body).map_err(check_in_error)?;
        let mut decoded = Decoded::default();
        push_check_in(&mut decoded, check_in);
        Ok((project, decoded, ()))
    };
    let (body_bytes, stored) = take_in(server, request, decode).await;
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return refused(&error, body_bytes),
    };
    if let Some(why) = stored.appended.refusal() {
        let error = ApiError::new(StatusCode::BAD_REQUEST, why).with_fix(REFUSED_FIX);
        // The check-in itself has been counted.
        let (response, ending) = refused(&error, body_bytes);
        return (response, Ending { refused: None, ..ending });
    }
    let fix = if stored.admission.limited.is_empty() { PARTLY_FIX } else { LIMITED_FIX };
    let ending = stored.ending(StatusCode::ACCEPTED, body_bytes);
    let fix = ending.problem.as_ref().map(|_| fix.to_string());
    (respond::empty(StatusCode::ACCEPTED), Ending { client, fix, ..ending })
}

fn check_in_error(error: ItemError) -> ApiError {
    match &error {
        ItemError::TooLarge { .. } => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the check-in is too large")
            .caused_by(error.to_string())
            .with_fix(format!("send at most {CHECK_IN_BYTES_MAX} bytes")),
        ItemError::Field { field: "status", .. } => {
            ApiError::new(StatusCode::BAD_REQUEST, format!("the check-in has no status: {STATUS_FIX}"))
                .with_fix(STATUS_FIX)
        }
        ItemError::Field { .. } => ApiError::new(
            StatusCode::BAD_REQUEST,
            "the address names no monitor: put letters or digits after /cron/, such as /cron/nightly-report/",
        )
        .with_fix("name the monitor in the address"),
        _ => ApiError::new(StatusCode::BAD_REQUEST, "the check-in cannot be read")
            .caused_by(error.to_string())
            .with_fix("send a JSON object, a form (-d status=ok), or nothing and ?status=ok"),
    }
}

/// As the error says; a full queue is a 503 here, which curl --retry repeats.
fn refused(error: &ApiError, body_bytes: u64) -> Answered {
    (error_response(error), Ending::refused(error, body_bytes))
}
