//! The live stack: looked at, planned from, and asked whether anything would stop the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use drtool_engine::RunId;
use drtool_engine::plan::Plan;
use sha2::{Digest, Sha256};

use super::{Shared, records, show, stack};
use crate::capture::Capture;
use crate::cloud::place::Identity;
use crate::discover::{self, Named};
use crate::env::Env;
use crate::expand::{self, Asked, Rehearsal};
use crate::failure::{Exit, Failure, Failures};
use crate::manifest::{Manifest, Region};
use crate::preflight::{self, Depth, Report, Subject};
use crate::session::Session;

/// What a manifest names, for discovery.
pub fn named(manifest: &Manifest, partition: &str) -> Named {
    let split = |text: &str| match text.split_once('/') {
        Some((cluster, service)) => (cluster.to_owned(), service.to_owned()),
        None => ("default".to_owned(), text.to_owned()),
    };
    Named {
        stack: manifest.name.as_str().to_owned(),
        region: manifest.source.region.as_str().to_owned(),
        account: manifest.source.account.as_str().to_owned(),
        partition: partition.to_owned(),
        databases: manifest
            .databases
            .iter()
            .map(|d| d.instance.to_string())
            .collect(),
        secrets: manifest
            .secrets
            .iter()
            .map(|s| s.name.to_string())
            .collect(),
        parameters: manifest
            .parameters
            .iter()
            .map(|p| p.name.to_string())
            .collect(),
        repositories: manifest
            .images
            .iter()
            .map(|i| i.repository.to_string())
            .collect(),
        services: manifest
            .services
            .iter()
            .map(|s| split(&s.service.to_string()))
            .collect(),
        records: manifest
            .dns
            .iter()
            .map(|r| (r.zone.to_string(), r.record.to_string()))
            .collect(),
    }
}

/// Asks AWS what the source stack is.
pub fn captured(session: &Session, manifest: &Manifest) -> Result<Capture, Failures> {
    Ok(looked(session, manifest)?.0)
}

/// Asks AWS who we are, and what the source stack is.
fn looked(session: &Session, manifest: &Manifest) -> Result<(Capture, Identity), Failures> {
    let region = manifest.source.region.as_str().to_owned();
    let account = manifest.source.account.as_str().to_owned();
    let cloud = session.cloud();
    let named = named(manifest, "aws");
    let taken = session.clock().now();
    let found = session.block_on(async move {
        let cloud = cloud.await;
        let who = cloud.identity(&region).await.map_err(|error| {
            Failure::new(
                "E2002",
                Exit::Refused,
                format_args!("AWS does not say who we are"),
            )
            .cause(error)
            .hint("are there credentials? aws sts get-caller-identity tells; then try again")
        })?;
        if who.account != account {
            return Err(Failure::new(
                "E2001",
                Exit::Refused,
                format_args!(
                    "these credentials are of account {}, the manifest is for {account}",
                    who.account
                ),
            )
            .hint("say --profile, or correct source.account in the manifest"));
        }
        let named = Named {
            partition: who.partition.clone(),
            ..named
        };
        let capture = discover::discover(&cloud, &named, taken).await?;
        Ok((capture, who))
    })??;
    Ok(found)
}

/// A plan from the live stack, with what it was made from.
pub struct Live {
    pub plan: Plan,
    pub capture: Capture,
    pub who: Identity,
}

/// Looks at the live stack and plans from what is seen.
pub fn live(
    session: &Session,
    found: &mut stack::Stack,
    to: &Region,
    profile: Rehearsal,
    runbook: &str,
    wanted: Wanted,
    shared: &Shared,
) -> Result<Live, Failures> {
    build(session, found)?;
    let (capture, who) = looked(session, &found.manifest)?;
    let runbook = found.runbook(shared, runbook)?;
    let asked = Asked {
        to: to.clone(),
        profile,
        lineage: lineage(&capture.account, &capture.stack),
        seed: wanted.seed.unwrap_or_else(|| unused(session)),
        recovery_points: wanted.recovery_points,
    };
    let mut plan = expand::expand(&found.manifest, &capture, &runbook, &asked, &found.sources)?;
    found.note(&mut plan);
    Ok(Live { plan, capture, who })
}

