//! The app's page: with the files of its screen announced, and inside it what the screen reads first, so that the first
//! paint waits for nothing more. It asks the handlers of the API what the app would ask; what takes long is left out, and
//! the app asks for it. How the screens look and what they read later is not known here.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use form_urlencoded::Serializer;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::page::{FIRST_READ_BYTES_MAX, FIRST_READS_MS};
use crate::model::ids::{EventId, TraceId};

use super::download::ChunkBody;
use super::respond::Body;
use super::{Query, Ready, Server, assets, ui, ui_issues};

/// What the app asks for at an address, worded as it words it: another wording is another question to it.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Boot,
    Issues { query: String },
    Issue { issue: String },
    Event { issue: String, event: String },
}

/// What the page of an address has besides what every page has.
#[derive(Debug, PartialEq, Eq)]
struct Screen {
    /// In the build's list of files.
    name: &'static str,
    reads: Vec<Read>,
    /// An answer too large to wait for; the browser asks for it before the app runs.
    ahead: Option<String>,
}

pub(super) fn answer(server: &Arc<Server>, request: &Request<Incoming>) -> Response<Body> {
    let screen = screen(request.uri().path(), &Query::of(request));
    let page = String::from_utf8_lossy(&assets::page()).into_owned();
    let ready = server.ready.borrow().clone();
    // Taken before anything is read, so that the app misses nothing that comes after it.
    let cursor = server.live.last_id().to_string();
    let has_reads = ready.is_some();
    let mut writer = PageWriter::new(takes_gzip(request.headers()));
    let is_gzip = writer.0.is_some();
    let (head, body, end) = pieces(&page);
    let links = assets::read(assets::SCREENS).map(|files| links(&files, &screen)).unwrap_or_default();
    let first = writer.write(&[head, &links, body].concat());
    let end = end.to_string();
    let (to_client, chunks) = mpsc::channel(2);
    // There is room for two, so neither waits. The head goes out before anything is read: files are fetched meanwhile.
    let _ = to_client.try_send(first);
    tokio::spawn(async move {
        let data = match ready {
            Some(ready) => data(&ready, &screen.reads, &cursor).await,
            None => String::new(),
        };
        let _ = to_client.try_send(writer.finish(&(data + &end)));
    });
    let mut response = Response::new(ChunkBody(chunks).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(if has_reads { "no-store" } else { "no-cache" }));
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| assets::accepts(accepted, "gzip"))
}

fn screen(path: &str, query: &Query) -> Screen {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut screen = Screen { name: "", reads: vec![Read::Boot], ahead: None };
    match parts[..] {
        ["issues"] => screen.reads.extend(issues_query(query).map(|query| Read::Issues { query })),
        ["issues", issue, ref rest @ ..] => {
            screen.name = "issue";
            let event = match rest {
                [] => Some("latest"),
                ["events", event] => Some(*event),
                _ => None,
            };
            if is_plain(issue) {
                screen.reads.push(Read::Issue { issue: issue.to_string() });
                let event = event.filter(|event| is_event(event) && !query.has_filters());
                screen
                    .reads
                    .extend(event.map(|event| Read::Event { issue: issue.to_string(), event: event.to_string() }));
            }
        }
        ["traces", trace] => {
            screen.name = "trace";
            screen.ahead = TraceId::parse(trace).map(|trace| format!("/api/ui/traces/{trace}?packed=1"));
        }
        _ => {}
    }
    screen
}

impl Query {
    /// Of the events of an issue.
    fn has_filters(&self) -> bool {
        ["query", "environment", "release", "range", "from", "to"].iter().any(|key| self.has(key))
    }
}

