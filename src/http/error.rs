//! Errors as answers: the one place where they become a status and a JSON body.

use hyper::StatusCode;

use crate::store::StoreError;

use super::body::BodyError;
use super::respond::{Body, json};
use super::view::{ErrorView, PlaceView};

/// What the client did or met; `detail` says what happened and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    pub status: StatusCode,
    pub detail: String,
    pub causes: Vec<String>,
    /// What to change on the sender's side, for the ledger.
    pub fix: Option<String>,
    /// Nothing that sending less would help.
    pub is_outage: bool,
    /// Where in a search, in UTF-16 units.
    pub at: Option<(usize, usize)>,
}

impl ApiError {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), causes: Vec::new(), fix: None, is_outage: false, at: None }
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub fn response(&self) -> hyper::Response<Body> {
        let at = self.at.map(|(from, to)| PlaceView { from, to });
        json(self.status, &ErrorView { detail: self.detail.clone(), causes: self.causes.clone(), at })
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let text = error.to_string();
        match error {
            BodyError::TooLarge { .. } | BodyError::ExpandsTooFar { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request content exceeded size limits")
                    .caused_by(text)
                    .with_fix("send less at a time, or raise the limit named here in the settings")
            }
            BodyError::UnknownEncoding(_) => Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
                .with_fix("let the SDK compress as it does by default, or not at all"),
            BodyError::Damaged { .. } | BodyError::BrokenOff => {
                Self::new(StatusCode::BAD_REQUEST, "the request body cannot be read")
                    .caused_by(text)
                    .with_fix("look for a proxy between the application and here that changes or cuts bodies")
            }
            BodyError::TooSlow => Self::new(StatusCode::REQUEST_TIMEOUT, text)
                .with_fix("look for a slow or broken connection between the application and here"),
            BodyError::NoRoom => Self::new(StatusCode::SERVICE_UNAVAILABLE, text)
                .with_fix("send fewer large requests at one time: batches of 512 spans, attachments elsewhere"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full | StoreError::Held | StoreError::NoDescriptors => Self {
                is_outage: true,
                fix: Some("on the machine trapline runs on: see the reason".to_string()),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            },
            StoreError::Busy
            | StoreError::NoRoomYet
            | StoreError::RoomComesBack
            | StoreError::ReadersBusy
            | StoreError::Stopping => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            StoreError::TooSlow => Self::new(StatusCode::GATEWAY_TIMEOUT, error.to_string()),
            // The rows that failed are in the log already, and so may be the writer's last words.
            StoreError::PartlyStored { .. } => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            StoreError::NotStored(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "nothing of the request was stored: see the server's log")
            }
            StoreError::Damaged { .. } => {
                tracing::error!(%error, "a read met damage");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the database is damaged here: stop trapline, run trapline check, and restore a backup if need be",
                )
            }
            // One row's own trouble, told in words that name no file.
            StoreError::BadBody(_) => {
                tracing::error!(%error, "request failed in the store");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
            }
            // Anything else is ours, and its text may name files: it goes to the log.
            other => {
                tracing::error!(error = %other, "request failed in the store");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the store could not do that: see the server's log")
            }
        }
    }
}
