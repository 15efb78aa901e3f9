//! Conditions of reads and writes, and ranges.

use super::Bucket;
use super::objects::{Object, no_such_key};
use crate::error::AwsError;
use crate::world::{Cx, Input};
use serde_json::Value;

pub(super) fn precondition(condition: &str) -> AwsError {
    AwsError::new(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
    .status(412)
    .field("Condition", condition)
}

pub(super) fn same_tag(given: &str, etag: &str) -> bool {
    given
        .split(',')
        .map(|g| g.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|g| g == "*" || g == etag)
}

/// The conditions of a write on what is there now.
pub(super) fn check_write(
    cx: &Cx<'_>,
    input: &Input,
    bucket: &Bucket,
    key: &str,
) -> Result<(), AwsError> {
    let current = super::object(cx.world, &bucket.name, key);
    if let Some(given) = input.str("IfNoneMatch") {
        if given != "*" {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(AwsError::new("NotImplemented", message)
                .status(501)
                .field("Header", "If-None-Match"));
        }
        if current.is_some() {
            return Err(precondition("If-None-Match"));
        }
    }
    if let Some(given) = input.str("IfMatch") {
        match current {
            None => return Err(no_such_key(key)),
            Some(object) if !same_tag(given, &object.etag) => return Err(precondition("If-Match")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// What the conditions of a read come to: go on, or nothing new.
pub(super) fn check_read(
    given: &dyn Fn(&str) -> Option<Value>,
    object: &Object,
) -> Result<bool, AwsError> {
    let text = |member: &str| given(member).and_then(|v| v.as_str().map(str::to_owned));
    let time = |member: &str| given(member).and_then(|v| v.as_f64());
    if let Some(tags) = text("IfMatch") {
        if !same_tag(&tags, &object.etag) {
            return Err(precondition("If-Match"));
        }
    } else if time("IfUnmodifiedSince").is_some_and(|t| object.modified > t) {
        return Err(precondition("If-Unmodified-Since"));
    }
    if let Some(tags) = text("IfNoneMatch") {
        return Ok(!same_tag(&tags, &object.etag));
    }
    Ok(time("IfModifiedSince").is_none_or(|t| object.modified > t))
}

/// The first byte and the one after the last, of a range of a body.
pub(super) fn bounds(range: &str, size: usize) -> Result<Option<(usize, usize)>, AwsError> {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return Ok(None);
    };
    let unsatisfiable = || {
        AwsError::new("InvalidRange", "The requested range is not satisfiable")
            .status(416)
            .field("RangeRequested", range)
            .field("ActualObjectSize", size as u64)
    };
    let read = |text: &str| text.parse::<usize>().ok();
    let (first, end) = match (read(first), read(last)) {
        (None, Some(n)) if first.is_empty() => (size.saturating_sub(n), size),
        (Some(a), None) if last.is_empty() => (a, size),
        (Some(a), Some(b)) if a <= b => (a, size.min(b.saturating_add(1))),
        _ => return Ok(None),
    };
    if first >= size || first >= end {
        return Err(unsatisfiable());
    }
    Ok(Some((first, end)))
}

pub(super) fn part_bounds(object: &Object, number: i64) -> Result<(usize, usize), AwsError> {
    let sizes = if object.parts.is_empty() {
        vec![object.body.len()]
    } else {
        object.parts.clone()
    };
    let at = usize::try_from(number - 1)
        .ok()
        .filter(|n| *n < sizes.len())
        .ok_or_else(|| {
            AwsError::new(
                "InvalidPartNumber",
                "The requested partnumber is not satisfiable",
            )
            .status(416)
        })?;
    let first: usize = sizes[..at].iter().sum();
    Ok((first, first + sizes[at]))
}
