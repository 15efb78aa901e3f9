//! Plans of the stacks in `manifests/`, and what is refused.

use super::*;
use crate::manifest::{self, File};

fn read(path: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    std::fs::read(format!("{root}{path}")).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn asked(profile: Rehearsal) -> Asked {
    Asked {
        to: Region::new("eu-west-1").unwrap(),
        profile,
        lineage: "redmine-4c1d".into(),
        seed: "7f3a".into(),
    }
}

fn planned(profile: Rehearsal) -> Plan {
    let mut sources = Sources::default();
    let base = read("manifests/redmine.yaml");
    let manifest = manifest::load(
        &mut sources,
        &File {
            name: "manifests/redmine.yaml",
            bytes: &base,
        },
        &[],
    )
    .unwrap_or_else(|e| panic!("{}", e.render(false)));
    let capture = Capture::read(
        "manifests/redmine.capture.json",
        &read("manifests/redmine.capture.json"),
    )
    .unwrap_or_else(|e| panic!("{}", e.render(false)));
    let runbook = read("runbooks/migrate.yaml");
    let runbook = runbook::load(
        &mut sources,
        &File {
            name: "runbooks/migrate.yaml",
            bytes: &runbook,
        },
    )
    .unwrap_or_else(|e| panic!("{}", e.render(false)));
    expand(&manifest, &capture, &runbook, &asked(profile), &sources)
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

#[test]
fn redmine_is_planned() {
    let plan = planned(Rehearsal::Real);
    for step in &plan.steps {
        println!(
            "{:34} {:20} {:10} {:?} needs {:?}",
            step.id.to_string(),
            step.kind,
            step.region.to_string(),
            step.effect,
            step.needs
                .iter()
                .map(|n| n.step.to_string())
                .collect::<Vec<_>>()
        );
    }
    println!("{}", serde_json::to_string_pretty(&plan.facts).unwrap());
}
