//! The syntax of a record's value, type by type. Knows no zone.

use super::name;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Why Route 53 refuses a value: `code (text)`.
pub(super) type Fault = (String, String);

fn fault(code: impl Into<String>, text: impl Into<String>) -> Fault {
    (code.into(), text.into())
}

/// Checks one value of a record of `rtype`.
pub(super) fn check(rtype: &str, value: &str) -> Result<(), Fault> {
    let fields: Vec<&str> = value.split_ascii_whitespace().collect();
    match rtype {
        "A" => value.parse::<Ipv4Addr>().map(drop).map_err(|_| {
            fault(
                "ARRDATAIllegalIPv4Address",
                "Value is not a valid IPv4 address",
            )
        }),
        "AAAA" => value.parse::<Ipv6Addr>().map(drop).map_err(|_| {
            fault(
                "AAAARRDATAIllegalIPv6Address",
                "Value is not a valid IPv6 address",
            )
        }),
        "CNAME" | "NS" | "PTR" => {
            if fields.len() != 1 {
                return Err(fault(
                    format!("{rtype}RRDATANotSingleField"),
                    "Value contains spaces",
                ));
            }
            domain(value)
        }
        "MX" => {
            exactly(rtype, &fields, 2)?;
            number(rtype, fields[0], 65_535)?;
            domain(fields[1])
        }
        "SRV" => {
            exactly(rtype, &fields, 4)?;
            for field in &fields[..3] {
                number(rtype, field, 65_535)?;
            }
            domain(fields[3])
        }
        "TXT" | "SPF" => character_strings(value),
        "CAA" => {
            let mut parts = value.splitn(3, ' ');
            let (Some(flags), Some(tag), Some(text)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(fault(
                    "CAARRDATANotThreeFields",
                    "Value should be <flags> <tag> \"<value>\"",
                ));
            };
            number(rtype, flags, 255)?;
            if tag.is_empty() || !tag.chars().all(|c| c.is_ascii_alphanumeric()) {
                return Err(fault(
                    "CAARRDATAIllegalTag",
                    "Tag may contain only letters and digits",
                ));
            }
            character_strings(text)
        }
        "SOA" => {
            exactly(rtype, &fields, 7)?;
            domain(fields[0])?;
            domain(fields[1])?;
            for field in &fields[2..] {
                number(rtype, field, u64::from(u32::MAX))?;
            }
            Ok(())
        }
        "DS" => {
            exactly(rtype, &fields, 4)?;
            number(rtype, fields[0], 65_535)?;
            number(rtype, fields[1], 255)?;
            number(rtype, fields[2], 255)?;
            hexadecimal(rtype, fields[3])
        }
        "SSHFP" => {
            exactly(rtype, &fields, 3)?;
            number(rtype, fields[0], 255)?;
            number(rtype, fields[1], 255)?;
            hexadecimal(rtype, fields[2])
        }
        "TLSA" => {
            exactly(rtype, &fields, 4)?;
            for field in &fields[..3] {
                number(rtype, field, 255)?;
            }
            hexadecimal(rtype, fields[3])
        }
        "NAPTR" => {
            if fields.len() < 6 {
                return Err(fault(
                    "NAPTRRRDATANotSixFields",
                    "Value should have six fields",
                ));
            }
            number(rtype, fields[0], 65_535)?;
            number(rtype, fields[1], 65_535)
        }
        "HTTPS" | "SVCB" => {
            if fields.len() < 2 {
                return Err(fault(
                    format!("{rtype}RRDATATooFewFields"),
                    "Value should have a priority and a target",
                ));
            }
            number(rtype, fields[0], 65_535)?;
            if fields[1] == "." {
                Ok(())
            } else {
                domain(fields[1])
            }
        }
        other => Err(fault(
            "UnsupportedType",
            format!("Type {other} is not supported"),
        )),
    }
}

fn exactly(rtype: &str, fields: &[&str], wanted: usize) -> Result<(), Fault> {
    if fields.len() == wanted {
        return Ok(());
    }
    let words = [
        "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven",
    ];
    Err(fault(
        format!("{rtype}RRDATANot{}Fields", words[wanted]),
        format!("Value should have {wanted} fields"),
    ))
}

fn number(rtype: &str, field: &str, max: u64) -> Result<(), Fault> {
    let plain = !field.is_empty() && field.bytes().all(|b| b.is_ascii_digit());
    if plain && field.parse::<u64>().is_ok_and(|n| n <= max) {
        return Ok(());
    }
    Err(fault(
        format!("{rtype}RRDATAIllegalNumber"),
        format!("Value is not a number between 0 and {max}"),
    ))
}

fn hexadecimal(rtype: &str, field: &str) -> Result<(), Fault> {
    if field.len().is_multiple_of(2) && field.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(fault(
        format!("{rtype}RRDATAIllegalHex"),
        "Value is not hexadecimal",
    ))
}

fn domain(field: &str) -> Result<(), Fault> {
    name::canonical(field)
        .map(drop)
        .map_err(|f| fault(f.code, f.text))
}

/// One or more strings in quotation marks, 255 characters each at most.
fn character_strings(value: &str) -> Result<(), Fault> {
    let mut rest = value.trim_matches(' ');
    if rest.is_empty() {
        return Err(fault(
            "InvalidCharacterString",
            "Value should be enclosed in quotation marks",
        ));
    }
    while !rest.is_empty() {
        let Some(inner) = rest.strip_prefix('"') else {
            return Err(fault(
                "InvalidCharacterString",
                "Value should be enclosed in quotation marks",
            ));
        };
        let mut escaped = false;
        let end = inner.bytes().position(|b| {
            let closes = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            closes
        });
        let Some(end) = end else {
            return Err(fault(
                "InvalidCharacterString",
                "Value should be enclosed in quotation marks",
            ));
        };
        if end > 255 {
            return Err(fault("CharacterStringTooLong", "Value is too long"));
        }
        rest = inner[end + 1..].trim_start_matches(' ');
    }
    Ok(())
}