/// The address may hold it as it is.
fn is_plain(issue: &str) -> bool {
    issue.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_event(event: &str) -> bool {
    matches!(event, "latest" | "first" | "recommended")
        || EventId::parse(event).is_some_and(|id| id.to_string() == event)
}

/// As the app words it: what narrows in its order, then the search and the sort. `None` where that depends on what only the
/// browser knows.
fn issues_query(query: &Query) -> Option<String> {
    // The app takes `q` for `query` here.
    let text = query.first("query").or(query.first("q")).unwrap_or("is:unresolved");
    // The name one acts under is in the browser; `status` is of addresses of before.
    if text.contains(":me") || query.has("status") {
        return None;
    }
    let mut asked = Serializer::new(String::new());
    for key in ["project", "environment", "release", "range", "from", "to"] {
        if let Some(value) = query.get(key) {
            asked.append_pair(key, value);
        }
    }
    asked.append_pair("query", text).append_pair("sort", query.get("sort").unwrap_or("last_seen"));
    Some(asked.finish())
}

impl Read {
    fn path(&self) -> String {
        match self {
            Self::Boot => "/api/ui/boot".to_string(),
            Self::Issues { query } => format!("/api/ui/issues?{query}"),
            Self::Issue { issue } => format!("/api/ui/issues/{issue}"),
            Self::Event { issue, event } => format!("/api/ui/issues/{issue}/events/{event}"),
        }
    }

    /// `None` for whatever is not an answer to be shown: the app asks again and shows why.
    async fn answer(&self, ready: &Ready) -> Option<Bytes> {
        let answer = match self {
            Self::Boot => ui::boot(ready).await,
            Self::Issues { query } => ui_issues::issues(ready, &Query::parse(query)).await,
            Self::Issue { issue } => ui::issue(ready, issue).await,
            Self::Event { issue, event } => ui_issues::issue_event(ready, issue, event, &Query::parse("")).await,
        };
        let answer = answer.ok().filter(|answer| answer.status() == StatusCode::OK)?;
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        (body.len() <= FIRST_READ_BYTES_MAX).then_some(body)
    }
}

/// The answers as one block of data in the page, by the paths they are at.
async fn data(ready: &Ready, reads: &[Read], cursor: &str) -> String {
    let deadline = Instant::now() + Duration::from_millis(FIRST_READS_MS);
    let mut answers = vec![("/api/ui/live".to_string(), Bytes::from(Value::from(cursor).to_string()))];
    for read in reads {
        match timeout_at(deadline, read.answer(ready)).await {
            Ok(Some(answer)) => answers.push((read.path(), answer)),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    block(&answers)
}

/// A block of data is no script, but it ends as one does, and a comment in it would hide its end: so no text in it may open
/// anything.
fn block(answers: &[(String, Bytes)]) -> String {
    let entries: Vec<String> = answers
        .iter()
        .map(|(path, answer)| format!("{}:{}", Value::from(path.as_str()), String::from_utf8_lossy(answer)))
        .collect();
    let json = format!("{{{}}}", entries.join(",")).replace('<', "\\u003c");
    format!("<script type=\"application/json\" id=\"first\">{json}</script>")
}

/// The page up to the end of its head, from there to the end of its body, and the rest.
fn pieces(page: &str) -> (&str, &str, &str) {
    let end = page.rfind("</body>").unwrap_or(page.len());
    let head = page[..end].find("</head>").unwrap_or(end);
    (&page[..head], &page[head..end], &page[end..])
}

fn links(files: &[u8], screen: &Screen) -> String {
    let files: Value = serde_json::from_slice(files).unwrap_or_default();
    let of_kind = |kind: &str| files[screen.name][kind].as_array().into_iter().flatten().filter_map(Value::as_str);
    let ahead =
        screen.ahead.iter().map(|path| format!("<link rel=\"preload\" as=\"fetch\" crossorigin href=\"{path}\">"));
    let styles = of_kind("styles").map(|file| format!("<link rel=\"stylesheet\" crossorigin href=\"/{file}\">"));
    let scripts = of_kind("scripts").map(|file| format!("<link rel=\"modulepreload\" crossorigin href=\"/{file}\">"));
    ahead.chain(styles).chain(scripts).collect()
}

/// Writes the page in two pieces, compressed where the browser takes that: a list of issues shrinks to a tenth.
struct PageWriter(Option<GzEncoder<Vec<u8>>>);

impl PageWriter {
    fn new(is_gzip: bool) -> Self {
        Self(is_gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())))
    }

    fn write(&mut self, text: &str) -> Bytes {
        match &mut self.0 {
            Some(gzip) => {
                // Into memory, which cannot fail. Flushed, so that the browser can read all of it at once.
                let _ = gzip.write_all(text.as_bytes());
                let _ = gzip.flush();
                std::mem::take(gzip.get_mut()).into()
            }
            None => text.to_string().into(),
        }
    }

    fn finish(mut self, text: &str) -> Bytes {
        let mut last = self.write(text).to_vec();
        if let Some(gzip) = self.0 {
            last.extend(gzip.finish().unwrap_or_default());
        }
        last.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str) -> Option<String> {
        issues_query(&Query::parse(address))
    }

    #[test]
    fn a_list_is_asked_for_as_the_app_asks() {
        assert_eq!(asked("").as_deref(), Some("query=is%3Aunresolved&sort=last_seen"));
        assert_eq!(asked("q=a").as_deref(), Some("query=a&sort=last_seen"));
        assert_eq!(asked("query=&sort=events").as_deref(), Some("query=&sort=events"));
        let all = "range=24h&release=1.0%2B2&query=a+%22b%22&environment=&project=shop";
        assert_eq!(
            asked(all).as_deref(),
            Some("project=shop&release=1.0%2B2&range=24h&query=a+%22b%22&sort=last_seen")
        );
        assert_eq!((asked("query=assigned:me"), asked("status=resolved")), (None, None));
    }

    #[test]
    fn every_screen_has_its_own() {
        let of = |path: &str, query: &str| screen(path, &Query::parse(query));
        assert_eq!(of("/issues", "").reads.len(), 2);
        assert_eq!(of("/logs", ""), Screen { name: "", reads: vec![Read::Boot], ahead: None });
        let paths = |screen: Screen| screen.reads.iter().map(Read::path).collect::<Vec<_>>();
        let issue = "/api/ui/issues/SHOP-1";
        assert_eq!(paths(of("/issues/SHOP-1", "q=x")), ["/api/ui/boot", issue, &format!("{issue}/events/latest")]);
        assert_eq!(paths(of("/issues/SHOP-1/events", "")), ["/api/ui/boot", issue]);
        assert_eq!(paths(of("/issues/SHOP-1/events/latest", "range=1h")), ["/api/ui/boot", issue]);
        assert_eq!(paths(of("/issues/%22x", "")), ["/api/ui/boot"]);
        assert_eq!(of("/traces/%22%3E", "").ahead, None);
        let trace = of("/traces/00000000000000000000000000010000", "");
        assert_eq!(trace.ahead.as_deref(), Some("/api/ui/traces/00000000000000000000000000010000?packed=1"));
        let files = br#"{"trace":{"scripts":["assets/a.js"],"styles":["assets/b.css"]}}"#;
        assert_eq!(
            links(files, &trace),
            "<link rel=\"preload\" as=\"fetch\" crossorigin href=\"/api/ui/traces/00000000000000000000000000010000?packed=1\">\
             <link rel=\"stylesheet\" crossorigin href=\"/assets/b.css\">\
             <link rel=\"modulepreload\" crossorigin href=\"/assets/a.js\">"
        );
        assert_eq!(links(b"{", &trace).matches("<link").count(), 1);
    }

    #[test]
    fn no_text_leaves_its_block() {
        let hostile = "</script><script>hit()</script><!--<script>]]>\u{2028}<";
        let answer = Bytes::from(serde_json::to_vec(&serde_json::json!({ hostile: hostile })).unwrap());
        let block = block(&[("/a?<b>\"".to_string(), answer)]);
        let inner = block.strip_prefix("<script type=\"application/json\" id=\"first\">").unwrap();
        let inner = inner.strip_suffix("</script>").unwrap();
        assert!(!inner.contains('<'), "{inner}");
        let read: Value = serde_json::from_str(inner).unwrap();
        assert_eq!(read["/a?<b>\""][hostile], hostile);
    }

    #[test]
    fn a_page_without_its_marks_is_whole() {
        assert_eq!(pieces("<head>a</head><body>b</body>c"), ("<head>a", "</head><body>b", "</body>c"));
        assert_eq!(pieces("plain"), ("plain", "", ""));
        assert_eq!(pieces("</body></head>"), ("", "", "</body></head>"));
    }

    #[test]
    fn both_pieces_are_one_file() {
        for is_gzip in [true, false] {
            let mut writer = PageWriter::new(is_gzip);
            let first = writer.write("<head>");
            let all = [first, writer.finish("<body>")].concat();
            let mut text = String::new();
            match is_gzip {
                true => std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&all[..]), &mut text).unwrap(),
                false => std::io::Read::read_to_string(&mut &all[..], &mut text).unwrap(),
            };
            assert_eq!(text, "<head><body>");
        }
    }
}
