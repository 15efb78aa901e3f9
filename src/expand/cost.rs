//! What the target costs while both sides run: what is billed there by the hour, and what the copying costs once.
//!
//! Prices are data (`prices.json`): a dated table by region and thing. What it does not have is unknown, and said so.

use std::collections::BTreeMap;

use drtool_engine::plan::Planned;
use drtool_engine::step::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::steps;

/// One thing that is billed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cost {
    /// In AWS's words, as the price table names it: `db.t4g.medium postgres Multi-AZ`.
    pub what: String,
    pub units: f64,
    pub per: Per,
    /// USD a unit; nothing where the table has none.
    pub price: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    Hour,
    Month,
    Once,
}

/// The table, as it lies in the binary.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Prices {
    /// The day on which the prices were read.
    taken: Option<String>,
    source: String,
    /// By region, then by thing.
    usd_per_unit: BTreeMap<String, BTreeMap<String, f64>>,
}

fn prices() -> Prices {
    serde_json::from_str(include_str!("prices.json")).unwrap_or(Prices {
        taken: None,
        source: String::new(),
        usd_per_unit: BTreeMap::new(),
    })
}

/// Where the prices are from, in a line.
pub fn source() -> String {
    let prices = prices();
    match prices.taken {
        Some(day) => format!("prices of {day}, {}", prices.source),
        None => "drtool has no price table yet: every price is unknown".to_owned(),
    }
}

/// Everything billed of what these steps make in `region`.
pub fn costs(steps: &[Planned], region: &str) -> Vec<Cost> {
    let table = prices().usd_per_unit.remove(region).unwrap_or_default();
    let mut units: BTreeMap<(Per, String), f64> = BTreeMap::new();
    let of_region = |step: &&Planned| step.region.as_str() == region;
    let made = |step: &&Planned| !step.hold && step.effect == Effect::Adds;
    for step in steps.iter().filter(of_region).filter(made) {
        for (per, what, count) in billed(step, steps) {
            *units.entry((per, what)).or_default() += count;
        }
    }
    units
        .into_iter()
        .map(|((per, what), units)| Cost {
            price: table.get(&what).copied(),
            what,
            units,
            per,
        })
        .collect()
}

/// What one step's thing is billed by.
fn billed(step: &Planned, steps: &[Planned]) -> Vec<(Per, String, f64)> {
    let text = |pointer: &str| step.params.pointer(pointer).and_then(Json::as_str);
    let number = |pointer: &str| step.params.pointer(pointer).and_then(Json::as_f64);
    match step.kind.as_str() {
        steps::nat_gateway::KIND => vec![(Per::Hour, "NAT gateway".into(), 1.0)],
        steps::elastic_ip::KIND => vec![(Per::Hour, "public IPv4 address".into(), 1.0)],
        steps::load_balancer::KIND => {
            let kind = text("/kind").unwrap_or("application");
            vec![(Per::Hour, format!("{kind} load balancer"), 1.0)]
        }
        steps::secret_replica::KIND => vec![(Per::Month, "secret".into(), 1.0)],
        steps::db_instance::KIND => {
            let zones = match step.params.pointer("/settings/multiAz") {
                Some(Json::Bool(true)) => " Multi-AZ",
                _ => "",
            };
            let word = |member: &str| text(&format!("/settings/{member}")).unwrap_or("?");
            let (class, engine) = (word("class"), word("engine"));
            let storage = format!("GiB of {} database storage{zones}", word("storageType"));
            let size = number("/settings/allocatedStorageGib").unwrap_or(0.0);
            vec![
                (Per::Hour, format!("{class} {engine}{zones}"), 1.0),
                (Per::Month, storage, size),
            ]
        }
        steps::db_snapshot_copy::KIND => {
            // Billed for its bytes, which are the database's at most.
            let restored = steps.iter().find(|s| s.kind == steps::db_instance::KIND);
            let size = restored
                .and_then(|s| s.params.pointer("/settings/allocatedStorageGib")?.as_f64())
                .unwrap_or(0.0);
            vec![(
                Per::Once,
                "GiB copied between regions, at most".into(),
                size,
            )]
        }
        steps::service::KIND => {
            let tasks = number("/desiredCount").unwrap_or(0.0);
            let definition = steps.iter().find(|other| {
                other.kind == steps::task_definition::KIND
                    && step.needs.iter().any(|need| need.step == other.id)
            });
            let of = |member: &str| -> f64 {
                let value = definition.and_then(|d| d.params.get(member)?.as_str()?.parse().ok());
                value.unwrap_or(0.0)
            };
            vec![
                (
                    Per::Hour,
                    "vCPU of tasks".into(),
                    tasks * of("cpu") / 1024.0,
                ),
                (
                    Per::Hour,
                    "GiB of tasks".into(),
                    tasks * of("memory") / 1024.0,
                ),
            ]
        }
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_with_prices_says_when_and_where_they_were_read() {
        let prices: super::Prices = serde_json::from_str(include_str!("prices.json")).unwrap();
        let some = prices
            .usd_per_unit
            .values()
            .any(|region| !region.is_empty());
        assert!(!some || prices.taken.is_some() && !prices.source.is_empty());
    }
}
