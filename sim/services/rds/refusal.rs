//! What RDS refuses with: AWS's wire codes (not the shapes' names) and its wording.

use crate::error::AwsError;

pub fn refuse(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::new(code, message)
}

pub fn value(message: impl Into<String>) -> AwsError {
    refuse("InvalidParameterValue", message)
}

pub fn combination(message: impl Into<String>) -> AwsError {
    refuse("InvalidParameterCombination", message)
}

pub fn instance_not_found(id: &str) -> AwsError {
    refuse("DBInstanceNotFound", format!("DBInstance {id} not found.")).status(404)
}

pub fn instance_state(message: impl Into<String>) -> AwsError {
    refuse("InvalidDBInstanceState", message)
}

pub fn snapshot_not_found(id: &str) -> AwsError {
    refuse("DBSnapshotNotFound", format!("DBSnapshot not found: {id}")).status(404)
}

pub fn snapshot_state(message: impl Into<String>) -> AwsError {
    refuse("InvalidDBSnapshotState", message)
}

pub fn subnet_group_not_found(name: &str) -> AwsError {
    refuse(
        "DBSubnetGroupNotFoundFault",
        format!("DB subnet group '{name}' does not exist."),
    )
    .status(404)
}

pub fn parameter_group_not_found(name: &str) -> AwsError {
    refuse(
        "DBParameterGroupNotFound",
        format!("DBParameterGroup not found: {name}"),
    )
    .status(404)
}

pub fn option_group_not_found(name: &str) -> AwsError {
    refuse(
        "OptionGroupNotFoundFault",
        format!("Specified OptionGroupName: {name} not found."),
    )
    .status(404)
}

pub fn cluster_not_found(id: &str) -> AwsError {
    refuse(
        "DBClusterNotFoundFault",
        format!("DBCluster {id} not found."),
    )
    .status(404)
}

pub fn cluster_state(message: impl Into<String>) -> AwsError {
    refuse("InvalidDBClusterStateFault", message)
}

pub fn cluster_snapshot_not_found(id: &str) -> AwsError {
    refuse(
        "DBClusterSnapshotNotFoundFault",
        format!("DBClusterSnapshot not found: {id}"),
    )
    .status(404)
}

pub fn key_not_accessible(whose: &str, key: &str) -> AwsError {
    let text = format!(
        "The {whose} KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
    );
    refuse("KMSKeyNotAccessibleFault", text)
}

/// RDS's rule for identifiers of instances, clusters, snapshots and groups.
pub fn check_identifier(parameter: &str, id: &str, longest: usize) -> Result<(), AwsError> {
    let starts = id
        .chars()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    let made_of = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if starts && made_of && id.len() <= longest && !id.ends_with('-') && !id.contains("--") {
        return Ok(());
    }
    Err(value(format!(
        "The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only \
         ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
    )))
}
