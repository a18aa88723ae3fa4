//! A gRPC client that can also send what no gRPC library would: calls over HTTP/2 with prior knowledge.
//!
//! Owns the connection, the framing of messages and the reading of statuses. Knows no service.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use hyper::http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::harness::DEADLINE;

/// A connection and the thread that runs it.
pub struct GrpcClient {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    address: SocketAddr,
}

/// A call's end.
#[derive(Debug)]
pub struct Called {
    pub http_status: u16,
    /// Of the answer's beginning.
    pub headers: HeaderMap,
    /// As sent, with their prefixes.
    pub body: Vec<u8>,
    /// `None` when there were none, and the status is among the headers.
    pub trailers: Option<HeaderMap>,
}

/// A message behind its prefix.
pub fn framed(is_compressed: bool, message: &[u8]) -> Vec<u8> {
    [&[u8::from(is_compressed)], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

impl GrpcClient {
    pub fn open(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            requests
        });
        Self { runtime, requests, address }
    }

    /// One call to its end.
    pub fn call(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Called {
        self.try_call(path, headers, body).unwrap()
    }

    /// As [`Self::call`]; an error when the connection or the stream is closed before there is an answer.
    pub fn try_call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Result<Called, h2::Error> {
        let body = body.into();
        self.runtime.block_on(async {
            let response = self.begin(path, headers, Some(body)).await?;
            let response = tokio::time::timeout(DEADLINE, response).await.expect("an answer in time")?;
            tokio::time::timeout(DEADLINE, read(response)).await.expect("the whole answer in time")
        })
    }

    /// Sends a call and goes away when there is no answer after `patience`.
    pub fn leave(&self, path: &str, body: Vec<u8>, patience: Duration) {
        self.runtime.block_on(async {
            let response = self.begin(path, &[], Some(body)).await.unwrap();
            // Dropping the answer's future resets the stream.
            assert!(tokio::time::timeout(patience, response).await.is_err(), "answered while it should wait");
        });
    }

    /// Opens streams and resets them at once, until the server has had enough of it or `count` are through; says how many.
    pub fn reset_streams(&self, path: &str, count: usize) -> usize {
        self.runtime.block_on(async {
            for done in 0..count {
                // Dropping the answer's future resets the stream.
                if self.begin(path, &[], None).await.is_err() {
                    return done;
                }
                // Lets the connection send what has gathered.
                tokio::task::yield_now().await;
            }
            count
        })
    }

    async fn begin(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Vec<u8>>,
    ) -> Result<ResponseFuture, h2::Error> {
        let mut request = Request::post(format!("http://{}{path}", self.address));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        request = request.header("te", "trailers").header("user-agent", "OTel-OTLP-Exporter-Test/1 grpc-test/2");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut requests = self.requests.clone().ready().await?;
        let (response, mut stream) = requests.send_request(request.body(()).unwrap(), false)?;
        let Some(body) = body else { return Ok(response) };
        tokio::spawn(async move {
            let mut rest = Bytes::from(body);
            while !rest.is_empty() {
                stream.reserve_capacity(rest.len().min(64 << 10));
                // Over before all is sent: the answer tells why.
                let Some(Ok(capacity)) = std::future::poll_fn(|context| stream.poll_capacity(context)).await else {
                    return;
                };
                if stream.send_data(rest.split_to(capacity.min(rest.len())), false).is_err() {
                    return;
                }
            }
            let _ = stream.send_data(Bytes::new(), true);
        });
        Ok(response)
    }
}

async fn read(response: Response<h2::RecvStream>) -> Result<Called, h2::Error> {
    let (parts, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        let _ = stream.flow_control().release_capacity(data.len());
        body.extend(data);
    }
    let trailers = stream.trailers().await?;
    Ok(Called { http_status: parts.status.as_u16(), headers: parts.headers, body, trailers })
}

impl Called {
    fn field(&self, name: &str) -> Option<&str> {
        let from = self.trailers.as_ref().unwrap_or(&self.headers);
        from.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn status(&self) -> i32 {
        self.field("grpc-status").unwrap_or_else(|| panic!("no status: {self:?}")).parse().unwrap()
    }

    pub fn status_message(&self) -> &str {
        self.field("grpc-message").unwrap_or("")
    }

    /// Itself, when it was a success; the message of the answer.
    #[track_caller]
    pub fn message(&self) -> &[u8] {
        assert_eq!((self.http_status, self.status()), (200, 0), "{self:?}");
        assert!(self.trailers.is_some(), "{self:?}");
        let (prefix, message) = self.body.split_at(5);
        assert_eq!(prefix, [&[0], &(message.len() as u32).to_be_bytes()[..]].concat(), "{self:?}");
        message
    }

    /// The text of a failure with that status, which has no message and no trailers of its own.
    #[track_caller]
    pub fn failure(&self, status: i32) -> &str {
        assert_eq!((self.http_status, self.status()), (200, status), "{self:?}");
        assert!(self.trailers.is_none() && self.body.is_empty(), "{self:?}");
        assert_eq!(self.headers["content-type"], "application/grpc");
        assert!(!self.status_message().is_empty());
        self.status_message()
    }

    /// The seconds of `google.rpc.RetryInfo`, when there is one.
    pub fn retry_after_s(&self) -> Option<u8> {
        use base64::Engine as _;
        let text = self.field("google.rpc.retryinfo-bin")?;
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).unwrap();
        let [0x0a, 2, 0x08, seconds] = bytes[..] else { panic!("{bytes:?}") };
        Some(seconds)
    }
}
