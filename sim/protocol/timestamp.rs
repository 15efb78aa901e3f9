//! Timestamps as the protocols write them. In this program they are unix seconds.

use crate::model::TimestampFormat;
use serde_json::Value;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize,
}

/// The proleptic Gregorian date of a day count since 1970-01-01, in eras of 400 years.
fn civil(seconds: i64) -> Civil {
    let days = seconds.div_euclid(86_400);
    let of_day = seconds.rem_euclid(86_400);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    Civil {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day,
        hour: of_day / 3_600,
        minute: of_day / 60 % 60,
        second: of_day % 60,
        weekday: days.rem_euclid(7) as usize,
    }
}

fn unix(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second
}

/// Two digits.
fn two(out: &mut String, number: i64) {
    let digits = [number / 10 % 10, number % 10];
    out.extend(digits.map(|digit| char::from(b'0' + digit as u8)));
}

/// A year in four digits, or as many as it has.
fn year(out: &mut String, year: i64) {
    if (0..10_000).contains(&year) {
        two(out, year / 100);
        two(out, year % 100);
    } else {
        out.push_str(&format!("{year:04}"));
    }
}

/// `08:00:00`.
fn clock_time(out: &mut String, c: &Civil) {
    two(out, c.hour);
    for number in [c.minute, c.second] {
        out.push(':');
        two(out, number);
    }
}

/// `2027-01-15T08:00:00Z`, with milliseconds if there are any.
pub fn iso8601(seconds: f64) -> String {
    let millis = (seconds * 1_000.0).round() as i64;
    let c = civil(millis.div_euclid(1_000));
    let mut out = String::with_capacity(24);
    year(&mut out, c.year);
    for number in [c.month, c.day] {
        out.push('-');
        two(&mut out, number);
    }
    out.push('T');
    clock_time(&mut out, &c);
    let fraction = millis.rem_euclid(1_000);
    if fraction > 0 {
        out.push('.');
        out.push(char::from(b'0' + (fraction / 100) as u8));
        two(&mut out, fraction % 100);
    }
    out.push('Z');
    out
}

/// `Fri, 15 Jan 2027 08:00:00 GMT`.
pub fn http_date(seconds: f64) -> String {
    let c = civil(seconds.floor() as i64);
    let mut out = String::with_capacity(29);
    out.push_str(DAYS[c.weekday]);
    out.push_str(", ");
    two(&mut out, c.day);
    out.push(' ');
    out.push_str(MONTHS[(c.month - 1) as usize]);
    out.push(' ');
    year(&mut out, c.year);
    out.push(' ');
    clock_time(&mut out, &c);
    out.push_str(" GMT");
    out
}

/// `20270115T080000Z`, as SigV4 writes it.
pub fn basic(seconds: f64) -> String {
    let c = civil(seconds.floor() as i64);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

pub fn write(value: &Value, format: TimestampFormat) -> String {
    let seconds = value.as_f64().unwrap_or(0.0);
    match format {
        TimestampFormat::Iso8601 => iso8601(seconds),
        TimestampFormat::Http => http_date(seconds),
        TimestampFormat::Unix if seconds.fract() == 0.0 => format!("{}", seconds as i64),
        TimestampFormat::Unix => format!("{seconds}"),
    }
}

/// Reads any of the formats, as AWS does.
pub fn read(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    if text.ends_with("GMT") {
        read_http(text)
    } else {
        read_iso(text)
    }
}

fn read_http(text: &str) -> Option<f64> {
    let mut words = text.split([' ', '-']).filter(|w| !w.is_empty()).skip(1);
    let day: i64 = words.next()?.parse().ok()?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|m| month.starts_with(m))? as i64 + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let (hour, minute, second) = clock(words.next()?)?;
    Some(unix(year, month, day, hour, minute, 0) as f64 + second)
}

fn read_iso(text: &str) -> Option<f64> {
    let basic =
        text.len() == 16 && text.is_char_boundary(8) && text.as_bytes().get(8) == Some(&b'T');
    if basic {
        let digit = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let days = (digit(0, 4)?, digit(4, 6)?, digit(6, 8)?);
        return Some(unix(
            days.0,
            days.1,
            days.2,
            digit(9, 11)?,
            digit(11, 13)?,
            digit(13, 15)?,
        ) as f64);
    }
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let mut parts = date.splitn(3, '-');
    let year: i64 = parts.next()?.parse().ok()?;
    let month: i64 = parts.next()?.parse().ok()?;
    let day: i64 = parts.next()?.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (time, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => match time.rfind(['+', '-']) {
            Some(at) => {
                let (hours, minutes) = time[at + 1..]
                    .split_once(':')
                    .unwrap_or((&time[at + 1..], "0"));
                let seconds =
                    hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60;
                (
                    &time[..at],
                    if time.as_bytes()[at] == b'-' {
                        -seconds
                    } else {
                        seconds
                    },
                )
            }
            None => (time, 0),
        },
    };
    let (hour, minute, second) = clock(time)?;
    Some((unix(year, month, day, hour, minute, 0) - offset) as f64 + second)
}

fn clock(text: &str) -> Option<(i64, i64, f64)> {
    let mut parts = text.splitn(3, ':');
    let hour: i64 = parts.next()?.parse().ok()?;
    let minute: i64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().unwrap_or("0").parse().ok()?;
    ((0..24).contains(&hour) && (0..60).contains(&minute) && (0.0..61.0).contains(&second))
        .then_some((hour, minute, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worlds_first_instant_is_written_in_every_format() {
        assert_eq!(iso8601(1_800_000_000.0), "2027-01-15T08:00:00Z");
        assert_eq!(iso8601(1_800_000_000.25), "2027-01-15T08:00:00.250Z");
        assert_eq!(iso8601(1_800_000_000.007), "2027-01-15T08:00:00.007Z");
        assert_eq!(iso8601(-62_167_219_201.0), "-001-12-31T23:59:59Z");
        assert_eq!(iso8601(253_402_300_800.0), "10000-01-01T00:00:00Z");
        assert_eq!(http_date(1_800_000_000.0), "Fri, 15 Jan 2027 08:00:00 GMT");
        assert_eq!(basic(1_800_000_000.0), "20270115T080000Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [
            0.0,
            951_782_400.0,
            1_709_164_800.5,
            1_800_000_000.0,
            4_102_444_799.0,
        ] {
            assert_eq!(read(&iso8601(seconds)), Some(seconds));
            assert_eq!(read(&http_date(seconds)), Some(f64::floor(seconds)));
            assert_eq!(read(&basic(seconds)), Some(f64::floor(seconds)));
            assert_eq!(read(&format!("{seconds}")), Some(seconds));
        }
        assert_eq!(read("2027-01-15T10:00:00+02:00"), Some(1_800_000_000.0));
        assert_eq!(read("2027-01-15"), Some(1_799_971_200.0));
        assert_eq!(read("soon"), None);
    }
}
