//! Roles, users and groups: what has policies.

use super::policy::Policy;
use super::{encoded, tags_json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Role,
    User,
    Group,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Role => "role",
            Kind::User => "user",
            Kind::Group => "group",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Kind::Role => "Role",
            Kind::User => "User",
            Kind::Group => "Group",
        }
    }

    /// The input member that names one.
    pub fn member(self) -> &'static str {
        match self {
            Kind::Role => "RoleName",
            Kind::User => "UserName",
            Kind::Group => "GroupName",
        }
    }

    pub fn key(self, name: &str) -> String {
        format!("{}/{}", self.word(), name.to_ascii_lowercase())
    }
}

#[derive(Clone, Debug)]
pub struct Principal {
    pub kind: Kind,
    pub name: String,
    pub path: String,
    pub id: String,
    pub arn: String,
    /// Unix seconds.
    pub created: f64,
    pub inline: BTreeMap<String, Policy>,
    /// ARNs of managed policies.
    pub attached: BTreeSet<String>,
    pub boundary: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// The groups of a user.
    pub groups: BTreeSet<String>,
    pub role: Option<RoleFacts>,
}

/// What only roles have.
#[derive(Clone, Debug)]
pub struct RoleFacts {
    pub trust: Policy,
    pub description: Option<String>,
    pub max_session_seconds: i64,
    /// The service principal of a service-linked role.
    pub linked_to: Option<String>,
}

impl Principal {
    /// The shape `Role`, `User` or `Group`. Lists leave out tags and boundary.
    pub fn json(&self, whole: bool) -> Value {
        let word = self.kind.title();
        let mut out = json!({
            "Path": self.path,
            (format!("{word}Name")): self.name,
            (format!("{word}Id")): self.id,
            "Arn": self.arn,
            "CreateDate": self.created,
        });
        if let Some(role) = &self.role {
            out["AssumeRolePolicyDocument"] = json!(encoded(&role.trust.text));
            out["MaxSessionDuration"] = json!(role.max_session_seconds);
            if let Some(description) = &role.description {
                out["Description"] = json!(description);
            }
        }
        if whole && self.kind != Kind::Group {
            if !self.tags.is_empty() {
                out["Tags"] = tags_json(&self.tags);
            }
            if let Some(boundary) = &self.boundary {
                out["PermissionsBoundary"] = json!({
                    "PermissionsBoundaryType": "Policy",
                    "PermissionsBoundaryArn": boundary,
                });
            }
            if self.kind == Kind::Role {
                out["RoleLastUsed"] = json!({});
            }
        }
        out
    }
}
