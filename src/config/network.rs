//! An address or a network of addresses, as settings name them: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`.

use core::net::{IpAddr, Ipv6Addr};

/// All addresses that share the first `prefix` bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u128,
    prefix: u32,
}

impl Network {
    /// `None` for anything but an address, alone or with a prefix length that it can have.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then(|| Self { first: number(address), prefix: prefix + (128 - bits) })
    }

    pub fn contains(&self, address: IpAddr) -> bool {
        let differing = number(address) ^ self.first;
        self.prefix == 0 || differing >> (128 - self.prefix) == 0
    }
}

/// IPv4 as the IPv6 address it is mapped to, which is how a dual-stack socket names it.
fn number(address: IpAddr) -> u128 {
    u128::from(match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => Ipv6Addr::from(address.octets()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network).expect("a network").contains(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_are_in_their_networks() {
        assert!(contains("127.0.0.0/8", "127.9.9.9") && contains("10.1.2.3", "10.1.2.3"));
        assert!(contains("fd00::/8", "fd12::1") && contains("::1", "::1") && contains("::/0", "8.8.8.8"));
        assert!(contains("10.0.0.0/8", "::ffff:10.0.0.1") && contains("0.0.0.0/0", "1.2.3.4"));
        assert!(
            !contains("10.0.0.0/8", "11.0.0.1") && !contains("10.1.2.3", "10.1.2.4") && !contains("0.0.0.0/0", "::1")
        );
    }

    #[test]
    fn other_texts_are_no_networks() {
        for text in ["", "localhost", "10.0.0.0/33", "::1/129", "10.0.0.0/x", "10.0.0/8", "/8"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
