//! Record sets: their types, how they are read from a change and shown in a list. Knows no zone's rules.

use super::name;
use crate::error::AwsError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// By reversed name, type and set identifier: the order in which Route 53 lists them.
pub(super) type Records = BTreeMap<Key, RecordSet>;
pub(super) type Key = (String, String, String);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordSet {
    /// Canonical.
    pub name: String,
    pub rtype: String,
    pub set: Option<String>,
    pub routing: Routing,
    pub body: Body,
    pub health_check: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Values {
        ttl: u64,
        values: Vec<String>,
    },
    Alias {
        zone: String,
        target: String,
        evaluate: bool,
    },
}

/// How Route 53 chooses among record sets of one name and type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Routing {
    Simple,
    Weighted(u64),
    Latency(String),
    Failover {
        primary: bool,
    },
    Geolocation {
        continent: Option<String>,
        country: Option<String>,
        subdivision: Option<String>,
    },
    Multivalue,
    Geoproximity {
        region: Option<String>,
        group: Option<String>,
        at: Option<(String, String)>,
        bias: Option<i64>,
    },
    Cidr {
        collection: String,
        location: String,
    },
}

impl Routing {
    /// The policy's name in Route 53's messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Routing::Simple => "simple",
            Routing::Weighted(_) => "weighted",
            Routing::Latency(_) => "latency",
            Routing::Failover { .. } => "failover",
            Routing::Geolocation { .. } => "GEO",
            Routing::Multivalue => "multivalue answer",
            Routing::Geoproximity { .. } => "geoproximity",
            Routing::Cidr { .. } => "CIDR",
        }
    }
}

impl RecordSet {
    pub fn key(&self) -> Key {
        (
            name::reversed(&self.name),
            self.rtype.clone(),
            self.set.clone().unwrap_or_default(),
        )
    }

    pub fn is_alias(&self) -> bool {
        matches!(self.body, Body::Alias { .. })
    }

    /// The record's values, without an alias's.
    pub fn values(&self) -> &[String] {
        match &self.body {
            Body::Values { values, .. } => values,
            Body::Alias { .. } => &[],
        }
    }

    /// Whether a DELETE that names `self` means `current`: every value must be the same, in any order.
    pub fn same(&self, current: &RecordSet) -> bool {
        let bodies = match (&self.body, &current.body) {
            (
                Body::Values { ttl, values },
                Body::Values {
                    ttl: other_ttl,
                    values: others,
                },
            ) => {
                let (mut a, mut b) = (values.clone(), others.clone());
                a.sort();
                b.sort();
                ttl == other_ttl && a == b
            }
            (a, b) => a == b,
        };
        bodies && self.routing == current.routing && self.health_check == current.health_check
    }

    /// How messages name it.
    pub fn shown(&self) -> String {
        match &self.set {
            Some(set) => format!(
                "[name='{}', type='{}', set-identifier='{set}']",
                self.name, self.rtype
            ),
            None => format!("[name='{}', type='{}']", self.name, self.rtype),
        }
    }

    pub fn json(&self) -> Value {
        let mut out = Map::new();
        out.insert("Name".into(), json!(self.name));
        out.insert("Type".into(), json!(self.rtype));
        if let Some(set) = &self.set {
            out.insert("SetIdentifier".into(), json!(set));
        }
        match &self.routing {
            Routing::Simple => {}
            Routing::Weighted(weight) => {
                out.insert("Weight".into(), json!(weight));
            }
            Routing::Latency(region) => {
                out.insert("Region".into(), json!(region));
            }
            Routing::Failover { primary } => {
                out.insert(
                    "Failover".into(),
                    json!(if *primary { "PRIMARY" } else { "SECONDARY" }),
                );
            }
            Routing::Geolocation {
                continent,
                country,
                subdivision,
            } => {
                let parts = [
                    ("ContinentCode", continent),
                    ("CountryCode", country),
                    ("SubdivisionCode", subdivision),
                ];
                out.insert("GeoLocation".into(), present(&parts));
            }
            Routing::Multivalue => {
                out.insert("MultiValueAnswer".into(), json!(true));
            }
            Routing::Geoproximity {
                region,
                group,
                at,
                bias,
            } => {
                let mut place = present(&[("AWSRegion", region), ("LocalZoneGroup", group)]);
                if let Some((latitude, longitude)) = at {
                    place["Coordinates"] = json!({"Latitude": latitude, "Longitude": longitude});
                }
                if let Some(bias) = bias {
                    place["Bias"] = json!(bias);
                }
                out.insert("GeoProximityLocation".into(), place);
            }
            Routing::Cidr {
                collection,
                location,
            } => {
                let config = json!({"CollectionId": collection, "LocationName": location});
                out.insert("CidrRoutingConfig".into(), config);
            }
        }
        match &self.body {
            Body::Values { ttl, values } => {
                out.insert("TTL".into(), json!(ttl));
                let rows: Vec<Value> = values.iter().map(|v| json!({"Value": v})).collect();
                out.insert("ResourceRecords".into(), Value::Array(rows));
            }
            Body::Alias {
                zone,
                target,
                evaluate,
            } => {
                let alias = json!({"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": evaluate});
                out.insert("AliasTarget".into(), alias);
            }
        }
        if let Some(check) = &self.health_check {
            out.insert("HealthCheckId".into(), json!(check));
        }
        Value::Object(out)
    }