/// Asks AWS whether anything would stop a plan. Nothing is touched.
pub fn preflight(
    session: &Session,
    manifest: &Manifest,
    live: &Live,
    to: &Region,
    depth: Depth,
) -> Result<Report, Failures> {
    let Some(target) = manifest.targets.get(to) else {
        return Ok(Report::default());
    };
    let env = environment(session, &live.plan)?;
    let subject = Subject {
        plan: live.plan.clone(),
        capture: live.capture.clone(),
        network: target.network.value.clone(),
        to: to.clone(),
        who: live.who.clone(),
        depth,
    };
    Ok(session.block_on(preflight::run(env, subject))?)
}

/// A plan that is about to be carried out: nothing that AWS could show beforehand stops it.
pub fn passed(
    session: &Session,
    manifest: &Manifest,
    live: &Live,
    to: &Region,
    shared: &Shared,
) -> Result<(), Failures> {
    let report = preflight(session, manifest, live, to, Depth::DryRuns)?;
    if report.refuses() {
        return Err(report.failures());
    }
    if !shared.json && !shared.quiet {
        eprint!("{}", show::preflight::line(&report, shared.colour()));
    }
    Ok(())
}

/// A plan from the live stack that passes preflight.
pub fn planned(
    session: &Session,
    found: &mut stack::Stack,
    to: Region,
    profile: Rehearsal,
    shared: &Shared,
) -> Result<Plan, Failures> {
    planned_from(session, found, to, profile, Wanted::default(), shared)
}

/// What else may be said about a plan.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The snapshot that each database instance is recovered from.
    pub recovery_points: BTreeMap<String, String>,
    /// The names of an earlier plan, to compare with it.
    pub seed: Option<String>,
}

/// A plan from the live stack that passes preflight.
pub fn planned_from(
    session: &Session,
    found: &mut stack::Stack,
    to: Region,
    profile: Rehearsal,
    wanted: Wanted,
    shared: &Shared,
) -> Result<Plan, Failures> {
    let live = live(session, found, &to, profile, "migrate", wanted, shared)?;
    passed(session, &found.manifest, &live, &to, shared)?;
    Ok(live.plan)
}

/// A run id that no run has yet. What was killed before its first record has never been a run.
fn unused(session: &Session) -> String {
    let has_begun = |id: &str| {
        RunId::new(id).is_ok_and(|id| records::place(session.state(), &id).journal().exists())
    };
    let mut drawn = seed();
    while has_begun(&drawn) {
        drawn = seed();
    }
    drawn
}

/// In the sandbox: the source world of the stack, built when it is not there.
pub fn build(session: &Session, found: &stack::Stack) -> Result<(), Failures> {
    let stack = found.manifest.name.as_str();
    session.ensure(stack, &found.overlays).map_err(|why| {
        Failure::input(
            "E2020",
            format_args!("the sandbox cannot build `{stack}`: {why}"),
        )
        .into()
    })
}

/// What the steps of a plan are handed.
pub fn environment(session: &Session, plan: &Plan) -> Result<Arc<Env>, Failures> {
    let text = |name: &str| {
        plan.facts
            .get(name)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let cloud = session.cloud();
    let cloud = session.block_on(cloud)?;
    let partition = Some(text("partition"))
        .filter(|p| !p.is_empty())
        .unwrap_or_else(|| "aws".to_owned());
    Ok(Arc::new(session.env(
        cloud,
        &text("account"),
        &partition,
    )?))
}

/// The same for all runs of one stack in one account.
pub fn lineage(account: &str, stack: &str) -> String {
    let digest = Sha256::digest(format!("{account}/{stack}").as_bytes());
    let short: String = digest.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("{stack}-{short}")
}

/// What tells this run's names from another's.
pub fn seed() -> String {
    format!("{:04x}", fastrand::u16(..))
}
