//! Policies as written, not as believed: what a simulation looks at.

use super::policy::{Ask, Policy, Verdict};
use super::principal::{Kind, Principal};
use super::{State, managed};

/// One policy of a principal as simulations name it.
pub struct Source {
    pub id: String,
    pub policy: Policy,
}

impl State {
    /// All policies of a principal as written (not as believed), the groups' included, and its boundary.
    pub fn written(&self, principal: &Principal) -> (Vec<Source>, Option<Policy>) {
        let mut sources = Vec::new();
        let groups = principal
            .groups
            .iter()
            .filter_map(|g| self.principal(Kind::Group, g));
        for holder in std::iter::once(principal).chain(groups) {
            for (name, policy) in &holder.inline {
                let id = format!("{}_{}_{name}", holder.kind.word(), holder.name);
                sources.push(Source {
                    id,
                    policy: policy.clone(),
                });
            }
            for arn in &holder.attached {
                if let Some(policy) = self.default_version(arn) {
                    sources.push(Source {
                        id: managed::name_of(arn).to_owned(),
                        policy,
                    });
                }
            }
        }
        let boundary = principal
            .boundary
            .as_ref()
            .and_then(|arn| self.default_version(arn));
        (sources, boundary)
    }

    /// The organization's policies that a simulation looks at: none that has a condition.
    pub fn simulated_organization(&self, ask: &Ask) -> bool {
        let mut allowed = self.service_control.is_empty();
        for (_, policy) in &self.service_control {
            let plain = Policy {
                text: policy.text.clone(),
                statements: policy
                    .statements
                    .iter()
                    .filter(|s| s.conditions.is_empty())
                    .cloned()
                    .collect(),
            };
            match plain.verdict(ask) {
                Verdict::Deny => return false,
                Verdict::Allow => allowed = true,
                Verdict::Silent => {}
            }
        }
        allowed
    }
}
