//! Whose address an event carries: the one sent, the one the SDK asks us to fill in, or none.
//!
//! Protocol notes, section 3.2, IP. Decides only; the body is changed elsewhere.

use core::net::IpAddr;

use crate::sentry::event::Arrival;
use crate::sentry::json::{Object, Scalar};
use crate::sentry::wire::{WireEnv, WireEvent, WireUser};

/// What SDKs write where they want the server to fill in what it sees.
const AUTO: &str = "{{auto}}";

/// What becomes of `user.ip_address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// As sent, if at all.
    AsSent,
    Filled(IpAddr),
    /// It was asked for and is not known, or not to be known.
    Removed,
}

pub(super) fn address(wire: &WireEvent<'_>, user: Option<&WireUser<'_>>, arrival: &Arrival) -> Address {
    let sent = user.and_then(|user| user.ip_address.text());
    let sent = sent.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let settings = wire.sdk.get().and_then(|sdk| sdk.settings.get());
    let platform = wire.platform.as_str().unwrap_or_default();
    // SDKs that run where the user is: the connection is his.
    let is_client = matches!(platform, "javascript" | "cocoa" | "objc");
    let asked = sent == Some(AUTO);
    let wanted = match settings.and_then(|settings| settings.infer_ip.as_str()) {
        Some("never") => false,
        Some("auto") => asked || sent.is_none(),
        _ => asked || (sent.is_none() && is_client),
    };
    if !wanted {
        return if asked { Address::Removed } else { Address::AsSent };
    }
    // An application on this machine that names no user's address has none to name; it is not its own user.
    let of_connection = arrival.client_ip.filter(|ip| asked || is_client || !ip.is_loopback());
    match remote_addr(wire).or(of_connection) {
        Some(ip) => Address::Filled(ip),
        None if asked => Address::Removed,
        None => Address::AsSent,
    }
}

/// The address that the web server of the application saw.
fn remote_addr(wire: &WireEvent<'_>) -> Option<IpAddr> {
    let env = wire.request.get()?.env?;
    let env: Object<WireEnv<'_>> = serde_json::from_str(env.get()).ok()?;
    match &env.get()?.remote_addr {
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}
