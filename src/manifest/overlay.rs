//! Several files, one manifest: an overlay says only what differs.
//!
//! Mappings are merged member by member. Lists of things that have a name (`name`, `record`, `path`, …) are merged by that name; other
//! lists are replaced whole. `null` takes a member away. Every value keeps the file and line it came from, so an error points
//! into the overlay when the overlay wrote it.

use super::yaml::{Node, What};

/// The members by which the things in a list are told apart, tried in order.
const NAMES: &[&str] = &[
    "name",
    "record",
    "repository",
    "what",
    "path",
    "setting",
    "field",
];

/// `over` laid over `base`.
pub fn merge(base: Node, over: Node) -> Node {
    match (base.what, over.what) {
        (What::Mapping(mut members), What::Mapping(changes)) => {
            for (key, change) in changes {
                match members.iter().position(|(k, _)| k.text == key.text) {
                    Some(index) if change.is_nothing() => {
                        members.remove(index);
                    }
                    Some(index) => {
                        let (old_key, old) = members.remove(index);
                        members.insert(index, (old_key, merge(old, change)));
                    }
                    None if change.is_nothing() => {}
                    None => members.push((key, change)),
                }
            }
            Node {
                what: What::Mapping(members),
                at: base.at,
            }
        }
        (What::Sequence(mut items), What::Sequence(changes)) if named(&items, &changes) => {
            for change in changes {
                match items
                    .iter()
                    .position(|item| identity(item) == identity(&change))
                {
                    Some(index) => {
                        let old = items.remove(index);
                        items.insert(index, merge(old, change));
                    }
                    None => items.push(change),
                }
            }
            Node {
                what: What::Sequence(items),
                at: base.at,
            }
        }
        (_, over_what) => Node {
            what: over_what,
            at: over.at,
        },
    }
}

/// Whether these are lists of things with names, and not of mere words.
fn named(items: &[Node], changes: &[Node]) -> bool {
    let all = || items.iter().chain(changes);
    all().all(|node| identity(node).is_some())
        && all().any(|node| matches!(node.what, What::Mapping(_)))
}

/// What tells a thing in a list from the others: a bare word is its own name.
fn identity(node: &Node) -> Option<String> {
    match &node.what {
        What::Scalar { text, .. } => Some(text.clone()),
        What::Mapping(_) => {
            let member = NAMES
                .iter()
                .find_map(|name| node.get(name).map(|n| (name, n)));
            match member {
                // A zone may be private and public under one name: both are part of what a record is.
                Some((
                    _,
                    Node {
                        what: What::Scalar { text, .. },
                        ..
                    },
                )) => {
                    let zone = node.get("zone").and_then(|z| match &z.what {
                        What::Scalar { text, .. } => Some(text.as_str()),
                        _ => None,
                    });
                    Some(
                        format!("{text} {}", zone.unwrap_or_default())
                            .trim_end()
                            .to_owned(),
                    )
                }
                _ => None,
            }
        }
        What::Sequence(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Sources;
    use crate::manifest::yaml;

    fn written(node: &Node) -> String {
        match &node.what {
            What::Scalar { text, .. } => text.clone(),
            What::Sequence(items) => format!(
                "[{}]",
                items.iter().map(written).collect::<Vec<_>>().join(" ")
            ),
            What::Mapping(members) => format!(
                "{{{}}}",
                members
                    .iter()
                    .map(|(k, v)| format!("{}:{}", k.text, written(v)))
                    .collect::<Vec<_>>()
                    .join(" ")
            ),
        }
    }

    fn merged(base: &str, over: &str) -> (String, Node) {
        let mut sources = Sources::default();
        let base = yaml::read(&mut sources, "base.yaml", base.as_bytes()).unwrap();
        let over = yaml::read(&mut sources, "over.yaml", over.as_bytes()).unwrap();
        let node = merge(base, over);
        (written(&node), node)
    }

    #[test]
    fn things_in_lists_are_told_apart_by_name() {
        let (text, _) = merged(
            "s: [{name: a, n: 1}, {name: b, n: 2}]",
            "s: [{name: b, n: 3}, {name: c, n: 4}]",
        );
        assert_eq!(text, "{s:[{name:a n:1} {name:b n:3} {name:c n:4}]}");
    }

    #[test]
    fn lists_of_nameless_things_are_replaced_and_null_takes_away() {
        assert_eq!(
            merged(
                "c: [{http: {path: /a}}]\nd: 1\ne: 2",
                "c: [{http: {path: /b}}]\nd: ~"
            )
            .0,
            "{c:[{http:{path:/b}}] e:2}"
        );
    }

    #[test]
    fn a_value_keeps_the_file_it_came_from() {
        let (_, node) = merged("a: 1\nb: 2", "b: 3");
        assert_eq!(
            (
                node.get("a").unwrap().at.file,
                node.get("b").unwrap().at.file
            ),
            (0, 1)
        );
    }
}
