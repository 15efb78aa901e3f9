//! The words a manifest is made of: account ids, regions, names, durations, address blocks, ARNs. Each checks itself, so that
//! nothing past reading has to.

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A word with its check, its schema and its display, all from one line each.
macro_rules! word {
    ($(#[$doc:meta])* $name:ident, $pattern:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Result<$name, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| $name(text.to_owned()))
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                $name::new(&text).map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

word!(
    /// What people call a thing in a manifest or runbook.
    Name,
    "^[a-z][a-z0-9-]{0,62}$",
    |text| {
        let fits = text.len() <= 63 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if fits { Ok(()) } else { Err(format!("E1040 `{text}` is not a name | allowed: a lower-case letter, then up to 62 of a-z, 0-9 and -")) }
    }
);

word!(
    /// An AWS account id.
    Account,
    "^[0-9]{12}$",
    |text| {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(())
        } else {
            Err(format!("E1024 `{text}` is not an account id | an account id has exactly 12 digits 0-9"))
        }
    }
);

word!(
    /// An AWS region, as AWS writes it.
    Region,
    "^[a-z]{2}(-[a-z]+)+-[0-9]$",
    |text| {
        if region_shaped(text) {
            return Ok(());
        }
        let lower = text.trim().to_lowercase();
        if region_shaped(&lower) {
            return Err(format!("E1028 `{text}` is not a region | AWS writes it `{lower}`"));
        }
        Err(format!("E1028 `{text}` is not a region | for instance eu-west-1"))
    }
);

fn region_shaped(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase());
    match parts.as_slice() {
        [area, middle @ .., number] => {
            area.len() == 2
                && letters(area)
                && (1..=2).contains(&middle.len())
                && middle.iter().all(letters)
                && number.len() == 1
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

impl Region {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        match &self.0 {
            r if r.starts_with("cn-") => "aws-cn",
            r if r.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

word!(
    /// A KMS alias.
    KeyAlias,
    "^alias/[a-zA-Z0-9/_-]+$",
    |text| match text.strip_prefix("alias/") {
        Some(rest) if rest.starts_with("aws/") => Err(format!("E1027 `{text}` is a key that AWS manages: it cannot be shared or mapped | name a customer-managed key")),
        Some(rest) if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_-".contains(&b)) => Ok(()),
        _ => Err(format!("E1027 `{text}` is not a key alias | for instance alias/redmine")),
    }
);

word!(
    /// A DNS name, without the dot at the end.
    DnsName,
    "^([a-z0-9_*]([a-z0-9_-]*[a-z0-9])?\\.)+[a-z0-9-]+$",
    |text| {
        let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-') && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        let rest = text.strip_prefix("*.").unwrap_or(text);
        if text.len() <= 253 && rest.contains('.') && rest.split('.').all(label) {
            Ok(())
        } else {
            Err(format!("E1027 `{text}` is not a DNS name | lower case, without the dot at the end"))
        }
    }
);

word!(
    /// The id of a resource that already stands, such as `vpc-0a1b2c3d`.
    ResourceName,
    "^[A-Za-z0-9_:/.+=@-]{1,512}$",
    |text| {
        if text.contains('*') || text.contains("..") {
            return Err(format!("E1034 `{text}` names no single resource | no wildcards and no `..`"));
        }
        if (1..=512).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:/.+=@-".contains(&b)) {
            Ok(())
        } else {
            Err(format!("E1034 `{text}` is not the name of an AWS resource | letters, digits and _:/.+=@- only"))
        }
    }
);

/// How long: `45m`, `1h 30m`, `90s`. Zero is `0s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// The longest time a manifest may speak of.
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

impl Span {
    pub const fn seconds(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }

    pub fn parse(text: &str) -> Result<Span, String> {
        let refuse = |why: &str| {
            Err(format!(
                "E1026 `{text}` is not a duration: {why} | for instance 90s, 45m, 1h 30m, 14d"
            ))
        };
        if text.parse::<f64>().is_ok() {
            return refuse("it has no unit");
        }
        let mut total: u64 = 0;
        let mut rest = text.trim();
        if rest.is_empty() {
            return refuse("it is empty");
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit = rest[digits..].chars().next();
            let seconds = match unit {
                Some('s') => 1,
                Some('m') => 60,
                Some('h') => 3600,
                Some('d') => 86_400,
                _ => return refuse("units are s, m, h and d"),
            };
            let Some(part) = rest[..digits]
                .parse::<u64>()
                .ok()
                .and_then(|n| n.checked_mul(seconds))
            else {
                return refuse("a whole number stands before each unit");
            };
            let Some(sum) = total
                .checked_add(part)
                .filter(|sum| *sum <= LONGEST.as_secs())
            else {
                return refuse("it is longer than 400 days");
            };
            total = sum;
            rest = rest[digits + 1..].trim_start();
        }
        Ok(Span(Duration::from_secs(total)))
    }

    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }

    pub fn signed(self) -> SignedDuration {
        SignedDuration::from_secs(self.0.as_secs() as i64)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds == 0 {
            return f.write_str("0s");
        }
        let mut wrote = false;
        for (size, unit) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            let count = match unit {
                'd' => seconds / size,
                'h' => seconds % 86_400 / size,
                'm' => seconds % 3600 / size,
                _ => seconds % 60,
            };
            if count > 0 {
                write!(f, "{}{count}{unit}", if wrote { " " } else { "" })?;
                wrote = true;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Span, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+[smhd] ?)+$", "description": "A duration such as 90s, 45m, 1h 30m or 14d." })
    }
}

/// An IPv4 address block, in AWS's canonical form: host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    pub address: Ipv4Addr,
    pub prefix: u8,
}

impl Cidr {
    pub fn parse(text: &str) -> Result<Cidr, String> {
        let refuse = |hint: String| format!("E1027 `{text}` is not an IPv4 address block | {hint}");
        let parsed = text.split_once('/').and_then(|(a, p)| {
            Some((
                a.parse::<Ipv4Addr>().ok()?,
                p.parse::<u8>().ok().filter(|p| *p <= 32)?,
            ))
        });
        let Some((address, prefix)) = parsed else {
            return Err(refuse("for instance 10.20.0.0/16".into()));
        };
        let canonical = Cidr {
            address: Ipv4Addr::from(u32::from(address) & mask(prefix)),
            prefix,
        };
        if canonical.address != address {
            return Err(refuse(format!("AWS would make it {canonical}: write that")));
        }
        Ok(canonical)
    }

    pub fn contains(&self, other: &Cidr) -> bool {
        other.prefix >= self.prefix
            && u32::from(other.address) & mask(self.prefix) == u32::from(self.address)
    }

    pub fn overlaps(&self, other: &Cidr) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// `inner` of `self`, at the same place in `other`: how a subnet's block moves with its VPC's.
    pub fn translate(&self, inner: &Cidr, other: &Cidr) -> Option<Cidr> {
        if !self.contains(inner) || inner.prefix < other.prefix {
            return None;
        }
        let offset = u32::from(inner.address) - u32::from(self.address);
        let moved = Cidr {
            address: Ipv4Addr::from(u32::from(other.address).checked_add(offset)?),
            prefix: inner.prefix,
        };
        other.contains(&moved).then_some(moved)
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cidr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Cidr::parse(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Cidr {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Cidr".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9.]+/[0-9]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_want_a_unit_and_are_written_back_as_read() {
        for text in [
            "5",
            "-5m",
            "1e9h",
            "NaN",
            "",
            "5x",
            "m",
            "99999999999999999999d",
        ] {
            assert!(
                Span::parse(text).unwrap_err().starts_with("E1026 "),
                "{text}"
            );
        }
        for text in ["0s", "45m", "1h 30m", "14d 1s"] {
            assert_eq!(Span::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_subnet_keeps_its_place_in_the_new_network() {
        let block = |text| Cidr::parse(text).unwrap();
        assert_eq!(
            block("10.0.0.0/16").translate(&block("10.0.12.0/24"), &block("10.20.0.0/16")),
            Some(block("10.20.12.0/24"))
        );
        assert_eq!(
            block("10.0.0.0/16").translate(&block("10.0.200.0/24"), &block("10.20.0.0/20")),
            None
        );
        assert!(
            Cidr::parse("10.0.0.1/16")
                .unwrap_err()
                .contains("10.0.0.0/16")
        );
        assert!(block("0.0.0.0/0").contains(&block("10.0.0.0/8")));
    }

    #[test]
    fn digits_of_other_scripts_make_no_account() {
        assert!(Account::new("٠١٢٣٤٥٦٧٨٩٠١").is_err());
        assert!(Account::new("012345678901").is_ok());
    }

    #[test]
    fn regions_are_written_as_aws_writes_them() {
        assert!(
            Region::new("US-EAST-1")
                .unwrap_err()
                .contains("`us-east-1`")
        );
        assert!(Region::new("us-east-1 ").is_err() && Region::new("us_east_1").is_err());
        assert_eq!(
            Region::new("us-gov-west-1").unwrap().partition(),
            "aws-us-gov"
        );
    }
}
