//! What an event is searched by beyond the fields that grouping and titles need.
//!
//! Taken in the one reading of the payload; of a body that is kept already, by reading it once more ([`read_facts`]). Knows
//! spelling, not what becomes of it.

use super::Arrival;
use super::address::{Address, InferIp};
use crate::config::event::DATA_DEPTH_MAX;
use crate::config::facts::FACT_LIMITS;
use crate::model::facts::{FactKey, Facts, Field};
use crate::model::ids::EventId;
use crate::sentry::detail::{Agent, agent_of_header};
use crate::sentry::event::fields::dist;
use crate::sentry::json::{Object, Scalar, read_object};
use crate::sentry::wire::{WireContexts, WireDevice, WireEvent, WireProduct, WireUser};

/// Characters looked at of a name; facts are cut to their own limit.
const CHARS_MAX: usize = 256;
/// What stands where scrubbing has taken something away.
const FILTERED: &str = "[Filtered]";

/// Stored bodies were checked on the way in; this only keeps foreign bytes from being scanned for nothing.
const DEPTH_MAX: usize = DATA_DEPTH_MAX + 1_000;

/// Facts of a body that is kept, but for those of its row: what [`Facts::of`] gave when it came in.
pub fn read_facts(body: &[u8]) -> Facts {
    // No event is asked for its time or its sender here.
    let arrival = Arrival {
        header_event_id: None,
        sent_at_ns: None,
        received_ms: i64::MAX / 2_000_000,
        client_ip: None,
        infer_ip: Some(InferIp::Never),
        fresh_id: EventId([0; 16]),
    };
    let read = read_object(body, DEPTH_MAX, |text| {
        let wire: Object<WireEvent<'_>> = serde_json::from_str(text)?;
        let wire = wire.0.unwrap_or_default();
        let contexts: Object<WireContexts<'_>> = super::parse(wire.contexts);
        Ok(super::normalise(&wire, &contexts, &arrival).0)
    });
    read.map(|(event, _)| Facts::of(&event, &FACT_LIMITS)).unwrap_or_default()
}

/// Of the request's headers, what becomes facts.
pub(super) struct Headers<'a> {
    pub(super) user_agent: Option<&'a str>,
    pub(super) referer: Option<&'a str>,
}

pub(super) fn more(
    wire: &WireEvent<'_>,
    contexts: &Object<WireContexts<'_>>,
    user: Option<&WireUser<'_>>,
    address: &Address,
    headers: &Headers<'_>,
) -> Facts {
    let mut facts = Facts::default();
    let mut put = |field: Field, value: Option<&str>| {
        if let Some(value) = value.filter(|value| *value != FILTERED) {
            facts.push(FactKey::Field(field), value, &FACT_LIMITS);
        }
    };
    put(Field::Dist, dist(&wire.dist).as_deref());
    if let Some(user) = user {
        put(Field::UserId, user.id.text().as_deref());
        put(Field::UserEmail, user.email.text().as_deref());
        put(Field::UserName, user.username.text().as_deref());
        if let Some(geo) = user.geo.get() {
            put(Field::GeoCountry, geo.country_code.text().as_deref());
            put(Field::GeoRegion, geo.region.text().as_deref());
            put(Field::GeoCity, geo.city.text().as_deref());
        }
    }
    match address {
        Address::Filled(ip) => put(Field::UserIp, Some(&ip.to_string())),
        Address::AsSent => put(Field::UserIp, user.and_then(|user| user.ip_address.as_str())),
        Address::Removed => {}
    }
    let request = wire.request.get();
    put(Field::HttpMethod, request.and_then(|request| request.method.as_str()));
    put(Field::HttpReferer, headers.referer);
    let contexts = contexts.get();
    let response = contexts.and_then(|contexts| contexts.response.get());
    put(Field::HttpStatusCode, response.and_then(|response| response.status_code.text()).as_deref());
    // What the SDK says of browser and system goes before what the request's header does.
    let agent = headers.user_agent.filter(|agent| *agent != FILTERED).map(agent_of_header).unwrap_or_default();
    let Agent { browser, os, device } = agent;
    let header = |found: Option<_>| found.map(|found: crate::sentry::detail::Product| (found.name, found.version));
    let named = [
        (Field::Browser, Field::BrowserName, contexts.and_then(|c| product(&c.browser)).or_else(|| header(browser))),
        (Field::Os, Field::OsName, contexts.and_then(|c| product(&c.os)).or_else(|| header(os))),
        (Field::Runtime, Field::RuntimeName, contexts.and_then(|c| product(&c.runtime))),
    ];
    for (whole, name_of, found) in named {
        let Some((name, version)) = found else { continue };
        let full = version.map_or_else(|| name.clone(), |version| format!("{name} {version}"));
        put(whole, Some(&full));
        put(name_of, Some(&name));
    }
    let sent = contexts.and_then(|contexts| contexts.device.get()).and_then(device_of);
    let (model, family) = match (sent, device) {
        (Some(sent), _) => sent,
        (None, Some(device)) => (Some(device.model.clone()), Some(device.model)),
        (None, None) => (None, None),
    };
    put(Field::Device, model.as_deref());
    put(Field::DeviceFamily, family.as_deref());
    if let Some(flags) = contexts.and_then(|contexts| contexts.flags.get()) {
        for flag in &flags.values.members {
            if let (Some(name), Some(value)) = (flag.flag.limited(CHARS_MAX), result(&flag.result)) {
                facts.push(FactKey::Flag(&name), &value, &FACT_LIMITS);
            }
        }
    }
    facts
}

