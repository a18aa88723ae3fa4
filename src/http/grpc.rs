//! OTLP over gRPC: the three `Export` methods, unary, on every port beside HTTP.
//!
//! Owns gRPC's own framing, compression and status; what is in a message, who may send it and what becomes of it is
//! shared with OTLP over HTTP (`ingest_otlp`). HTTP/2 itself and its limits are hyper's (`http2`). There is no reflection
//! and no other service.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Version};

use crate::otlp::response::{self, Failure, UNIMPLEMENTED};
use crate::otlp::{Format, Signal};

use super::body::receive;
use super::error::ApiError;
use super::ingest_otlp::{Outcome, decoder, outcome, refused};
use super::otlp_sender::{Place, Sender};
use super::respond::{Body, empty};
use super::route::Route;
use super::take::{Coding, take_received};
use super::{Server, arrival, guard, origins, respond};

/// Before each message: whether it is compressed, and its length (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX_BYTES: usize = 5;

const CONTENT_TYPE_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// Where Python's exporter looks for the delay, instead of among the details.
const RETRY_INFO: HeaderName = HeaderName::from_static("google.rpc.retryinfo-bin");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Besides gzip, which every exporter has, what the Collector can be told to use.
const ENCODINGS: HeaderValue = HeaderValue::from_static("identity,gzip,deflate,zstd");

/// Whether a request is gRPC, and has to be answered in its words. gRPC-Web is something else, which no exporter speaks.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    subtype(headers).is_some()
}

/// `+proto` of `application/grpc+proto;charset=utf-8`.
fn subtype(headers: &HeaderMap) -> Option<&str> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim_end();
    media_type.strip_prefix("application/grpc").filter(|rest| rest.is_empty() || rest.starts_with('+'))
}

/// Answers one call. Never fails, and ends in the ledger like every other request to take something in.
pub(super) async fn answer(server: &Arc<Server>, route: &Route<'_>, request: Request<Incoming>) -> Response<Body> {
    let unanswered = server.ledger.begin(arrival(&request, "otlp"), &server.live);
    let client = client_of(request.headers());
    let outcome = match check(server, route, &request) {
        Ok(signal) => export(server, signal, request).await.unwrap_or_else(|error| refused(&error, 0)),
        Err(error) => refused(&error, 0),
    };
    let (mut response, mut ending) = match outcome {
        Outcome::Taken { body, ending } => (message(&body), ending),
        // The encoding of a message is part of the method here.
        Outcome::Refused { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, failure, ending } => {
            (failed(&Failure { code: UNIMPLEMENTED, ..failure }), ending)
        }
        Outcome::Refused { failure, ending, .. } => (failed(&failure), ending),
    };
    ending.client = client;
    unanswered.end(ending);
    respond::secure(response.headers_mut());
    response
}

/// The exporter alone: the libraries below it add themselves to the user agent, each with its version.
fn client_of(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    agent.split_whitespace().next().map(str::to_owned)
}

/// The signal of a call that can be taken.
fn check(server: &Server, route: &Route<'_>, request: &Request<Incoming>) -> Result<Signal, ApiError> {
    guard::check_host(request.uri(), request.headers(), &server.settings.allowed_hosts)?;
    origins::check(&server.settings, request.headers())?;
    let not_implemented = |what: String| ApiError::new(StatusCode::NOT_IMPLEMENTED, what);
    if request.version() != Version::HTTP_2 {
        return Err(not_implemented("gRPC travels over HTTP/2, and this came over HTTP/1".to_owned())
            .with_fix("look for a proxy in between, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"));
    }
    if !matches!(subtype(request.headers()), Some("" | "+proto")) {
        return Err(not_implemented("messages are taken as protobuf only".to_owned()));
    }
    match route {
        Route::Grpc { signal } if request.method() == Method::POST => Ok(*signal),
        _ => {
            let path: String = request.uri().path().chars().take(100).collect();
            Err(not_implemented(format!("there is no method {path} here"))
                .with_fix("OTLP's services of traces, logs and metrics are all there is"))
        }
    }
}

async fn export(server: &Arc<Server>, signal: Signal, request: Request<Incoming>) -> Result<Outcome, ApiError> {
    let sender = Sender::of(&server.settings, &request, Place::Anywhere)?;
    let (parts, body) = request.into_parts();
    let mut received = receive(body, server.settings.request_bytes_max, &server.room).await?;
    let body_bytes = received.bytes.len() as u64;
    let (is_compressed, message) = match unframed(received.bytes.clone()) {
        Ok(unframed) => unframed,
        Err(error) => return Ok(refused(&error, body_bytes)),
    };
    received.bytes = message;
    let encoding = parts.headers.get("grpc-encoding").and_then(|value| value.to_str().ok()).unwrap_or("identity");
    let encodings = if is_compressed { encoding.to_owned() } else { String::new() };
    let coding = Coding { encodings, bytes_max: usize::MAX, is_envelope: false };
    let stored =
        take_received(server, received, coding, decoder(&server.settings, sender, signal, Format::Protobuf)).await;
    Ok(outcome(Format::Protobuf, signal, body_bytes, stored))
}

