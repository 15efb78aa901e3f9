//! Keys, roles and secrets: who may read what in the target.

use drtool_engine::step::{Effect, Value};

use super::{Expansion, slug};
use crate::capture::compute::RoleUse;
use crate::capture::rewrite::Rewriter;
use crate::steps;

/// The keys that the manifest maps, and those of the source that need one.
pub(super) fn keys(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    for (source, target) in &e.target.keys {
        let name = target.as_str().trim_start_matches("alias/");
        let step = e.step(
            name,
            steps::kms_key::KIND,
            &to,
            Effect::Reads,
            format!("key {target} (stands for {source})"),
            &steps::kms_key::KmsKey {
                alias: target.to_string(),
            },
        );
        e.adopt(target.as_str());
        match e.capture.key(source.as_str()) {
            Some(key) => {
                e.becomes(&key.arn, &step, "arn", "the target's key");
                e.rewriter
                    .becomes(source.as_str(), target.as_str(), "the target's key");
            }
            None => e.fault(
                "E1113",
                target.at,
                format!("the source has no key {source}"),
                "mapped here",
                "`drtool capture` lists the keys that the stack uses",
            ),
        }
    }
}

/// What the stack's roles may do in the target, as they may in the source.
pub(super) fn access(e: &mut Expansion<'_>, _: usize) {
    for role in &e.capture.roles {
        if role.statements.is_empty() || role.used_as == RoleUse::Monitoring {
            continue;
        }
        // A pattern names more than what moves: here, and only here, whole services are rewritten.
        let mut patterns: Rewriter = e.rewriter.clone();
        let (from, to, account, partition) = (
            &e.capture.region,
            e.asked.to.as_str(),
            &e.capture.account,
            &e.capture.partition,
        );
        for service in [
            "secretsmanager",
            "ssm",
            "logs",
            "ecr",
            "ecs",
            "rds-db",
            "kms",
        ] {
            for account in [account.as_str(), "*"] {
                patterns.prefix_becomes(
                    &format!("arn:{partition}:{service}:{from}:{account}:"),
                    format!("arn:{partition}:{service}:{to}:{account}:"),
                    "the target region",
                );
            }
        }
        let statements: Vec<steps::role_access::Statement> = role
            .statements
            .iter()
            .map(|statement| steps::role_access::Statement {
                actions: statement.actions.clone(),
                resources: statement
                    .resources
                    .iter()
                    .map(|resource| {
                        let field = format!("role {}: {}", role.name, statement.actions.join(", "));
                        patterns.text(&field, resource)
                    })
                    .collect(),
            })
            .collect();
        for change in patterns
            .changes()
            .iter()
            .filter(|c| c.field.starts_with("role "))
        {
            e.rewriter.note(
                &format!("{} ({})", change.field, change.from),
                &change.from,
                &crate::composed::Composed::known(change.to.clone()),
                &change.why,
            );
        }
        for left in patterns
            .remaining()
            .iter()
            .filter(|r| r.field.starts_with("role "))
        {
            e.rewriter.text(&left.field, &left.text);
        }
        let policy = e.of_run(&format!("drtool-{}", e.asked.to), 64);
        let actions: Vec<String> = statements.iter().flat_map(|s| s.actions.clone()).collect();
        let title = format!(
            "role {} may {} in {}",
            role.name,
            actions.join(", "),
            e.asked.to
        );
        e.step(
            &slug(&role.name),
            steps::role_access::KIND,
            "global",
            Effect::Adds,
            title,
            &steps::role_access::RoleAccess {
                role: role.name.clone(),
                policy,
                statements,
            },
        );
    }
}

/// One secret, replicated.
pub(super) fn secret(e: &mut Expansion<'_>, index: usize) {
    let wanted = &e.manifest.secrets[index];
    let Some(secret) = e.capture.secret(wanted.name.as_str()) else {
        e.fault(
            "E1103",
            wanted.at,
            format!("the source has no secret {}", wanted.name.value),
            "listed here",
            "compare with the capture; `drtool capture` refreshes it",
        );
        return;
    };
    if let Some(owner) = &secret.owning_service {
        e.fault(
            "E1117",
            wanted.at,
            format!(
                "secret {} belongs to {owner} and cannot be replicated",
                secret.name
            ),
            "listed here",
            "let the database have a password of its own in a secret of yours",
        );
        return;
    }
    if secret.rotation_enabled {
        e.lint(
            format!("secret {} is rotated", secret.name),
            "a rotation between the snapshot and the promotion leaves a password that the restored database does not know",
            "pause its rotation until the move is over",
        );
    }
    let key = e.key(&secret.kms_key);
    let from = e.capture.region.clone();
    let title = format!("replica of secret {} in {}", secret.name, e.asked.to);
    let params = steps::secret_replica::SecretReplica {
        name: secret.name.clone(),
        primary: secret.arn.clone(),
        region: e.asked.to.to_string(),
        kms_key: key,
    };
    let step = e.step(
        "",
        steps::secret_replica::KIND,
        &from,
        Effect::Adds,
        title,
        &params,
    );
    e.role(format!("replica {}", secret.name), &step);
    e.quota("secrets", 1, 500_000);
}

/// One secret, made to stand alone, and rewritten where the manifest says so.
pub(super) fn promotion(e: &mut Expansion<'_>, index: usize) {
    let wanted = &e.manifest.secrets[index];
    let Some(secret) = e.capture.secret(wanted.name.as_str()) else {
        return;
    };
    let to = e.asked.to.to_string();
    let replica = e.roles.get(&format!("replica {}", secret.name)).cloned();
    let arn = secret.arn.replacen(&e.capture.region, &to, 1);
    let title = format!("secret {} stands alone in {to}", secret.name);
    let step = e.step(
        "",
        steps::secret_promotion::KIND,
        &to,
        Effect::Changes,
        title,
        &steps::secret_promotion::SecretPromotion {
            name: secret.name.clone(),
            arn: Value::Known(arn),
        },
    );
    if let Some(replica) = replica {
        e.need(replica);
    }
    if !wanted.rewrite.is_empty() {
        let members = wanted
            .rewrite
            .iter()
            .map(|(member, text)| (member.clone(), e.text(text)))
            .collect();
        let words: Vec<&str> = wanted.rewrite.keys().map(String::as_str).collect();
        let title = format!(
            "secret {}: {} written anew (its value is read for this)",
            secret.name,
            words.join(", ")
        );
        let params = steps::secret_rewrite::SecretRewrite {
            name: secret.name.clone(),
            arn: Value::later(step.clone(), "arn"),
            members,
        };
        e.step(
            "rewrite",
            steps::secret_rewrite::KIND,
            &to,
            Effect::Adds,
            title,
            &params,
        );
    }
}
