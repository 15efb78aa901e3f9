//! P8: how long `drtool --version` and `drtool plan` of Redmine from its capture take, as processes of the real binary.

mod measure;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use measure::{Claims, Limit, Spread};

const RUNS: usize = 40;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let drtool = env!("CARGO_BIN_EXE_drtool");
    let plan = [
        "plan",
        "--manifest",
        "manifests/redmine.yaml",
        "--to",
        "eu-west-1",
    ];
    let commands: [(&str, &str, &[&str]); 4] = [
        ("true", "true", &[]),
        ("git --version", "git", &["--version"]),
        ("drtool --version", drtool, &["--version"]),
        ("drtool plan", drtool, &plan),
    ];
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); commands.len()];
    // In turns, so that what else the machine does meets all of them.
    for _ in 0..RUNS {
        for (at, (_, program, words)) in commands.iter().enumerate() {
            if let Some(seconds) = run(root, program, words) {
                taken[at].push(seconds * 1_000.0);
            }
        }
    }
    let spreads: Vec<Spread> = taken.into_iter().map(Spread::of).collect();
    for ((name, ..), spread) in commands.iter().zip(&spreads) {
        let ratio = spread.median() / spreads[0].median();
        let (least, median) = (spread.at(0.0), spread.median());
        println!("  {name}: {median:.2} ms (least {least:.2}), {ratio:.1} times `true`");
    }
    let mut claims = Claims::default();
    claims.claim(
        "P8 drtool --version",
        "ms",
        spreads[2].median(),
        &spreads[2],
        Limit::AtMost(5.0),
    );
    claims.claim(
        "P8 drtool plan",
        "ms",
        spreads[3].median(),
        &spreads[3],
        Limit::AtMost(20.0),
    );
    claims.end()
}

/// Seconds from the start of a process to its end; nothing if it is not there (git need not be).
fn run(root: &Path, program: &str, words: &[&str]) -> Option<f64> {
    let began = Instant::now();
    let status = Command::new(program)
        .args(words)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    assert!(status.success(), "{program} {words:?}: {status}");
    Some(began.elapsed().as_secs_f64())
}
