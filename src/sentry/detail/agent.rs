//! Browser, operating system and device of whoever made a request, out of its headers.
//!
//! Client hints (`Sec-CH-UA…`) win over the User-Agent, which browsers have frozen. A table of our own: what a page
//! about an error needs to say is "Safari 17 on an iPhone", and a list of thousands of expressions costs more than all
//! the rest of this server. Runs when somebody looks, and once when an event comes in, for what it is searched by.

/// A name and, where it is known, a version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sentry) struct Product {
    pub(in crate::sentry) name: String,
    pub(in crate::sentry) version: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sentry) struct Device {
    pub(in crate::sentry) brand: Option<&'static str>,
    /// `iPhone`, `Pixel 7`, `Mac`
    pub(in crate::sentry) model: String,
}

/// What the headers say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sentry) struct Agent {
    pub(in crate::sentry) browser: Option<Product>,
    pub(in crate::sentry) os: Option<Product>,
    pub(in crate::sentry) device: Option<Device>,
}

/// Bytes of a header that are looked at.
const HEADER_BYTES_MAX: usize = 1024;

/// `header` gives the value of a header by its canonical name.
pub(super) fn agent<'h>(header: impl Fn(&str) -> Option<&'h str>) -> Agent {
    let header = |name: &str| header(name).map(|value| value.get(..HEADER_BYTES_MAX).unwrap_or(value));
    let sent = header("User-Agent").unwrap_or_default();
    let hinted = header("Sec-Ch-Ua-Full-Version-List").or_else(|| header("Sec-Ch-Ua")).and_then(brand);
    let platform = header("Sec-Ch-Ua-Platform").map(unquoted).filter(|name| !name.is_empty());
    let version = header("Sec-Ch-Ua-Platform-Version").map(unquoted).filter(|version| !version.is_empty());
    let model = header("Sec-Ch-Ua-Model").map(unquoted).filter(|model| !model.is_empty());
    let hinted_os =
        platform.map(|name| Product { name: name.to_owned(), version: version.and_then(|v| os_version(name, v)) });
    Agent {
        browser: hinted.or_else(|| browser(sent)),
        os: hinted_os.or_else(|| os(sent)),
        device: model.map(|model| Device { brand: None, model: model.to_owned() }).or_else(|| device(sent)),
    }
}

/// `"Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"`: the most telling one.
fn brand(list: &str) -> Option<Product> {
    let mut best: Option<(u8, Product)> = None;
    for entry in list.split(',') {
        let Some((name, rest)) = entry.trim().split_once(';') else { continue };
        let name = unquoted(name);
        // Made up so that nobody relies on the list: `Not A;Brand`, `Not/A)Brand`.
        let is_made_up = name.strip_prefix("Not").is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()));
        if name.is_empty() || is_made_up {
            continue;
        }
        let rank = u8::from(name != "Chromium");
        let version = rest.trim().strip_prefix("v=").map(|v| unquoted(v).to_owned()).filter(|v| !v.is_empty());
        let name = name.strip_prefix("Google ").or_else(|| name.strip_prefix("Microsoft ")).unwrap_or(name).to_owned();
        if best.as_ref().is_none_or(|(other, _)| rank > *other) {
            best = Some((rank, Product { name, version }));
        }
    }
    best.map(|(_, product)| product)
}

/// As [`agent`], of the User-Agent alone.
pub(in crate::sentry) fn agent_of_header(value: &str) -> Agent {
    agent(|name| (name == "User-Agent").then_some(value))
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches('"').trim()
}

/// Windows 11 says 13 or more here, and every Windows 10 something below.
fn os_version(name: &str, sent: &str) -> Option<String> {
    let major: u32 = sent.split('.').next()?.parse().ok()?;
    match name {
        "Windows" => Some(
            if major >= 13 {
                "11"
            } else if major > 0 {
                "10"
            } else {
                return None;
            }
            .to_owned(),
        ),
        _ => Some(sent.to_owned()),
    }
}

