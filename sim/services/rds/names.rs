//! ARNs, identifiers and host names.

use super::instance::Tags;
use super::refusal::{refuse, value};
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::world::{Cx, Input, World};
use serde_json::Value;

/// An RDS ARN in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    pub region: String,
    pub account: String,
    /// `db`, `snapshot`, `cluster`, `pg`…
    pub kind: String,
    pub id: String,
}

impl Arn {
    /// `None`: not an ARN of RDS.
    pub fn read(text: &str) -> Option<Arn> {
        let mut parts = text.splitn(7, ':');
        let head = (parts.next()?, parts.next()?, parts.next()?);
        if head != ("arn", "aws", "rds") {
            return None;
        }
        let (region, account, kind, id) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Arn {
            region: region.into(),
            account: account.into(),
            kind: kind.into(),
            id: id.into(),
        })
    }
}

/// The identifier in what a caller gave: itself in lower case, or the last part of an ARN of that kind.
pub fn identifier(given: &str, kind: &str) -> String {
    match Arn::read(given) {
        Some(arn) if arn.kind == kind => arn.id.to_ascii_lowercase(),
        _ => given.to_ascii_lowercase(),
    }
}

/// The part of endpoint names that an account has in a region.
pub fn place_hash(world: &World, account: &str, region: &str) -> String {
    let mut bits = world.dice.hash(&["rds", account, region], 0);
    let mut text = String::from("c");
    for _ in 0..11 {
        text.push(char::from(
            b"0123456789abcdefghijklmnopqrstuvwxyz"[(bits % 36) as usize],
        ));
        bits = (bits / 36) ^ (bits << 57);
    }
    text
}

/// An instance's endpoint name.
pub fn host(world: &World, account: &str, region: &str, id: &str) -> String {
    format!(
        "{id}.{}.{region}.rds.amazonaws.com",
        place_hash(world, account, region)
    )
}

/// A cluster's endpoint name; `kind` is `cluster` or `cluster-ro`.
pub fn cluster_host(world: &World, account: &str, region: &str, id: &str, kind: &str) -> String {
    format!(
        "{id}.{kind}-{}.{region}.rds.amazonaws.com",
        place_hash(world, account, region)
    )
}

/// A resource id: `db-` or `cluster-` and 26 letters and digits.
pub fn resource_id(cx: &mut Cx<'_>, prefix: &str) -> String {
    let hex = cx.hex(&format!("resource/{prefix}"), 26);
    let letters = hex.chars().map(|c| match c {
        '0' => 'G',
        '1' => 'H',
        '8' => 'K',
        '9' => 'Q',
        other => other.to_ascii_uppercase(),
    });
    format!("{prefix}{}", letters.collect::<String>())
}

/// The tags of a create call, checked.
pub fn tags(input: &Input) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default();
        put_tag(&mut tags, key, tag["Value"].as_str().unwrap_or_default())?;
    }
    if tags.len() > 50 {
        return Err(refuse(
            "TagQuotaExceeded",
            "A resource cannot have more than 50 tags.",
        ));
    }
    Ok(tags)
}

/// Sets one tag as a caller may: reserved keys are AWS's own.
pub fn put_tag(tags: &mut Tags, key: &str, text: &str) -> Result<(), AwsError> {
    if key.is_empty() || key.len() > 128 || text.len() > 256 {
        return Err(value(format!("Tag key or value out of bounds: {key}")));
    }
    if key.to_ascii_lowercase().starts_with("aws:") || key.to_ascii_lowercase().starts_with("rds:")
    {
        return Err(value(
            "Tag keys cannot start with the reserved prefix aws: or rds:",
        ));
    }
    match tags.iter_mut().find(|(known, _)| known == key) {
        Some(known) => text.clone_into(&mut known.1),
        None => tags.push((key.to_owned(), text.to_owned())),
    }
    Ok(())
}

pub fn shown_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, text)| object! { "Key": key.as_str(), "Value": text.as_str() })
        .collect()
}

/// The values of a filter, if it was given.
pub fn filter(input: &Input, name: &str) -> Option<Vec<String>> {
    let found = input
        .list("Filters")
        .iter()
        .find(|filter| filter["Name"].as_str() == Some(name))?;
    let values = found["Values"].as_array()?;
    Some(
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_ascii_lowercase)
            .collect(),
    )
}

/// Refuses filters that the operation does not know.
pub fn check_filters(input: &Input, known: &[&str]) -> Result<(), AwsError> {
    for filter in input.list("Filters") {
        let name = filter["Name"].as_str().unwrap_or_default();
        if !known.contains(&name) {
            return Err(value(format!("Unrecognized filter name: {name}")));
        }
    }
    Ok(())
}

/// Year, month, day, hour, minute, second and weekday (0 = Sunday) of an instant, in UTC.
pub fn calendar(unix: i64) -> (i64, u32, u32, u32, u32, u32, u32) {
    let days = unix.div_euclid(86_400);
    let seconds = unix.rem_euclid(86_400) as u32;
    // Days since 0000-03-01, in eras of 400 years.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month_index + 2) / 5 + 1) as u32;
    let month = if month_index < 10 {
        month_index + 3
    } else {
        month_index - 9
    } as u32;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let weekday = (days + 4).rem_euclid(7) as u32;
    (
        year,
        month,
        day,
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        weekday,
    )
}

/// `2027-01-15-08-00`, as automated snapshots have it in their names.
pub fn stamp(unix: f64) -> String {
    let (year, month, day, hour, minute, ..) = calendar(unix as i64);
    format!("{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}")
}

/// How long until the next `hh:mm` of a window such as `07:10-07:40` (daily) or `sun:07:10-sun:07:40` (weekly).
pub fn until_window(window: &str, unix: f64) -> Option<Nanos> {
    let start = window.split('-').next()?;
    let mut parts: Vec<&str> = start.split(':').collect();
    let weekday = if parts.len() == 3 {
        let named = parts.remove(0).to_ascii_lowercase();
        Some(
            ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
                .iter()
                .position(|day| *day == named)? as i64,
        )
    } else {
        None
    };
    let [hour, minute] = parts[..] else {
        return None;
    };
    let wanted = hour.parse::<i64>().ok().filter(|h| *h < 24)? * 3_600
        + minute.parse::<i64>().ok().filter(|m| *m < 60)? * 60;
    let now = unix as i64;
    let (.., today) = calendar(now);
    let mut wait = wanted - now.rem_euclid(86_400);
    if let Some(weekday) = weekday {
        wait += (weekday - i64::from(today)).rem_euclid(7) * 86_400;
    }
    let period = if weekday.is_some() {
        7 * 86_400
    } else {
        86_400
    };
    if wait <= 0 {
        wait += period;
    }
    Some(wait as Nanos * crate::clock::SECOND)
}
