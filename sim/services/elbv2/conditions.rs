//! The conditions of rules: checked, and asked whether they hold.

use super::invalid;
use crate::error::AwsError;
use crate::plane::HttpRequest;
use crate::services::ec2::cidr::{Cidr, address_number};
use serde_json::{Value, json};

/// Checks conditions and writes them in both of AWS's spellings.
pub(super) fn check_conditions(conditions: &[Value]) -> Result<Vec<Value>, AwsError> {
    if conditions.is_empty() {
        return Err(invalid("A condition must be specified"));
    }
    let mut filled = vec![];
    let mut total = 0;
    for condition in conditions {
        let field = condition["Field"].as_str().unwrap_or_default();
        let config = match field {
            "host-header" => "HostHeaderConfig",
            "path-pattern" => "PathPatternConfig",
            "http-header" => "HttpHeaderConfig",
            "http-request-method" => "HttpRequestMethodConfig",
            "query-string" => "QueryStringConfig",
            "source-ip" => "SourceIpConfig",
            other => {
                return Err(invalid(format!(
                    "Condition field '{other}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
                )));
            }
        };
        let mut condition = condition.clone();
        let plain = condition["Values"].as_array().cloned().unwrap_or_default();
        if matches!(field, "host-header" | "path-pattern") {
            if condition[config].is_null() {
                condition[config] = json!({"Values": plain});
            }
            condition["Values"] = condition[config]["Values"].clone();
        }
        let values = condition[config]["Values"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if values.is_empty() {
            return Err(invalid(format!(
                "A condition value must be specified for the field '{field}'"
            )));
        }
        if field == "http-header"
            && condition[config]["HttpHeaderName"]
                .as_str()
                .is_none_or(str::is_empty)
        {
            return Err(invalid(
                "A header name must be specified for the field 'http-header'",
            ));
        }
        if values
            .iter()
            .filter_map(Value::as_str)
            .any(|v| v.chars().count() > 128)
        {
            return Err(invalid(
                "A condition value cannot be longer than '128' characters",
            ));
        }
        total += values.len();
        filled.push(condition);
    }
    if total > 5 {
        return Err(invalid("Rules cannot have more than '5' condition values"));
    }
    let single = |field: &str| filled.iter().filter(|c| c["Field"] == field).count() > 1;
    if let Some(field) = [
        "host-header",
        "path-pattern",
        "http-request-method",
        "source-ip",
    ]
    .iter()
    .find(|f| single(f))
    {
        return Err(invalid(format!(
            "A rule can have only one condition for the field '{field}'"
        )));
    }
    Ok(filled)
}

/// Whether a rule's condition holds for a request.
pub(super) fn condition_holds(condition: &Value, request: &HttpRequest, source: &str) -> bool {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let host = request
        .host
        .rsplit_once(':')
        .map_or(request.host.as_str(), |(host, _)| host);
    let values = |config: &str| -> Vec<String> {
        let listed = condition[config]["Values"]
            .as_array()
            .or_else(|| condition["Values"].as_array());
        listed.map_or_else(Vec::new, |l| {
            l.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
    };
    match condition["Field"].as_str().unwrap_or_default() {
        "host-header" => values("HostHeaderConfig")
            .iter()
            .any(|p| wildcard(&p.to_ascii_lowercase(), &host.to_ascii_lowercase())),
        "path-pattern" => values("PathPatternConfig")
            .iter()
            .any(|p| wildcard(p, path)),
        "http-request-method" => {
            let method = if request.method.is_empty() {
                "GET"
            } else {
                &request.method
            };
            values("HttpRequestMethodConfig")
                .iter()
                .any(|m| m == method)
        }
        "http-header" => {
            let name = condition["HttpHeaderConfig"]["HttpHeaderName"]
                .as_str()
                .unwrap_or_default();
            let patterns = values("HttpHeaderConfig");
            request
                .headers
                .iter()
                .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                .any(|(_, value)| {
                    patterns
                        .iter()
                        .any(|p| wildcard(&p.to_ascii_lowercase(), &value.to_ascii_lowercase()))
                })
        }
        "query-string" => condition["QueryStringConfig"]["Values"]
            .as_array()
            .is_some_and(|wanted| {
                wanted.iter().any(|pair| {
                    query.split('&').any(|given| {
                        let (key, value) = given.split_once('=').unwrap_or((given, ""));
                        pair["Key"].as_str().is_none_or(|k| {
                            wildcard(&k.to_ascii_lowercase(), &key.to_ascii_lowercase())
                        }) && wildcard(
                            &pair["Value"]
                                .as_str()
                                .unwrap_or_default()
                                .to_ascii_lowercase(),
                            &value.to_ascii_lowercase(),
                        )
                    })
                })
            }),
        "source-ip" => address_number(source).is_some_and(|address| {
            values("SourceIpConfig")
                .iter()
                .filter_map(|block| Cidr::parse(block))
                .any(|block| block.has(address))
        }),
        _ => false,
    }
}

/// `*` is any text, `?` one character.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut i, mut j, mut star, mut mark) = (0, 0, None, 0);
    while j < t.len() {
        if i < p.len() && (p[i] == '?' || p[i] == t[j]) && p[i] != '*' {
            (i, j) = (i + 1, j + 1);
        } else if i < p.len() && p[i] == '*' {
            (star, mark) = (Some(i), j);
            i += 1;
        } else if let Some(at) = star {
            mark += 1;
            (i, j) = (at + 1, mark);
        } else {
            return false;
        }
    }
    p[i..].iter().all(|c| *c == '*')
}
