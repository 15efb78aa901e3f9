//! What may know about what, and what every file keeps to: read from the sources themselves.
//!
//! Each rule is a function over a text, and is shown a text that breaks it before it is shown ours.

mod long;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below a folder with this ending, named from the root, in order.
fn below(folder: &str, ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut ask = vec![folder.to_owned()];
    while let Some(next) = ask.pop() {
        for entry in std::fs::read_dir(root().join(&next)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{next}/{}", entry.file_name().into_string().unwrap());
            if entry.file_type().unwrap().is_dir() {
                ask.push(path);
            } else if path.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn sources(folders: &[&str]) -> BTreeMap<String, String> {
    folders
        .iter()
        .flat_map(|folder| below(folder, ".rs"))
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// The code of a file: without comments, and without its own tests.
fn code(text: &str) -> String {
    let own = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    own.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Where the code of a file has one of these words.
fn names(text: &str, words: &[&str]) -> Vec<String> {
    code(text)
        .lines()
        .filter(|line| words.iter().any(|word| line.contains(word)))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// Every place outside `allowed` in which one of these words stands.
fn outside(folders: &[&str], allowed: &[&str], words: &[&str]) -> Vec<String> {
    sources(folders)
        .iter()
        .filter(|(path, _)| !allowed.iter().any(|a| path.starts_with(a)) && !is_test(path))
        .flat_map(|(path, text)| {
            names(text, words)
                .into_iter()
                .map(move |line| format!("{path}: {line}"))
        })
        .collect()
}

const SDK: &[&str] = &[
    "aws_sdk_",
    "aws_smithy",
    "aws_config",
    "aws_credential_types",
    "aws_types",
];

#[test]
fn the_sdk_is_named_in_the_cloud_and_nowhere_else() {
    assert_eq!(names("use aws_sdk_rds::Client;", SDK).len(), 1);
    assert_eq!(names("// aws_sdk_rds is not named here", SDK).len(), 0);
    let found = outside(&["src", "engine", "sim"], &["src/cloud/"], SDK);
    assert!(found.is_empty(), "{found:#?}");
}

const SOCKETS: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "hyper_util::client",
    "hickory_resolver",
];

#[test]
fn sockets_are_opened_by_probes_registries_served_sandboxes_and_the_sdk_alone() {
    assert_eq!(
        names("let s = TcpStream::connect(to).await?;", SOCKETS).len(),
        1
    );
    // A sandbox that another process serves is reached as AWS is: from one place of its own.
    let served = "src/sandbox/remote/";
    let allowed = ["src/probe/", "src/registry/", "src/cloud/", served];
    let found = outside(&["src", "engine"], &allowed, SOCKETS);
    assert!(found.is_empty(), "{found:#?}");
}

const WORLDLY: &[&str] = &[
    "Timestamp::now",
    "Instant::now",
    "SystemTime",
    "SystemClock",
    "tokio::time",
    "sleep(",
    "std::fs",
    "std::env",
    "println!",
    "eprintln!",
    "stdout",
    "stderr",
];

#[test]
fn a_step_sees_no_clock_no_file_no_environment_and_no_terminal() {
    for planted in [
        "tokio::time::sleep(second).await;",
        "let home = std::env::var(\"HOME\");",
        "println!(\"{}\", self.name);",
    ] {
        assert_eq!(names(planted, WORLDLY).len(), 1, "{planted}");
    }
    let found = outside(&["src/steps"], &[], WORLDLY);
    assert!(found.is_empty(), "{found:#?}");
}

/// Imports of types from another kind's file.
fn foreign_structs(text: &str) -> Vec<String> {
    let flat = code(text).replace('\n', " ");
    flat.split("use ")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .filter_map(|path| {
            path.strip_prefix("crate::steps::")
                .or(path.strip_prefix("super::"))
        })
        .filter(|path| !path.starts_with("ownership::"))
        .flat_map(|path| {
            let (module, named) = path.rsplit_once("::").unwrap_or(("", path));
            named
                .split([',', '{', '}', ' '])
                .filter(|name| {
                    // Types are CamelCase; functions and constants may be shared.
                    name.starts_with(|c: char| c.is_ascii_uppercase())
                        && name.contains(|c: char| c.is_ascii_lowercase())
                })
                .map(|name| format!("{}::{name}", module.trim_end_matches("::{")))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_step_does_not_know_another_steps_struct() {
    assert_eq!(
        foreign_structs("use crate::steps::vpc::{self, Vpc};\nuse super::ownership::claim;"),
        ["vpc::Vpc"]
    );
    assert!(foreign_structs("use crate::steps::probe_task::{WRITE, ask};").is_empty());
    // What a rule does is what a listener does. To be taken away, never added to.
    let known = BTreeSet::from(["src/steps/listener_rule.rs: listener::Action".to_owned()]);
    let found: BTreeSet<String> = sources(&["src/steps"])
        .iter()
        .filter(|(path, _)| !path.ends_with("/mod.rs"))
        .flat_map(|(path, text)| {
            foreign_structs(text)
                .into_iter()
                .map(move |name| format!("{path}: {name}"))
        })
        .collect();
    assert_eq!(found, known);
}

#[test]
fn only_the_command_line_reads_the_environment() {
    let words = ["std::env::", "env::var"];
    assert_eq!(
        names("let home = std::env::var(\"HOME\");", &words).len(),
        1
    );
    let found = outside(&["src", "engine"], &["src/cli/", "src/main.rs"], &words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_decides_is_pure() {
    let words = [
        "async fn",
        "async move",
        ".await",
        "tokio::",
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "Timestamp::now",
        "Instant::now",
    ];
    assert_eq!(names("let seen = cloud.vpcs().await?;", &words).len(), 1);
    let pure = [
        "engine/plan",
        "engine/state",
        "src/expand",
        "src/capture",
        "src/manifest",
    ];
    let mut found = outside(&pure, &[], &words);
    found.extend(names(&read("engine/run/next.rs"), &words));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_kind_is_a_file_and_every_file_a_kind() {
    let files: BTreeSet<String> = below("src/steps", ".rs")
        .iter()
        .filter_map(|path| path.strip_prefix("src/steps/")?.strip_suffix(".rs"))
        // A kind's folder holds parts of it.
        .filter(|name| !["mod", "ownership"].contains(name) && !name.contains('/'))
        .map(|name| name.replace('_', "-"))
        .collect();
    let kinds: BTreeSet<String> = drtool::steps::kinds()
        .iter()
        .map(|kind| kind.name.to_owned())
        .collect();
    assert_eq!(files, kinds);
    assert!(kinds.len() > 40, "the folder was read");
}

/// The error codes in a text, each once.
fn codes(text: &str, before: &str) -> BTreeSet<String> {
    text.match_indices(before)
        .filter_map(|(at, _)| text.get(at + before.len()..at + before.len() + 5))
        .filter(|code| {
            code.starts_with('E') && code[1..].bytes().all(|digit| digit.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_error_code_is_in_the_list_and_the_list_has_no_other() {
    assert_eq!(codes("fail(\"E4310\", …) \"E43xx\"", "\"").len(), 1);
    let thrown: BTreeSet<String> = sources(&["src", "engine"])
        .iter()
        .filter(|(path, _)| !is_test(path))
        .flat_map(|(_, text)| codes(&code(text), "\""))
        .collect();
    let listed = codes(&read("docs/errors.md"), "| ");
    let unlisted: Vec<_> = thrown.difference(&listed).collect();
    let unused: Vec<_> = listed.difference(&thrown).collect();
    assert!(unlisted.is_empty(), "not in docs/errors.md: {unlisted:?}");
    assert!(unused.is_empty(), "never given: {unused:?}");
    assert!(thrown.len() > 100, "the sources were read");
}

#[test]
fn no_file_grows_over_five_hundred_lines() {
    let lines: BTreeMap<String, usize> = sources(&["src", "engine", "sim", "tests"])
        .iter()
        .filter(|(path, _)| !is_test(path) || path.starts_with("tests/"))
        .map(|(path, text)| (path.clone(), text.lines().count()))
        .collect();
    let known: BTreeMap<&str, usize> = long::LONG
        .iter()
        .map(|(path, lines, _)| (*path, *lines))
        .collect();
    let grown: Vec<String> = lines
        .iter()
        .filter(|(path, lines)| **lines > known.get(path.as_str()).copied().unwrap_or(500))
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(grown.is_empty(), "split these by topic: {grown:#?}");
    let split: Vec<&&str> = known
        .keys()
        .filter(|path| lines.get(**path).is_none_or(|lines| *lines <= 500))
        .collect();
    assert!(
        split.is_empty(),
        "short now, take them out of the list: {split:?}"
    );
}

#[test]
fn every_module_says_what_it_is_for() {
    let speaks =
        |text: &str| text.starts_with("//! ") && text.lines().next().is_some_and(|l| l.len() > 10);
    assert!(!speaks("use std::fmt;\n"));
    let silent: Vec<String> = sources(&["src", "engine", "sim", "tests/it"])
        .into_iter()
        .filter(|(path, text)| !is_test(path) && !speaks(text))
        .map(|(path, _)| path)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn nothing_is_called_utils() {
    let vague = |path: &str| {
        let name = path
            .rsplit('/')
            .next()
            .unwrap_or(path)
            .trim_end_matches(".rs");
        path.split('/')
            .chain([name])
            .any(|part| ["util", "utils", "helper", "helpers", "common", "misc"].contains(&part))
    };
    assert!(
        vague("src/utils/mod.rs") && vague("src/cloud/helpers.rs") && !vague("src/cloud/call.rs")
    );
    let found: Vec<String> = sources(&["src", "engine", "sim", "tests"])
        .into_keys()
        .filter(|path| vague(path))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The lines of a text's fenced blocks.
fn commands(markdown: &str) -> Vec<String> {
    markdown
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(|block| block.lines().skip(1))
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.trim().to_owned())
        .collect()
}

#[test]
fn the_readmes_commands_are_run_before_anything_is_merged() {
    assert_eq!(commands("a\n```\ncargo test\n```\nb"), ["cargo test"]);
    let commands = commands(&read("README.md"));
    assert!(commands.len() >= 2, "{commands:?}");
    let run = read(".ci/run");
    assert!(run.contains("bash tests/peers/run"));
    let peers =
        read("tests/peers/run") + &read("tests/peers/kills.py") + &read("tests/peers/moved.py");
    for command in commands {
        if command.starts_with("cargo ") {
            assert!(run.contains(&command), "`{command}` is not in .ci/run");
            continue;
        }
        // Two terminals and the AWS CLI: the peers type the same words, with ports and folders of their own.
        for word in command
            .split_whitespace()
            .filter(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        {
            assert!(
                peers.contains(word),
                "`{word}` of `{command}` is typed by no peer"
            );
        }
    }
}
