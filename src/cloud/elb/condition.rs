//! Which requests a rule is for, in AWS's member names.

use super::text;
use aws_sdk_elasticloadbalancingv2::types as aws;
use serde_json::{Value, json};

/// A condition in AWS's member names. AWS answers paths and hosts twice; the newer form says all.
pub(super) fn json_condition(c: &aws::RuleCondition) -> Value {
    let mut out = json!({ "Field": text(c.field()) });
    let lists = [
        (
            "HostHeaderConfig",
            c.host_header_config()
                .map(|h| json!({ "Values": h.values(), "RegexValues": h.regex_values() })),
        ),
        (
            "PathPatternConfig",
            c.path_pattern_config()
                .map(|p| json!({ "Values": p.values(), "RegexValues": p.regex_values() })),
        ),
        (
            "HttpHeaderConfig",
            c.http_header_config().map(|h| {
                json!({ "HttpHeaderName": text(h.http_header_name()), "Values": h.values(), "RegexValues": h.regex_values() })
            }),
        ),
        (
            "HttpRequestMethodConfig",
            c.http_request_method_config()
                .map(|m| json!({ "Values": m.values() })),
        ),
        (
            "QueryStringConfig",
            c.query_string_config().map(|q| {
                let pairs: Vec<Value> = q
                    .values()
                    .iter()
                    .map(|pair| match pair.key() {
                        Some(key) => json!({ "Key": key, "Value": text(pair.value()) }),
                        None => json!({ "Value": text(pair.value()) }),
                    })
                    .collect();
                json!({ "Values": pairs })
            }),
        ),
        (
            "SourceIpConfig",
            c.source_ip_config().map(|s| json!({ "Values": s.values() })),
        ),
    ];
    for (member, config) in lists {
        if let Some(mut config) = config {
            for list in ["Values", "RegexValues"] {
                if config[list].as_array().is_some_and(Vec::is_empty)
                    && let Some(config) = config.as_object_mut()
                {
                    config.shift_remove(list);
                }
            }
            out[member] = config;
        }
    }
    // The older form only where there is no newer one: AWS refuses both at once.
    if out.as_object().is_some_and(|o| o.len() == 1) {
        if !c.values().is_empty() {
            out["Values"] = json!(c.values());
        }
        if !c.regex_values().is_empty() {
            out["RegexValues"] = json!(c.regex_values());
        }
    }
    out
}

/// A condition out of AWS's member names. One with members that drtool does not know is refused: without them the rule
/// would fit other requests.
pub(super) fn aws_condition(c: &Value) -> Result<aws::RuleCondition, String> {
    let object = c.as_object().ok_or("a condition is not an object")?;
    let wrong =
        |member: &str| format!("condition `{c}` has a member {member} that drtool cannot set");
    let words = |value: &Value| -> Option<Vec<String>> {
        value
            .as_array()?
            .iter()
            .map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let mut builder = aws::RuleCondition::builder();
    for (member, value) in object {
        let known: &[&str] = match member.as_str() {
            "HostHeaderConfig" | "PathPatternConfig" => &["Values", "RegexValues"],
            "HttpHeaderConfig" => &["HttpHeaderName", "Values", "RegexValues"],
            "HttpRequestMethodConfig" | "QueryStringConfig" | "SourceIpConfig" => &["Values"],
            _ => &[],
        };
        if let Some(config) = value.as_object()
            && let Some(strange) = config.keys().find(|key| !known.contains(&key.as_str()))
        {
            return Err(wrong(&format!("{member}.{strange}")));
        }
        let list = |name: &str| match value.get(name) {
            None => Ok(None),
            Some(list) => words(list)
                .map(Some)
                .ok_or_else(|| wrong(&format!("{member}.{name}"))),
        };
        builder = match member.as_str() {
            "Field" => builder.set_field(value.as_str().map(str::to_owned)),
            "Values" => builder.set_values(Some(words(value).ok_or_else(|| wrong(member))?)),
            "RegexValues" => {
                builder.set_regex_values(Some(words(value).ok_or_else(|| wrong(member))?))
            }
            "HostHeaderConfig" => builder.host_header_config(
                aws::HostHeaderConditionConfig::builder()
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "PathPatternConfig" => builder.path_pattern_config(
                aws::PathPatternConditionConfig::builder()
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "HttpHeaderConfig" => builder.http_header_config(
                aws::HttpHeaderConditionConfig::builder()
                    .set_http_header_name(value["HttpHeaderName"].as_str().map(str::to_owned))
                    .set_values(list("Values")?)
                    .set_regex_values(list("RegexValues")?)
                    .build(),
            ),
            "HttpRequestMethodConfig" => builder.http_request_method_config(
                aws::HttpRequestMethodConditionConfig::builder()
                    .set_values(list("Values")?)
                    .build(),
            ),
            "QueryStringConfig" => {
                let pairs = value["Values"].as_array().ok_or_else(|| wrong(member))?;
                let pairs = pairs
                    .iter()
                    .map(|pair| {
                        aws::QueryStringKeyValuePair::builder()
                            .set_key(pair["Key"].as_str().map(str::to_owned))
                            .set_value(pair["Value"].as_str().map(str::to_owned))
                            .build()
                    })
                    .collect();
                builder.query_string_config(
                    aws::QueryStringConditionConfig::builder()
                        .set_values(Some(pairs))
                        .build(),
                )
            }
            "SourceIpConfig" => builder.source_ip_config(
                aws::SourceIpConditionConfig::builder()
                    .set_values(list("Values")?)
                    .build(),
            ),
            other => return Err(wrong(other)),
        };
    }
    Ok(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_the_same_after_a_round_trip() {
        for condition in [
            json!({ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/old/*"] } }),
            json!({ "Field": "host-header", "HostHeaderConfig": { "Values": ["*.example.com"] } }),
            json!({ "Field": "http-header", "HttpHeaderConfig": { "HttpHeaderName": "X-Probe", "Values": ["yes*"] } }),
            json!({ "Field": "http-request-method", "HttpRequestMethodConfig": { "Values": ["POST"] } }),
            json!({ "Field": "query-string", "QueryStringConfig": { "Values": [{ "Key": "v", "Value": "2" }, { "Value": "x" }] } }),
            json!({ "Field": "source-ip", "SourceIpConfig": { "Values": ["198.51.100.0/24"] } }),
        ] {
            let said = aws_condition(&condition).unwrap();
            assert_eq!(json_condition(&said), condition);
        }
    }

    #[test]
    fn a_condition_with_an_unknown_member_is_refused() {
        let odd = json!({ "Field": "weather", "WeatherConfig": { "Values": ["fine"] } });
        assert!(aws_condition(&odd).is_err());
        let odd = json!({ "Field": "path-pattern", "PathPatternConfig": { "Values": ["/"], "Case": "any" } });
        assert!(aws_condition(&odd).is_err());
    }
}
