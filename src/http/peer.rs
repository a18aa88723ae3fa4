//! Which address a request came from: the connection's, or what a proxy we trust says about it.
//!
//! The answer is a fact about a user, not a permission: nothing is allowed or refused by it.

use std::net::IpAddr;

use hyper::header::HeaderMap;
use hyper::http::Extensions;

use crate::config::network::Network;

use super::guard::PROXY_HEADERS;

/// The other end of the connection; put into every request where it was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// Addresses of one header that are looked at.
const HOPS_MAX: usize = 32;

/// The client's address. `X-Forwarded-For` is read from its end, as far as those who wrote it are trusted: whatever
/// stands before the first stranger may be made up by him.
pub(super) fn client_address(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let Peer(peer) = *extensions.get::<Peer>()?;
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = plain(peer);
    if !is_trusted(client) {
        return Some(client);
    }
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
        let Some(address) = address_of(hop.trim()) else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    Some(client)
}

/// Whether a request was sent by a program on this machine: straight, or through proxies that say so.
pub(super) fn is_from_this_machine(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> bool {
    let is_proxied = PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
    let names_client = headers.contains_key("x-forwarded-for");
    let is_local = client_address(extensions, headers, trusted).is_some_and(|address| address.is_loopback());
    is_local && (names_client || !is_proxied)
}

/// Some proxies write the port, too.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(address, _)| address);
    let parsed = bare.parse().ok().or_else(|| bare.rsplit_once(':')?.0.parse().ok());
    parsed.map(plain)
}

/// An IPv4 address as such, however the socket names it.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(peer.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted = [Network::parse("127.0.0.0/8").unwrap(), Network::parse("10.0.0.0/8").unwrap()];
        client_address(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(client("192.0.2.7", &["203.0.113.9"]), "192.0.2.7");
        assert_eq!(client("127.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("::ffff:127.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn who_sends_from_this_machine_is_known_through_proxies() {
        let is_local = |peer: &str, headers: &[(&'static str, &str)]| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(peer.parse().unwrap()));
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            is_from_this_machine(&extensions, &headers, &[Network::parse("127.0.0.0/8").unwrap()])
        };
        assert!(is_local("127.0.0.1", &[]) && is_local("::1", &[]) && is_local("::ffff:127.0.0.1", &[]));
        assert!(is_local("127.0.0.1", &[("x-forwarded-for", "127.0.0.1")]));
        assert!(!is_local("192.0.2.7", &[]) && !is_local("192.0.2.7", &[("x-forwarded-for", "127.0.0.1")]));
        assert!(!is_local("127.0.0.1", &[("x-forwarded-for", "203.0.113.9")]));
        assert!(!is_local("127.0.0.1", &[("x-forwarded-for", "127.0.0.1, 203.0.113.9")]));
        assert!(!is_local("127.0.0.1", &[("via", "1.1 proxy")]));
        assert!(!is_local("127.0.0.1", &[("forwarded", "for=203.0.113.9")]));
    }

    #[test]
    fn what_a_stranger_wrote_before_the_first_proxy_is_not_believed() {
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 203.0.113.9", "10.0.0.2"]), "203.0.113.9");
    }

    #[test]
    fn without_a_usable_header_it_is_the_connection() {
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &["nonsense, 10.0.0.2"]), "10.0.0.2");
    }
}