    /// Reads a record set of a change. What is wrong with it alone is `InvalidInput`; what its zone makes of it comes
    /// later. A malformed name is kept as it was sent, for the zone to refuse.
    pub fn read(action: &str, set: &Value) -> Result<RecordSet, AwsError> {
        let text = |member: &str| set.get(member).and_then(Value::as_str).map(str::to_owned);
        let raw = text("Name").unwrap_or_default();
        let rtype = text("Type").unwrap_or_default();
        let identifier = text("SetIdentifier");
        let change = format!(
            "Change with [Action={action}, Name={raw}, Type={rtype}, SetIdentifier={}]",
            identifier.as_deref().unwrap_or("null")
        );
        let body = read_body(set, &change)?;
        let routing = read_routing(set, identifier.is_some(), &change)?;
        if matches!(routing, Routing::Multivalue) && matches!(body, Body::Alias { .. }) {
            return Err(invalid(format!(
                "Invalid request: MultiValueAnswer cannot be used with an AliasTarget in {change}"
            )));
        }
        if matches!(routing, Routing::Multivalue) && matches!(rtype.as_str(), "CNAME" | "NS") {
            return Err(invalid(format!(
                "Invalid request: MultiValueAnswer cannot be used with type {rtype} in {change}"
            )));
        }
        if !matches!(routing, Routing::Simple) && matches!(rtype.as_str(), "NS" | "SOA") {
            return Err(invalid(format!(
                "Invalid request: type {rtype} supports only simple routing in {change}"
            )));
        }
        let health_check = text("HealthCheckId");
        // Unsure whether AWS refuses this everywhere, so we do: without a check or an evaluated target a primary can never fail.
        if matches!(routing, Routing::Failover { primary: true })
            && health_check.is_none()
            && !matches!(body, Body::Alias { .. })
        {
            return Err(invalid(format!(
                "Invalid request: Missing field 'HealthCheckId' in {change}"
            )));
        }
        let name = name::canonical(&raw).unwrap_or(raw);
        Ok(RecordSet {
            name,
            rtype,
            set: identifier,
            routing,
            body,
            health_check,
        })
    }
}

fn present(parts: &[(&str, &Option<String>)]) -> Value {
    let pairs = parts
        .iter()
        .filter_map(|(key, value)| Some(((*key).to_owned(), json!(value.as_ref()?))));
    Value::Object(pairs.collect())
}

pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidInput", message).status(400)
}

fn read_body(set: &Value, change: &str) -> Result<Body, AwsError> {
    let some = |member: &str| set.get(member).is_some_and(|v| !v.is_null());
    let values: Vec<String> = set
        .get("ResourceRecords")
        .and_then(Value::as_array)
        .map(|rows| {
            rows.iter()
                .filter_map(|row| row["Value"].as_str())
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    let wrong = |found: &str| {
        invalid(format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
             TrafficPolicyInstanceId], but found {found} in {change}"
        ))
    };
    if some("TrafficPolicyInstanceId") {
        return Err(wrong(if some("AliasTarget") || some("TTL") {
            "more than one"
        } else {
            "a policy instance"
        }));
    }
    match (
        set.get("AliasTarget").filter(|v| !v.is_null()),
        set["TTL"].as_u64(),
    ) {
        (Some(_), Some(_)) => Err(wrong("more than one")),
        (Some(_), None) if !values.is_empty() => Err(wrong("more than one")),
        (Some(alias), None) => {
            let target = alias["DNSName"].as_str().unwrap_or_default();
            Ok(Body::Alias {
                zone: super::bare(alias["HostedZoneId"].as_str().unwrap_or_default()).to_owned(),
                target: name::canonical(target).unwrap_or_else(|_| target.to_owned()),
                evaluate: alias["EvaluateTargetHealth"].as_bool().unwrap_or(false),
            })
        }
        (None, Some(ttl)) if !values.is_empty() => Ok(Body::Values { ttl, values }),
        (None, _) => Err(wrong("none")),
    }
}

