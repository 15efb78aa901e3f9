//! ECS: clusters, task definitions, services, tasks.
//!
//! Container definitions are kept as AWS's own JSON and converted member by member, so that nothing that drtool does
//! not know is dropped silently: an unknown member is reported by [`unknown_members`] and refused by the plan.

mod cluster;
mod container;
mod placement;
mod service;
mod task;
mod task_definition;

use crate::cloud::Tags;
use aws_sdk_ecs::types as aws;
use serde_json::{Value, json};

pub use cluster::Cluster;
pub use container::unknown_members;
pub use service::{CapacityShare, NewService, Service, ServiceTarget};
pub use task::{OneOff, Task, TasksOf};
pub use task_definition::TaskDefinition;

const SERVICE: &str = "ecs";

fn text(s: Option<&str>) -> String {
    s.unwrap_or_default().to_owned()
}

fn tags_of(list: &[aws::Tag]) -> Tags {
    list.iter()
        .map(|t| (text(t.key()), text(t.value())))
        .collect()
}

fn aws_tags(tags: &Tags) -> Option<Vec<aws::Tag>> {
    (!tags.is_empty()).then(|| {
        tags.iter()
            .map(|(k, v)| aws::Tag::builder().key(k).value(v).build())
            .collect()
    })
}

fn json_tags(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({ "key": k, "value": v }))
        .collect()
}
