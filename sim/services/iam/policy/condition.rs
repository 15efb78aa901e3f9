//! Condition blocks: an operator, a key and the values it is compared with.

use super::{Ask, glob, substitute};

#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The operator as written, for messages and simulations.
    pub operator: String,
    pub key: String,
    pub values: Vec<String>,
    compare: Compare,
    negated: bool,
    if_exists: bool,
    set: Set,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    One,
    ForAll,
    ForAny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Address,
    Null,
    Number(Order),
    Date(Order),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub fn read(operator: &str, key: &str, values: Vec<String>) -> Result<Condition, String> {
    let (set, bare) = match operator.split_once(':') {
        Some(("ForAllValues", rest)) => (Set::ForAll, rest),
        Some(("ForAnyValue", rest)) => (Set::ForAny, rest),
        Some(_) => return Err(format!("Invalid Condition type : {operator}.")),
        None => (Set::One, operator),
    };
    let (bare, if_exists) = match bare.strip_suffix("IfExists") {
        Some(bare) => (bare, true),
        None => (bare, false),
    };
    let (compare, negated) = match bare {
        "StringEquals" | "BinaryEquals" => (Compare::Equals, false),
        "StringNotEquals" => (Compare::Equals, true),
        "StringEqualsIgnoreCase" => (Compare::EqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Compare::EqualsIgnoreCase, true),
        "StringLike" => (Compare::Like, false),
        "StringNotLike" => (Compare::Like, true),
        "ArnEquals" | "ArnLike" => (Compare::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Compare::Arn, true),
        "Bool" => (Compare::Bool, false),
        "IpAddress" => (Compare::Address, false),
        "NotIpAddress" => (Compare::Address, true),
        "Null" if !if_exists => (Compare::Null, false),
        "NumericEquals" => (Compare::Number(Order::Equal), false),
        "NumericNotEquals" => (Compare::Number(Order::Equal), true),
        "NumericLessThan" => (Compare::Number(Order::Less), false),
        "NumericLessThanEquals" => (Compare::Number(Order::LessOrEqual), false),
        "NumericGreaterThan" => (Compare::Number(Order::Greater), false),
        "NumericGreaterThanEquals" => (Compare::Number(Order::GreaterOrEqual), false),
        "DateEquals" => (Compare::Date(Order::Equal), false),
        "DateNotEquals" => (Compare::Date(Order::Equal), true),
        "DateLessThan" => (Compare::Date(Order::Less), false),
        "DateLessThanEquals" => (Compare::Date(Order::LessOrEqual), false),
        "DateGreaterThan" => (Compare::Date(Order::Greater), false),
        "DateGreaterThanEquals" => (Compare::Date(Order::GreaterOrEqual), false),
        _ => return Err(format!("Invalid Condition type : {operator}.")),
    };
    let condition = Condition {
        operator: operator.to_owned(),
        key: key.to_owned(),
        values,
        compare,
        negated,
        if_exists,
        set,
    };
    Ok(condition)
}

impl Condition {
    pub fn holds(&self, ask: &Ask, variables: bool) -> bool {
        let actual = ask
            .keys
            .get(&self.key.to_ascii_lowercase())
            .map_or(&[][..], Vec::as_slice);
        if self.compare == Compare::Null {
            let wants_absent = self.values.iter().any(|v| v == "true");
            return actual.is_empty() == wants_absent;
        }
        if actual.is_empty() {
            return match self.set {
                Set::ForAll => true,
                Set::ForAny => self.if_exists,
                Set::One => self.if_exists || self.negated,
            };
        }
        let one = |value: &String| self.matches_any(value, ask, variables) != self.negated;
        match self.set {
            Set::ForAll => actual.iter().all(one),
            Set::One | Set::ForAny => actual.iter().any(one),
        }
    }

    /// Whether one actual value matches one of the written ones, before negation.
    fn matches_any(&self, actual: &str, ask: &Ask, variables: bool) -> bool {
        self.values.iter().any(|written| {
            if variables && written.contains("${") {
                substitute(written, ask).is_some_and(|w| self.matches(&w, actual))
            } else {
                self.matches(written, actual)
            }
        })
    }

    fn matches(&self, written: &str, actual: &str) -> bool {
        match self.compare {
            Compare::Equals => written == actual,
            Compare::EqualsIgnoreCase | Compare::Bool => written.eq_ignore_ascii_case(actual),
            Compare::Like => glob(written, actual),
            Compare::Arn => arn_like(written, actual),
            Compare::Address => in_network(written, actual),
            Compare::Number(order) => match (written.parse::<f64>(), actual.parse::<f64>()) {
                (Ok(written), Ok(actual)) => ordered(order, actual, written),
                _ => false,
            },
            Compare::Date(order) => match (unix(written), unix(actual)) {
                (Some(written), Some(actual)) => ordered(order, actual, written),
                _ => false,
            },
            Compare::Null => false,
        }
    }
}

fn ordered(order: Order, actual: f64, written: f64) -> bool {
    match order {
        Order::Equal => actual == written,
        Order::Less => actual < written,
        Order::LessOrEqual => actual <= written,
        Order::Greater => actual > written,
        Order::GreaterOrEqual => actual >= written,
    }
}

/// ARNs match part by part, so that a `*` does not reach over a colon except in the last part.
fn arn_like(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let pattern: Vec<&str> = pattern.splitn(6, ':').collect();
    let arn: Vec<&str> = arn.splitn(6, ':').collect();
    pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(p, a)| glob(p, a))
}

/// Whether an address is in a CIDR block (or is that address).
fn in_network(block: &str, address: &str) -> bool {
    use std::net::IpAddr;
    let (network, bits) = block
        .split_once('/')
        .map_or((block, None), |(n, b)| (n, Some(b)));
    let (Ok(network), Ok(address)) = (network.parse::<IpAddr>(), address.parse::<IpAddr>()) else {
        return false;
    };
    let number = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32_u32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ((network, width), (address, other)) = (number(network), number(address));
    let bits = match bits.map(str::parse::<u32>) {
        None => width,
        Some(Ok(bits)) if bits <= width => bits,
        Some(_) => return false,
    };
    // A shift by the whole width is no shift in Rust.
    width == other && (bits == 0 || (network >> (width - bits)) == (address >> (width - bits)))
}

/// Unix seconds of an ISO 8601 date or time in UTC, or of a plain number of seconds.
fn unix(text: &str) -> Option<f64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some(seconds);
    }
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let mut clock = time
        .trim_end_matches('Z')
        .splitn(3, ':')
        .map(str::parse::<f64>);
    let hour = clock.next()?.ok()?;
    let minute = clock.next().unwrap_or(Ok(0.0)).ok()?;
    let second = clock.next().unwrap_or(Ok(0.0)).ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days from the civil calendar, counted in eras of 400 years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    Some(days as f64 * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}