/// The one message of a unary call, and whether it is compressed.
fn unframed(mut bytes: Bytes) -> Result<(bool, Bytes), ApiError> {
    let bad = |why: &str| Err(ApiError::new(StatusCode::BAD_REQUEST, format!("this is no gRPC message: {why}")));
    if bytes.len() < PREFIX_BYTES {
        return bad("it is shorter than its prefix");
    }
    let flag = bytes.get_u8();
    let length = bytes.get_u32() as usize;
    match flag {
        0 | 1 if length == bytes.len() => Ok((flag == 1, bytes)),
        0 | 1 if length > bytes.len() => bad("it ends before its length"),
        0 | 1 => bad("there is more than one"),
        _ => bad("its flag is neither 0 nor 1"),
    }
}

/// A message, and a good status behind it.
fn message(body: &[u8]) -> Response<Body> {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + body.len());
    frame.put_u8(0);
    frame.put_u32(body.len() as u32);
    frame.put_slice(body);
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(frame.freeze()).with_trailers(ready(Some(Ok::<_, Infallible>(trailers))));
    let mut response = Response::new(body.boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
    response.headers_mut().insert(GRPC_ACCEPT_ENCODING, ENCODINGS);
    response
}

/// No message: the status is in the headers, which are the trailers as well ("Trailers-Only").
fn failed(failure: &Failure) -> Response<Body> {
    let mut response = empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
    headers.insert(GRPC_ACCEPT_ENCODING, ENCODINGS);
    headers.insert(GRPC_STATUS, HeaderValue::from(failure.code));
    let details = STANDARD_NO_PAD.encode(response::failure(Format::Protobuf, failure));
    let retry = failure.retry_after_s.map(|seconds| STANDARD_NO_PAD.encode(response::retry_info(seconds)));
    let texts =
        [(GRPC_MESSAGE, Some(percent_encoded(&failure.message))), (GRPC_DETAILS, Some(details)), (RETRY_INFO, retry)];
    for (name, text) in texts {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// As `grpc-message` wants it: printable ASCII but for the percent sign, the rest as bytes of UTF-8.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grpc_is_told_from_what_sounds_like_it() {
        let of = |content_type: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            is_grpc(&headers)
        };
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc; charset=utf-8"] {
            assert!(of(content_type), "{content_type}");
        }
        for content_type in ["application/grpc-web", "application/grpc-web+proto", "application/grpcx", "text/plain"] {
            assert!(!of(content_type), "{content_type}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn a_message_stands_behind_its_prefix_alone() {
        let of = |bytes: &'static [u8]| unframed(Bytes::from_static(bytes));
        assert_eq!(of(&[0, 0, 0, 0, 0]), Ok((false, Bytes::new())));
        assert_eq!(of(&[1, 0, 0, 0, 2, 7, 8]), Ok((true, Bytes::from_static(&[7, 8]))));
        let bad: [&'static [u8]; 6] =
            [&[], &[0, 0, 0, 0], &[0, 0, 0, 0, 1], &[0, 0, 0, 0, 0, 0], &[2, 0, 0, 0, 0], &[0, 255, 255, 255, 255, 1]];
        for bytes in bad {
            assert_eq!(of(bytes).unwrap_err().status, StatusCode::BAD_REQUEST, "{bytes:?}");
        }
    }

    #[test]
    fn messages_of_errors_are_ascii() {
        assert_eq!(percent_encoded("50 % of ä\n"), "50 %25 of %C3%A4%0A");
    }

    #[test]
    fn a_failure_is_all_in_its_headers() {
        let failure = Failure { code: 14, message: "busy".into(), retry_after_s: Some(3) };
        let response = failed(&failure);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[GRPC_STATUS], "14");
        assert_eq!(response.headers()[GRPC_MESSAGE], "busy");
        assert_eq!(response.headers()[RETRY_INFO], "CgIIAw");
        let details = STANDARD_NO_PAD.decode(response.headers()[GRPC_DETAILS].as_bytes()).unwrap();
        assert_eq!(details, response::failure(Format::Protobuf, &failure));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let whole = bytes.clone();
            if let Ok((is_compressed, message)) = unframed(bytes.into()) {
                prop_assert_eq!(is_compressed, whole[0] == 1);
                prop_assert_eq!(&message[..], &whole[PREFIX_BYTES..]);
            }
        }
    }
}