/// Name and version; `3.11.8 (main, …)` of a raw description alone is the name.
fn product(sent: &Object<WireProduct<'_>>) -> Option<(String, Option<String>)> {
    let sent = sent.get()?;
    let name = sent.name.limited(CHARS_MAX).or_else(|| sent.raw_description.limited(CHARS_MAX))?;
    let name = name.trim();
    let is_name = !name.is_empty() && name != FILTERED;
    let version = sent.version.limited(CHARS_MAX).filter(|version| !version.trim().is_empty() && version != FILTERED);
    is_name.then(|| (name.to_owned(), version))
}

/// Model and family.
fn device_of(sent: &WireDevice<'_>) -> Option<(Option<String>, Option<String>)> {
    let family = sent.family.limited(CHARS_MAX);
    let model = sent.model.limited(CHARS_MAX).or_else(|| family.clone()).or_else(|| sent.name.limited(CHARS_MAX));
    (model.is_some() || family.is_some()).then_some((model, family))
}

/// `true`, `false`, or whatever a flag was evaluated to.
fn result(sent: &Scalar<'_>) -> Option<String> {
    match sent {
        Scalar::Bool(is_on) => Some(is_on.to_string()),
        other => other.python_text().map(|text| text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn facts(body: serde_json::Value) -> Vec<String> {
        let facts = read_facts(body.to_string().as_bytes());
        facts.iter().map(|(key, value)| format!("{}={value}", key.text())).collect()
    }

    #[test]
    fn what_sdks_send_becomes_facts() {
        let found = facts(json!({
            "transaction": "/cart/",
            "dist": "7",
            "server_name": "web-1",
            "logger": "shop.cart",
            "message": "no such voucher",
            "sdk": { "name": "sentry.python.django", "version": "2.75.0" },
            "user": { "id": 42, "email": "ada@example.org", "ip_address": "10.0.0.7", "geo": { "country_code": "DE" } },
            "request": {
                "url": "http://shop.example/cart/?token=abc", "method": "POST",
                "headers": { "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0" },
            },
            "tags": { "tenant": "acme" },
            "contexts": {
                "runtime": { "name": "CPython", "version": "3.13.1" },
                "response": { "status_code": 500 },
                "flags": { "values": [{ "flag": "new cart", "result": true }, { "flag": "other", "result": "b" }] },
            },
            "exception": { "values": [{
                "type": "KeyError", "value": "'sku'", "mechanism": { "type": "django", "handled": false },
                "stacktrace": { "frames": [
                    { "module": "lib", "function": "call", "filename": "lib.py", "in_app": false },
                    { "module": "shop.cart", "function": "total", "filename": "shop/cart.py", "in_app": true },
                ] },
            }] },
        }));
        for fact in [
            "transaction=/cart/",
            "dist=7",
            "server_name=web-1",
            "logger=shop.cart",
            "message=no such voucher",
            "sdk.name=sentry.python.django",
            "sdk.version=2.75.0",
            "user=id:42",
            "user.id=42",
            "user.email=ada@example.org",
            "user.ip=10.0.0.7",
            "geo.country_code=DE",
            "http.method=POST",
            "http.url=http://shop.example/cart/",
            "http.status_code=500",
            "browser=Firefox 128.0",
            "browser.name=Firefox",
            "os.name=Linux",
            "runtime=CPython 3.13.1",
            "runtime.name=CPython",
            "tags[tenant]=acme",
            "flags[new cart]=true",
            "flags[other]=b",
            "error.type=KeyError",
            "error.value='sku'",
            "error.mechanism=django",
            "error.handled=false",
            "stack.filename=shop/cart.py",
            "stack.module=shop.cart",
            "stack.function=call",
        ] {
            assert!(found.iter().any(|found| found == fact), "{fact} in {found:#?}");
        }
        let place = |fact: &str| found.iter().position(|found| found == fact);
        assert!(place("stack.function=total") < place("stack.function=call"), "the application's own come first");
        assert!(!found.iter().any(|fact| fact.contains("abc")), "queries belong to the body: {found:?}");
    }

    #[test]
    fn what_is_no_event_has_no_facts() {
        for body in [&b""[..], b"[]", b"{", b"null", b"\xff"] {
            assert!(read_facts(body).is_empty(), "{body:?}");
        }
        assert_eq!(facts(json!({ "user": 7, "request": [], "contexts": "x", "tags": 1 })), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_facts(&bytes);
        }
    }
}
