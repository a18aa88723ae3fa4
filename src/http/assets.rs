//! The web app, embedded: its files, with the encoding the browser takes. What is put into its page is not known here.

use std::borrow::Cow;

use hyper::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use hyper::{Response, StatusCode};
use rust_embed::RustEmbed;

use super::respond::{Body, bytes};

/// Built by `make`; a build by cargo alone has none and shows [`NOT_BUILT`].
#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>trapline</title>\
<h1>The web app is not built</h1>\
<p>This trapline was built by cargo alone, so it takes in and keeps everything but has no pages to show it. \
Stop it, run <code>make run</code> in its source folder (Node is needed once), and open this address again.</p></html>";

/// Addresses below this are hashed by content and never change.
const HASHED: &str = "assets/";

const PAGE: &str = "index.html";
/// Which files each screen needs; written by the build of the app.
pub(super) const SCREENS: &str = "screens.json";

/// The file at `path`, or that there is none; `None` for the addresses of the app's router, which are one page.
pub fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let name = path.trim_start_matches('/');
    if let Some(response) = file(name, headers) {
        return Some(response);
    }
    // A missing file must not come back as a page. Files are at the top or below HASHED; deeper down a dot belongs to a name that somebody gave or typed.
    let is_file = name.starts_with(HASHED) || (name.contains('.') && !name.contains('/') && name != PAGE);
    is_file.then(|| bytes(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is no such file\n"))
}

/// The page for every address of the app's router.
pub fn page() -> Cow<'static, [u8]> {
    read(PAGE).unwrap_or(Cow::Borrowed(NOT_BUILT.as_bytes()))
}

/// A file of the app for the server itself.
pub fn read(name: &str) -> Option<Cow<'static, [u8]>> {
    Files::get(name).map(|file| file.data)
}

fn file(name: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    // The page is served with what belongs into it, at the addresses of the router.
    if matches!(name, "" | PAGE | SCREENS) || name.ends_with(".br") || name.ends_with(".gz") {
        return None;
    }
    let plain = Files::get(name)?;
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|accepted| accepted.to_str().ok()).unwrap_or("");
    let encoded = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(encoding, _)| accepts(accepted, encoding))
        .find_map(|(encoding, ending)| Some((encoding, Files::get(&format!("{name}{ending}"))?)));
    let (encoding, found) = match encoded {
        Some((encoding, found)) => (Some(encoding), found),
        None => (None, plain),
    };
    let body = match found.data {
        Cow::Borrowed(data) => bytes::Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    };
    let mut response = super::respond::bytes(StatusCode::OK, content_type(name), body);
    let answer = response.headers_mut();
    if let Some(encoding) = encoding {
        answer.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    answer.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    Some(response)
}

pub(super) fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        named && !pieces.any(|piece| matches!(piece, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_not_a_page() {
        let status = |path| serve(path, &HeaderMap::new()).map(|answer| answer.status());
        assert_eq!(status("/assets/gone-123.js"), Some(StatusCode::NOT_FOUND));
        assert_eq!(status("/robots.txt.bak"), Some(StatusCode::NOT_FOUND));
        assert_eq!(status("/screens.json"), Some(StatusCode::NOT_FOUND));
        assert_eq!(status("/issues/SHOP-1"), None);
        for named in
            ["/metrics/orders.paid", "/issues/shop.orders", "/issues/SHOP-1/events/a.b", "/monitors/nightly.import"]
        {
            assert_eq!(status(named), None, "{named}");
        }
    }

    #[test]
    fn encodings_are_negotiated() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("BR;q=1.0", "br"));
        assert!(!accepts("gzip, br;q=0", "br"));
        assert!(!accepts("", "gzip"));
    }
}
