//! The simulator builds without the SDK that it judges: nothing of it is in its tree, by the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What each package of the lock file depends on, by name: a name that is there in two versions stands for both.
fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let text = std::fs::read_to_string(path).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in text.split("[[package]]").skip(1) {
        let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
        let mut lines = package.lines();
        let name = lines.find(|line| line.starts_with("name = "));
        let needs = lines
            .filter(|line| line.starts_with(" \""))
            .filter_map(|line| {
                let named = quoted(line)?;
                named.split(' ').next().map(str::to_owned)
            });
        found
            .entry(name.and_then(quoted).unwrap())
            .or_default()
            .extend(needs);
    }
    found
}

fn tree(of: &str) -> BTreeSet<String> {
    let locked = locked();
    let mut found = BTreeSet::new();
    let mut open = vec![of.to_owned()];
    while let Some(name) = open.pop() {
        if found.insert(name.clone()) {
            open.extend(locked[&name].iter().cloned());
        }
    }
    found
}

fn of_the_sdk(name: &str) -> bool {
    [
        "aws-sdk-",
        "aws-smithy-",
        "aws-config",
        "aws-runtime",
        "aws-credential",
        "aws-sigv4",
        "aws-types",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

#[test]
fn the_simulator_has_nothing_of_the_sdk_in_its_tree() {
    let simulator = tree("aws-sim");
    assert!(simulator.contains("hyper"), "{simulator:?}");
    let sdk: Vec<_> = simulator.iter().filter(|name| of_the_sdk(name)).collect();
    assert!(sdk.is_empty(), "{sdk:?}");
    // The look finds such crates where they are.
    assert!(
        tree("drtool")
            .iter()
            .filter(|name| of_the_sdk(name))
            .count()
            > 20
    );
    assert!(!tree("drtool-engine").iter().any(|name| of_the_sdk(name)));
}
