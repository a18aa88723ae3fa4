//! Whose address an event carries: the one sent, the one the SDK asks us to fill in, or none.
//!
//! Protocol notes, section 3.2, IP. Decides only; the body is changed elsewhere.

use core::net::IpAddr;

use crate::sentry::event::Arrival;
use crate::sentry::json::{Object, Scalar};
use crate::sentry::wire::{WireEnv, WireEvent, WireRequest, WireSdk, WireUser};

/// What SDKs write where they want the server to fill in what it sees.
const AUTO: &str = "{{auto}}";

/// Whether the server may take the client's address for the user's, as an SDK says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InferIp {
    Auto,
    Never,
}

impl InferIp {
    /// `None` for other words, as of the versions before there was a choice.
    pub(in crate::sentry) fn of(sdk: &WireSdk<'_>) -> Option<Self> {
        match sdk.settings.get()?.infer_ip.as_str()? {
            "auto" => Some(Self::Auto),
            "never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// What becomes of `user.ip_address`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sentry) enum Address {
    /// As sent, if at all.
    AsSent,
    Filled(IpAddr),
    /// It was asked for and is not known, or not to be known.
    Removed,
}

pub(super) fn address(wire: &WireEvent<'_>, user: Option<&WireUser<'_>>, arrival: &Arrival) -> Address {
    address_of(wire.platform.as_str().unwrap_or_default(), wire.sdk.get(), wire.request.get(), user, arrival)
}

/// Of an event or a transaction.
pub(in crate::sentry) fn address_of(
    platform: &str,
    sdk: Option<&WireSdk<'_>>,
    request: Option<&WireRequest<'_>>,
    user: Option<&WireUser<'_>>,
    arrival: &Arrival,
) -> Address {
    let sent = user.and_then(|user| user.ip_address.text());
    let sent = sent.as_deref().map(str::trim).filter(|text| !text.is_empty());
    // SDKs that run where the user is: the connection is his.
    let is_client = matches!(platform, "javascript" | "cocoa" | "objc");
    let asked = sent == Some(AUTO);
    let wanted = match sdk.and_then(InferIp::of).or(arrival.infer_ip) {
        // What the application itself names stays: Relay takes away only the wish (getsentry/relay#4623).
        Some(InferIp::Never) => false,
        Some(InferIp::Auto) => asked || sent.is_none(),
        None => asked || (sent.is_none() && is_client),
    };
    if !wanted {
        return if asked { Address::Removed } else { Address::AsSent };
    }
    // An application on this machine that names no user's address has none to name; it is not its own user.
    let of_connection = arrival.client_ip.filter(|ip| asked || is_client || !ip.is_loopback());
    match request.and_then(remote_addr).or(of_connection) {
        Some(ip) => Address::Filled(ip),
        None if asked => Address::Removed,
        None => Address::AsSent,
    }
}

/// The address that the web server of the application saw.
fn remote_addr(request: &WireRequest<'_>) -> Option<IpAddr> {
    let env = request.env?;
    let env: Object<WireEnv<'_>> = serde_json::from_str(env.get()).ok()?;
    match &env.get()?.remote_addr {
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}
