//! IPv4 blocks, as VPCs, subnets, routes and rules name them. Knows nothing of any resource.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A canonical IPv4 block: no bit below the prefix is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    base: u32,
    prefix: u8,
}

impl Cidr {
    pub const ANYWHERE: Cidr = Cidr { base: 0, prefix: 0 };

    /// Reads `10.0.0.0/16` and clears the bits below the prefix, as AWS does (`100.68.0.18/18` is `100.68.0.0/18`).
    pub fn parse(text: &str) -> Option<Cidr> {
        let (address, prefix) = text.split_once('/')?;
        let base = address_number(address)?;
        if prefix.is_empty() || prefix.len() > 2 || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let prefix: u8 = prefix.parse().ok().filter(|p| *p <= 32)?;
        Some(Cidr {
            base: base & mask(prefix),
            prefix,
        })
    }

    /// The block of one address.
    pub fn host(address: u32) -> Cidr {
        Cidr {
            base: address,
            prefix: 32,
        }
    }

    pub fn base(self) -> u32 {
        self.base
    }

    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// How many addresses are in the block.
    pub fn size(self) -> u64 {
        1_u64 << (32 - self.prefix)
    }

    pub fn has(self, address: u32) -> bool {
        address & mask(self.prefix) == self.base
    }

    pub fn contains(self, inner: Cidr) -> bool {
        inner.prefix >= self.prefix && self.has(inner.base)
    }

    pub fn overlaps(self, other: Cidr) -> bool {
        self.contains(other) || other.contains(self)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

fn mask(prefix: u8) -> u32 {
    if prefix == 0 {
        0
    } else {
        u32::MAX << (32 - prefix)
    }
}

/// An IPv4 address as a number.
pub fn address_number(text: &str) -> Option<u32> {
    text.parse::<Ipv4Addr>().ok().map(u32::from)
}

pub fn address_text(number: u32) -> String {
    Ipv4Addr::from(number).to_string()
}

/// An IPv6 block in its canonical spelling.
pub fn canonical_v6(text: &str) -> Option<String> {
    let (address, prefix) = text.split_once('/')?;
    let address: u128 = address.parse::<Ipv6Addr>().ok()?.into();
    let prefix: u8 = prefix.parse().ok().filter(|p| *p <= 128)?;
    let kept = if prefix == 0 {
        0
    } else {
        address & (u128::MAX << (128 - u32::from(prefix)))
    };
    Some(format!("{}/{prefix}", Ipv6Addr::from(kept)))
}

/// Whether an address is of the private ranges, and so never routed over the internet.
pub fn is_private(address: u32) -> bool {
    let a = Ipv4Addr::from(address);
    // Shared address space (100.64.0.0/10) is a usable VPC range too.
    a.is_private() || a.is_link_local() || (address >> 22) == (0x6440_0000_u32 >> 22)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_canonically() {
        assert_eq!(
            Cidr::parse("100.68.0.18/18").unwrap().to_string(),
            "100.68.0.0/18"
        );
        assert_eq!(Cidr::parse("0.0.0.0/0").unwrap(), Cidr::ANYWHERE);
        for bad in [
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            "a/8",
            "10.0.0.0/+8",
        ] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn blocks_contain_and_overlap() {
        let vpc = Cidr::parse("10.0.0.0/16").unwrap();
        let subnet = Cidr::parse("10.0.4.0/24").unwrap();
        assert!(vpc.contains(subnet) && !subnet.contains(vpc));
        assert!(subnet.overlaps(vpc));
        assert!(!subnet.overlaps(Cidr::parse("10.0.5.0/24").unwrap()));
        assert!(Cidr::ANYWHERE.contains(vpc));
        assert_eq!(subnet.size(), 256);
    }

    #[test]
    fn private_ranges_are_known() {
        for (text, private) in [
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("192.168.1.1", true),
            ("100.64.0.1", true),
            ("198.18.0.1", false),
        ] {
            assert_eq!(is_private(address_number(text).unwrap()), private, "{text}");
        }
    }

    #[test]
    fn version_6_blocks_are_canonical_too() {
        assert_eq!(
            canonical_v6("2001:DB8::1/32").as_deref(),
            Some("2001:db8::/32")
        );
        assert_eq!(canonical_v6("::/0").as_deref(), Some("::/0"));
        assert_eq!(canonical_v6("::/129"), None);
    }
}
