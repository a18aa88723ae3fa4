//! Contexts as shown: those that were sent, what the request's headers say about browser, system and device, and for
//! each one line that sums it up.

use serde_json::Value;

use crate::config::event::DATA_DEPTH_MAX;
use crate::model::detail::{Context, RequestDetail, Variable};
use crate::sentry::detail::agent::{Agent, Product, agent};
use crate::sentry::detail::{Raw, parse, variables};
use crate::sentry::json::{Entries, Listed, Scalar, wire_object};

pub(super) fn contexts(sent: Raw<'_>, request: Option<&RequestDetail>, platform: Option<&str>) -> Vec<Context> {
    let sent: Entries<'_, Raw<'_>> = parse(sent);
    let mut shown: Vec<Context> = sent.0.iter().filter_map(|(name, raw)| context(name, *raw)).collect();
    let agent = request.map(agent_of).unwrap_or_default();
    // What a browser's own SDK reports is the system it runs on; a server's is not that of the one who asked.
    let os = if platform == Some("javascript") { "os" } else { "client_os" };
    let device = agent.device.map(|device| {
        let named = [
            ("family", Some(device.model.clone())),
            ("model", Some(device.model)),
            ("brand", device.brand.map(str::to_owned)),
        ];
        entries(named)
    });
    for (name, found) in [
        ("browser", agent.browser.map(product)),
        (os, agent.os.map(product)),
        ("device", device.filter(|_| platform == Some("javascript") || request.is_some())),
    ] {
        if let Some(entries) = found.filter(|_| !shown.iter().any(|context| context.name == name)) {
            shown.push(Context { name: name.to_owned(), ty: name.to_owned(), summary: None, entries });
        }
    }
    for context in &mut shown {
        context.summary = summary(context);
    }
    shown
}

fn agent_of(request: &RequestDetail) -> Agent {
    let header = |name: &str| {
        let header = request.headers.iter().find(|header| header.key == name)?;
        (header.value != "[Filtered]").then_some(header.value.as_str())
    };
    agent(header)
}

fn product(product: Product) -> Vec<Variable> {
    entries([("name", Some(product.name)), ("version", product.version), ("", None)])
}

fn entries(named: [(&str, Option<String>); 3]) -> Vec<Variable> {
    let entry = |(name, value): (&str, Option<String>)| Some(Variable { name: name.to_owned(), value: value?.into() });
    named.into_iter().filter_map(entry).collect()
}

/// `None` for the trace, which has fields of its own, and for contexts without members.
fn context(name: &str, raw: Raw<'_>) -> Option<Context> {
    if name == "trace" {
        return None;
    }
    let mut entries = match name {
        "flags" => flags(raw),
        // What stands for the whole of it, as scrubbing leaves it.
        _ if raw.is_some_and(|raw| raw.get() == "\"[Filtered]\"") => {
            vec![Variable { name: name.to_owned(), value: parse(raw) }]
        }
        _ => variables(&parse(raw), DATA_DEPTH_MAX),
    };
    let sent = entries.iter().find(|entry| entry.name == "type").and_then(|entry| entry.value.as_str());
    let ty = sent.filter(|ty| !ty.is_empty()).unwrap_or(name).to_owned();
    entries.retain(|entry| entry.name != "type" || entry.value != name);
    (!entries.is_empty()).then(|| Context { name: name.to_owned(), ty, summary: None, entries })
}

/// `CPython 3.11.8`, `Windows 11`, `iPhone`: what Sentry keeps under the type's own name.
fn summary(context: &Context) -> Option<String> {
    let text = |name: &str| {
        let entry = context.entries.iter().find(|entry| entry.name == name)?;
        entry.value.as_str().map(str::trim).filter(|text| !text.is_empty())
    };
    match context.ty.as_str() {
        "runtime" | "os" | "client_os" | "browser" => {
            let name = text("name").or_else(|| text("raw_description"))?;
            Some(text("version").map_or_else(|| name.to_owned(), |version| format!("{name} {version}")))
        }
        "device" => text("model").or_else(|| text("family")).or_else(|| text("name")).map(str::to_owned),
        "gpu" => text("name").map(str::to_owned),
        _ => None,
    }
}

wire_object! {
    WireFlag {
        flag: Scalar<'a> = "flag",
        result: Raw<'a> = "result",
    }
}

/// Feature flags are a list of pairs spelled as objects (fixture sentry-python-2.75.0/event-with-feature-flags).
fn flags(raw: Raw<'_>) -> Vec<Variable> {
    let flags: Listed<WireFlag<'_>, 0, 500> = parse(raw);
    let named = flags.members.iter().filter_map(|flag| Some((flag.flag.limited(256)?, parse::<Value>(flag.result))));
    named.map(|(name, value)| Variable { name, value }).collect()
}
