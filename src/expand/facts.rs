//! What stands at the head of a plan, for people: where from and to, what is rewritten, what it costs, what is left behind.
//!
//! Kept in the plan, so that a saved plan can be shown whole. The engine carries it and never looks inside.

use serde::{Deserialize, Serialize};

use super::cost::Cost;
use super::estimate::Estimate;
use crate::capture::rewrite::Change;
use crate::manifest::Objectives;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Facts {
    pub stack: String,
    pub account: String,
    pub partition: String,
    pub from: String,
    pub to: String,
    pub objectives: Objectives,
    /// When the source was last looked at.
    pub captured: jiff::Timestamp,
    pub changes: Vec<Change>,
    pub lints: Vec<Lint>,
    pub accepted: Vec<Accepted>,
    pub left_behind: Vec<Accepted>,
    /// What people outside the stack have to know: new addresses, partners' allow-lists.
    pub notes: Vec<String>,
    /// How much of each quota the run will take.
    pub quotas: Vec<Quota>,
    pub estimate: Estimate,
    /// What is billed in the target while both sides run.
    #[serde(default)]
    pub costs: Vec<Cost>,
    /// What the manifest said, to tell later what has been changed in it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Written>,
}

/// A manifest as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Written {
    /// The manifest's file, then those of its overlays, the topmost last.
    pub files: Vec<String>,
    pub manifest: serde_json::Value,
}

/// What could be better, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lint {
    /// `health check 30 s × 5`.
    pub what: String,
    /// `150 s of downtime`.
    pub costs: String,
    /// What to write in the manifest or change in the source.
    pub instead: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Accepted {
    pub what: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Quota {
    pub what: String,
    pub needed: u32,
    /// AWS's default, where the account's own is not known yet.
    pub default: u32,
}
