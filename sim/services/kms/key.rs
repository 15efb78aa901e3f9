//! What a key is, and what its state allows.

use super::grants::Grant;
use crate::clock::Nanos;
use crate::error::AwsError;
use crate::services::iam::policy::Policy;
use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    Creating,
    Enabled,
    Disabled,
    PendingDeletion,
    /// A primary that waits for its last replica to go.
    PendingReplicaDeletion,
    /// Its primary region is being changed; it can be used meanwhile.
    Updating,
}

impl KeyState {
    pub fn word(self) -> &'static str {
        match self {
            KeyState::Creating => "Creating",
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingDeletion => "PendingDeletion",
            KeyState::PendingReplicaDeletion => "PendingReplicaDeletion",
            KeyState::Updating => "Updating",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionRole {
    Primary,
    Replica,
}

#[derive(Clone, Debug)]
pub struct Key {
    /// A UUID, or `mrk-…` for a multi-region key.
    pub id: String,
    pub arn: String,
    /// Unix seconds.
    pub created: f64,
    pub description: String,
    pub state: KeyState,
    pub managed_by_aws: bool,
    pub policy: Policy,
    pub tags: BTreeMap<String, String>,
    pub rotation_days: Option<i64>,
    /// Unix seconds of rotations on demand.
    pub rotations: Vec<f64>,
    /// `None`: not a multi-region key.
    pub region_role: Option<RegionRole>,
    /// By grant id.
    pub grants: BTreeMap<String, Grant>,
    /// Unix seconds at which the key will be deleted.
    pub deletion: Option<f64>,
    pub pending_window: Option<i64>,
}

impl Key {
    pub fn region(&self) -> &str {
        self.arn.split(':').nth(3).unwrap_or_default()
    }

    pub fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    pub fn invalid_state(&self) -> AwsError {
        let what = match self.state {
            KeyState::Creating => "creating",
            KeyState::PendingDeletion => "pending deletion",
            KeyState::PendingReplicaDeletion => "pending replica deletion",
            KeyState::Updating => "updating",
            KeyState::Disabled => "disabled",
            KeyState::Enabled => "enabled",
        };
        AwsError::new(
            "KMSInvalidStateException",
            format!("{} is {what}.", self.arn),
        )
    }

    pub fn disabled(&self) -> AwsError {
        AwsError::new("DisabledException", format!("{} is disabled.", self.arn))
    }

    /// Whether cryptographic operations (and grants and replication) are possible.
    pub fn check_usable(&self) -> Result<(), AwsError> {
        match self.state {
            KeyState::Enabled | KeyState::Updating => Ok(()),
            KeyState::Disabled => Err(self.disabled()),
            _ => Err(self.invalid_state()),
        }
    }

    /// Whether settings may change: not while the key is on its way in or out.
    pub fn check_changeable(&self) -> Result<(), AwsError> {
        match self.state {
            KeyState::Enabled | KeyState::Disabled | KeyState::Updating => Ok(()),
            _ => Err(self.invalid_state()),
        }
    }

    /// Only its owner may change a key, and nobody one of AWS's.
    pub fn check_customer(&self, caller: &str, action: &str) -> Result<(), AwsError> {
        if !self.managed_by_aws {
            return Ok(());
        }
        let message = format!(
            "User: {caller} is not authorized to perform: kms:{action} on resource: {} because the resource does not \
             exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly \
             denies access",
            self.arn
        );
        Err(AwsError::new("AccessDeniedException", message).status(400))
    }

    /// Whether a grant lets a principal do an operation: one that has settled, or one whose token is shown.
    pub fn granted(&self, now: Nanos, principal: &str, operation: &str, tokens: &[String]) -> bool {
        let role = role_of(principal);
        self.grants.values().any(|grant| {
            let grantee = grant.grantee == principal || Some(&grant.grantee) == role.as_ref();
            let believed =
                grant.effective_at <= now || tokens.iter().any(|t| grant.tokens.contains(t));
            grantee && believed && grant.operations.iter().any(|o| o == operation)
        })
    }

    /// The shape `KeyMetadata`.
    pub fn json(&self, world: &World) -> Value {
        let mut out = json!({
            "AWSAccountId": self.account(),
            "KeyId": self.id,
            "Arn": self.arn,
            "CreationDate": self.created,
            "Enabled": matches!(self.state, KeyState::Enabled | KeyState::Updating),
            "Description": self.description,
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": self.state.word(),
            "Origin": "AWS_KMS",
            "KeyManager": if self.managed_by_aws { "AWS" } else { "CUSTOMER" },
            "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
            "MultiRegion": self.region_role.is_some(),
        });
        if let Some(deletion) = self.deletion {
            out["DeletionDate"] = json!(deletion);
        }
        if let Some(days) = self
            .pending_window
            .filter(|_| self.state == KeyState::PendingReplicaDeletion)
        {
            out["PendingDeletionWindowInDays"] = json!(days);
        }
        if let Some(role) = self.region_role {
            let family = self.family(world);
            let side = |key: &&Key| json!({"Arn": key.arn, "Region": key.region()});
            let primary = family
                .iter()
                .find(|k| k.region_role == Some(RegionRole::Primary))
                .map(side);
            let replicas: Vec<Value> = family
                .iter()
                .filter(|k| k.region_role == Some(RegionRole::Replica))
                .map(side)
                .collect();
            let mut configuration = json!({
                "MultiRegionKeyType": if role == RegionRole::Primary { "PRIMARY" } else { "REPLICA" },
                "ReplicaKeys": replicas,
            });
            if let Some(primary) = primary {
                configuration["PrimaryKey"] = primary;
            }
            out["MultiRegionConfiguration"] = configuration;
        }
        out
    }

    /// The related keys of a multi-region key, this one included, in the order of their regions.
    pub fn family<'w>(&self, world: &'w World) -> Vec<&'w Key> {
        world
            .places
            .iter()
            .filter(|((account, _), _)| account == self.account())
            .filter_map(|(_, place)| place.kms.keys.get(&self.id))
            .collect()
    }
}

/// The role behind a role session.
fn role_of(principal: &str) -> Option<String> {
    let rest = principal.strip_prefix("arn:aws:sts::")?;
    let (account, resource) = rest.split_once(':')?;
    let name = resource.strip_prefix("assumed-role/")?.split('/').next()?;
    Some(format!("arn:aws:iam::{account}:role/{name}"))
}