/// What to look for, and what it is called. The first that is found counts: most browsers also claim to be others.
const BROWSERS: [(&str, &str); 38] = [
    // Programs that fetch pages.
    ("Googlebot/", "Googlebot"),
    ("bingbot/", "Bingbot"),
    ("YandexBot/", "YandexBot"),
    ("DuckDuckBot/", "DuckDuckBot"),
    ("AhrefsBot/", "AhrefsBot"),
    ("SemrushBot/", "SemrushBot"),
    ("facebookexternalhit/", "FacebookBot"),
    ("Applebot/", "Applebot"),
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("python-requests/", "Python Requests"),
    ("python-httpx/", "HTTPX"),
    ("aiohttp/", "aiohttp"),
    ("PostmanRuntime/", "Postman"),
    ("Go-http-client/", "Go HTTP Client"),
    ("okhttp/", "okhttp"),
    ("axios/", "axios"),
    ("insomnia/", "Insomnia"),
    ("Elastic-Heartbeat/", "Elastic Heartbeat"),
    ("kube-probe/", "kube-probe"),
    ("HeadlessChrome/", "Headless Chrome"),
    ("Electron/", "Electron"),
    // Browsers in browsers' clothes.
    ("EdgA/", "Edge Mobile"),
    ("EdgiOS/", "Edge Mobile"),
    ("Edg/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("YaBrowser/", "Yandex Browser"),
    ("Vivaldi/", "Vivaldi"),
    ("UCBrowser/", "UC Browser"),
    ("Brave/", "Brave"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("FxiOS/", "Firefox iOS"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome Mobile iOS"),
    ("Chrome/", "Chrome"),
    ("Trident/", "IE"),
];

fn browser(agent: &str) -> Option<Product> {
    for (token, name) in BROWSERS {
        let Some(at) = agent.find(token) else { continue };
        let version = match token {
            "Trident/" => version_after(agent, "rv:"),
            _ => version_at(&agent[at + token.len()..]),
        };
        let name = match name {
            "Chrome" if agent.contains("; wv)") => "Chrome Mobile WebView",
            "Chrome" if agent.contains(" Mobile ") => "Chrome Mobile",
            "Firefox" if agent.contains("Mobile;") => "Firefox Mobile",
            name => name,
        };
        return Some(Product { name: name.to_owned(), version });
    }
    if agent.contains("MSIE ") {
        return Some(Product { name: "IE".to_owned(), version: version_after(agent, "MSIE ") });
    }
    // Safari says its version apart; Chromium's browsers, which claim to be Safari, are gone by now.
    if agent.contains("Safari/") && agent.contains("Version/") {
        let name = if agent.contains("Mobile/") { "Mobile Safari" } else { "Safari" };
        return Some(Product { name: name.to_owned(), version: version_after(agent, "Version/") });
    }
    if agent.contains("AppleWebKit/") && agent.contains("Mobile/") {
        return Some(Product { name: "Mobile Safari UI/WKWebView".to_owned(), version: None });
    }
    None
}

fn os(agent: &str) -> Option<Product> {
    let product = |name: &str, version: Option<String>| Some(Product { name: name.to_owned(), version });
    if agent.contains("Windows Phone") {
        return product("Windows Phone", version_after(agent, "Windows Phone "));
    }
    if agent.contains("iPhone") || agent.contains("iPad") || agent.contains("iPod") {
        return product("iOS", version_after(agent, " OS "));
    }
    if agent.contains("Android") {
        return product("Android", version_after(agent, "Android "));
    }
    if agent.contains("Windows") {
        let version = version_after(agent, "Windows NT ").map(|kernel| match kernel.as_str() {
            // Windows 11 says 10.0 as well; only a client hint tells them apart.
            "10.0" => "10".to_owned(),
            "6.3" => "8.1".to_owned(),
            "6.2" => "8".to_owned(),
            "6.1" => "7".to_owned(),
            "6.0" => "Vista".to_owned(),
            "5.1" | "5.2" => "XP".to_owned(),
            other => other.to_owned(),
        });
        return product("Windows", version);
    }
    if agent.contains("Mac OS X") || agent.contains("Macintosh") {
        return product("macOS", version_after(agent, "Mac OS X "));
    }
    if agent.contains("CrOS") {
        return product("Chrome OS", None);
    }
    for name in ["Ubuntu", "Fedora", "FreeBSD", "OpenBSD"] {
        if agent.contains(name) {
            return product(name, None);
        }
    }
    if agent.contains("Linux") { product("Linux", None) } else { None }
}

fn device(agent: &str) -> Option<Device> {
    let apple = |model: &str| Some(Device { brand: Some("Apple"), model: model.to_owned() });
    for model in ["iPhone", "iPad", "iPod"] {
        if agent.contains(model) {
            return apple(model);
        }
    }
    if agent.contains("Macintosh") {
        return apple("Mac");
    }
    // `(Linux; Android 13; Pixel 7 Build/TQ3A)`; Chrome says `K` since it hides the model.
    let inside = agent.split_once("Android")?.1.split_once(')')?.0;
    let model = inside.split(';').nth(1)?.split(" Build/").next()?.trim();
    let is_model = !matches!(model, "" | "K" | "Mobile" | "Tablet" | "wv") && !model.starts_with("rv:");
    is_model.then(|| Device { brand: model.starts_with("SM-").then_some("Samsung"), model: model.to_owned() })
}

fn version_after(agent: &str, token: &str) -> Option<String> {
    version_at(agent.split_once(token)?.1)
}

/// Digits between dots or, as Apple writes them, underscores.
fn version_at(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let version = text[..end].trim_end_matches(['.', '_']).replace('_', ".");
    (!version.is_empty()).then_some(version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(headers: &[(&str, &str)]) -> String {
        let found = agent(|name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value));
        let text = |product: Option<Product>| {
            product.map_or("-".to_owned(), |p| p.version.map_or(p.name.clone(), |v| format!("{} {v}", p.name)))
        };
        let device = found.device.map_or("-".to_owned(), |d| d.model);
        format!("{} | {} | {device}", text(found.browser), text(found.os))
    }

    #[test]
    fn user_agents_that_are_seen_every_day() {
        let mozilla = "Mozilla/5.0";
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, expected) in [
            (
                format!("{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/124.0.0.0 Safari/537.36"),
                "Chrome 124.0.0.0 | Windows 10 | -",
            ),
            (
                format!(
                    "{mozilla} (Windows NT 10.0; Win64; x64) {webkit} Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51"
                ),
                "Edge 124.0.2478.51 | Windows 10 | -",
            ),
            (
                format!(
                    "{mozilla} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15"
                ),
                "Safari 17.4 | macOS 10.15.7 | Mac",
            ),
            (
                format!(
                    "{mozilla} (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
                ),
                "Mobile Safari 17.4 | iOS 17.4.1 | iPhone",
            ),
            (
                format!(
                    "{mozilla} (Linux; Android 13; Pixel 7 Build/TQ3A) {webkit} Chrome/124.0.6367.82 Mobile Safari/537.36"
                ),
                "Chrome Mobile 124.0.6367.82 | Android 13 | Pixel 7",
            ),
            (
                format!(
                    "{mozilla} (Linux; Android 10; K) {webkit} SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36"
                ),
                "Samsung Internet 24.0 | Android 10 | -",
            ),
            (
                format!("{mozilla} (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0"),
                "Firefox 125.0 | Ubuntu | -",
            ),
            (
                format!("{mozilla} (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0"),
                "Firefox Mobile 125.0 | Android 14 | -",
            ),
            (format!("{mozilla} (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko"), "IE 11.0 | Windows 7 | -"),
            (
                format!("{mozilla} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"),
                "Googlebot 2.1 | - | -",
            ),
            ("curl/8.5.0".to_owned(), "curl 8.5.0 | - | -"),
            ("python-requests/2.32.3".to_owned(), "Python Requests 2.32.3 | - | -"),
            ("nonsense".to_owned(), "- | - | -"),
        ] {
            assert_eq!(of(&[("User-Agent", &agent)]), expected, "{agent}");
        }
    }

    #[test]
    fn client_hints_win() {
        let agent = ("User-Agent", "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36");
        let brands = r#""Chromium";v="124.0.1", "Google Chrome";v="124.0.2", "Not-A.Brand";v="99""#;
        let hints = [
            agent,
            ("Sec-Ch-Ua", brands),
            ("Sec-Ch-Ua-Platform", "\"Windows\""),
            ("Sec-Ch-Ua-Platform-Version", "\"15.0.0\""),
        ];
        assert_eq!(of(&hints), "Chrome 124.0.2 | Windows 11 | -");
        let mobile = [agent, ("Sec-Ch-Ua-Platform", "\"Android\""), ("Sec-Ch-Ua-Model", "\"Pixel 7\"")];
        assert_eq!(of(&mobile), "Chrome 124.0.0.0 | Android | Pixel 7");
        assert_eq!(
            of(&[agent, ("Sec-Ch-Ua", "garbage"), ("Sec-Ch-Ua-Platform", "\"\"")]),
            "Chrome 124.0.0.0 | Windows 10 | -"
        );
    }

    proptest! {
        #[test]
        fn no_header_panics(a in ".{0,120}", b in ".{0,60}", c in ".{0,20}") {
            let tokens = format!("Android{a};{b}) Chrome/{c}Version/{a}Safari/ OS {b}");
            let _ = of(&[("User-Agent", &a), ("Sec-Ch-Ua", &b), ("Sec-Ch-Ua-Platform", "Windows"), ("Sec-Ch-Ua-Platform-Version", &c)]);
            let _ = of(&[("User-Agent", &tokens)]);
        }
    }
}
