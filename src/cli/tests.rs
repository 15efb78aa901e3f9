//! The commands, as they are typed and as they answer.

use clap::CommandFactory;

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// Every code of what people write, in the source and in `docs/errors.md`.
#[test]
fn every_code_is_documented_and_every_documented_code_is_used() {
    fn codes(text: &str, quote: &str) -> std::collections::BTreeSet<String> {
        text.match_indices(quote)
            .filter_map(|(at, _)| text.get(at + quote.len()..at + quote.len() + 5))
            .filter(|code| code.starts_with("E1") && code[1..].bytes().all(|b| b.is_ascii_digit()))
            .map(str::to_owned)
            .collect()
    }
    fn read(folder: &std::path::Path, all: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut source = String::new();
    read(&root.join("src"), &mut source);
    read(&root.join("engine"), &mut source);
    let mut used = codes(&source, "\"");
    used.extend(codes(&source, "format!(\""));
    let documented = codes(
        &std::fs::read_to_string(root.join("docs/errors.md")).unwrap(),
        "| ",
    );
    let missing: Vec<_> = used.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&used).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "not documented: {missing:?}; not used: {stale:?}"
    );
}

#[test]
fn a_bug_has_its_own_status_and_says_what_is_not_lost() {
    // Unwinds like a panic, and prints nothing into the output of tests, where somebody looks for real ones.
    let failures = guarded(|| std::panic::resume_unwind(Box::new("on purpose"))).unwrap_err();
    let _ = std::panic::take_hook();
    assert_eq!(failures.exit() as u8, 1);
    let text = failures.render(false);
    assert!(
        text.contains("E9000") && text.contains("drtool resume"),
        "{text}"
    );
}