fn read_routing(set: &Value, identified: bool, change: &str) -> Result<Routing, AwsError> {
    let text =
        |value: &Value, member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
    let mut found = Vec::new();
    if let Some(weight) = set["Weight"].as_u64() {
        found.push(Routing::Weighted(weight));
    }
    if let Some(region) = set["Region"].as_str() {
        found.push(Routing::Latency(region.to_owned()));
    }
    if let Some(role) = set["Failover"].as_str() {
        found.push(Routing::Failover {
            primary: role == "PRIMARY",
        });
    }
    if let Some(place) = set.get("GeoLocation").filter(|v| v.is_object()) {
        let (continent, country) = (text(place, "ContinentCode"), text(place, "CountryCode"));
        let subdivision = text(place, "SubdivisionCode");
        if continent.is_some() == country.is_some() {
            return Err(invalid(format!(
                "Invalid request: Expected exactly one of [ContinentCode, or CountryCode], but found {} in {change}",
                if continent.is_some() {
                    "more than one"
                } else {
                    "none"
                }
            )));
        }
        if continent
            .as_deref()
            .is_some_and(|c| !CONTINENTS.contains(&c))
        {
            return Err(invalid(format!(
                "Invalid request: unknown ContinentCode in {change}"
            )));
        }
        if subdivision.is_some()
            && country.as_deref() != Some("US")
            && country.as_deref() != Some("UA")
        {
            return Err(invalid(format!(
                "Invalid request: SubdivisionCode is not valid for that country in {change}"
            )));
        }
        found.push(Routing::Geolocation {
            continent,
            country,
            subdivision,
        });
    }
    if let Some(answer) = set["MultiValueAnswer"].as_bool() {
        if !answer {
            return Err(invalid(format!(
                "Invalid request: MultiValueAnswer must be true if it is specified in {change}"
            )));
        }
        found.push(Routing::Multivalue);
    }
    if let Some(place) = set.get("GeoProximityLocation").filter(|v| v.is_object()) {
        let at = place.get("Coordinates").filter(|v| v.is_object());
        let at = at.and_then(|c| Some((text(c, "Latitude")?, text(c, "Longitude")?)));
        let (region, group) = (text(place, "AWSRegion"), text(place, "LocalZoneGroup"));
        let named = [at.is_some(), region.is_some(), group.is_some()]
            .iter()
            .filter(|p| **p)
            .count();
        if named != 1 {
            return Err(invalid(format!(
                "Invalid request: Expected exactly one of [AWSRegion, LocalZoneGroup, or Coordinates], but found {} in \
                 {change}",
                if named == 0 { "none" } else { "more than one" }
            )));
        }
        found.push(Routing::Geoproximity {
            region,
            group,
            at,
            bias: place["Bias"].as_i64(),
        });
    }
    if let Some(config) = set.get("CidrRoutingConfig").filter(|v| v.is_object()) {
        let collection = text(config, "CollectionId").unwrap_or_default();
        found.push(Routing::Cidr {
            collection,
            location: text(config, "LocationName").unwrap_or_default(),
        });
    }
    let policies = "[Weight, Region, Failover, GeoLocation, MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig]";
    match (found.len(), identified) {
        (0, false) => Ok(Routing::Simple),
        (0, true) => Err(invalid(format!(
            "Invalid request: Expected exactly one of {policies}, but found none in {change}"
        ))),
        (1, true) => Ok(found.remove(0)),
        (1, false) => Err(invalid(format!(
            "Invalid request: Missing field 'SetIdentifier' in {change}"
        ))),
        _ => Err(invalid(format!(
            "Invalid request: Expected exactly one of {policies}, but found more than one in {change}"
        ))),
    }
}

const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "OC", "NA", "SA"];
