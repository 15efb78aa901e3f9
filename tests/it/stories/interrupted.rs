//! Ctrl-C, kills, terminals that go away, disks that fill, journals that were touched.

use super::Desk;
use aws_sim::action::Action;
use aws_sim::keep::Kept;
use aws_sim::world::Settings;
use insta::assert_snapshot;

#[test]
fn ctrl_c_once_stops_after_the_calls_in_flight_and_says_how_to_go_on() {
    let desk = Desk::new("once");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox -q");
    let run = moving.until("\"made\"");
    assert_snapshot!(
        "interrupted-runs-meanwhile",
        desk.run("runs --sandbox").page()
    );
    let status = desk.run("status --sandbox");
    assert!(
        status.out.ends_with("somebody carries it out now\n"),
        "{}",
        status.out
    );
    // A second one on the same run is refused.
    moving.signal("INT");
    let seen = moving.end();
    assert_snapshot!("interrupted-once", seen.page());
    assert_eq!(seen.exit, 4);
    assert!(
        desk.run("status --sandbox")
            .out
            .contains("stopped by Ctrl-C")
    );
    // The manifest is edited before it goes on: said, and not heeded.
    desk.edit("rto: 75m", "rto: 2h");
    let resumed = desk.sandbox("resume -q");
    assert_snapshot!("interrupted-resumed", resumed.page());
    assert_eq!(resumed.exit, 0);
    assert_eq!(desk.runs(), [run]);
}

#[test]
fn a_run_of_a_sandbox_is_not_gone_on_with_in_aws_or_elsewhere() {
    let desk = Desk::new("elsewhere");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox -q");
    let run = moving.until("\"made\"");
    moving.signal("INT");
    assert_eq!(moving.end().exit, 4);
    // Somebody, or a copy of the folder, brings the run where those of AWS are kept.
    let (here, there) = (desk.path(".drtool/sandbox/runs"), desk.path(".drtool/runs"));
    std::fs::rename(&here, &there).unwrap();
    for command in ["resume", "undo"] {
        let refused = desk.run(&format!("{command} {run}"));
        assert_eq!(refused.exit, 2, "{}", refused.err);
        for said in [
            "E3023",
            "works in the sandbox of this machine, and this is AWS",
            "say --sandbox",
        ] {
            assert!(refused.err.contains(said), "{}", refused.err);
        }
    }
    std::fs::rename(&there, &here).unwrap();
    assert_eq!(desk.sandbox(&format!("resume {run} -q")).exit, 0);
}

#[test]
fn a_run_of_a_served_sandbox_is_not_gone_on_with_without_it() {
    let desk = Desk::new("served");
    assert_eq!(
        desk.run("sandbox seed redmine --sandbox-speed instant")
            .exit,
        0
    );
    let mut serving =
        desk.start("sandbox serve --keep .drtool/sandbox/world --port 0 --sandbox-speed instant");
    let first = serving.first_line();
    let url = first
        .split_whitespace()
        .find(|word| word.starts_with("http://"));
    let url = url.unwrap_or_else(|| panic!("{first}"));
    let drilled = desk.run(&format!(
        "drill --to eu-west-1 --yes -q --endpoint-url {url}"
    ));
    assert_eq!(drilled.exit, 0, "{}", drilled.err);
    let run = std::fs::read_dir(desk.path(".drtool/runs")).unwrap().next();
    let run = run.unwrap().unwrap().file_name().into_string().unwrap();
    // As if it had been killed before its first request.
    let journal = desk.path(&format!(".drtool/runs/{run}/journal.jsonl"));
    let text = std::fs::read_to_string(&journal).unwrap();
    let begun: Vec<&str> = text.lines().take(2).collect();
    assert!(begun[1].contains("leased"), "{}", begun[1]);
    std::fs::write(&journal, begun.join("\n") + "\n").unwrap();
    let refused = desk.run(&format!("drill clean {run}"));
    assert_eq!(refused.exit, 2, "{}", refused.err);
    for said in [
        "E3023",
        "a served sandbox at",
        &format!("say --endpoint-url {url}"),
    ] {
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let cleaned = desk.run(&format!("drill clean {run} -q --endpoint-url {url}"));
    assert_eq!(cleaned.exit, 0, "{}", cleaned.err);
    serving.signal("TERM");
    serving.end();
}

#[test]
fn ctrl_c_twice_stops_at_once_and_undo_takes_it_back() {
    let desk = Desk::new("twice");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox -q");
    let run = moving.until("\"began\"");
    moving.signal("INT");
    moving.signal("INT");
    let seen = moving.end();
    assert_eq!(seen.exit, 4, "{}", seen.err);
    assert!(
        seen.err.contains(&format!("drtool resume {run} --sandbox")),
        "{}",
        seen.err
    );
    let undone = desk.sandbox(&format!("undo {run} -q"));
    assert_snapshot!("interrupted-undone", undone.page());
    assert_eq!(undone.exit, 0);
    assert_snapshot!(
        "interrupted-undone-twice",
        desk.sandbox(&format!("undo {run}")).page()
    );
}

#[test]
fn a_killed_run_is_called_so_and_can_be_taken_back() {
    let desk = Desk::new("killed");
    let mut moving = desk.start("drill --to eu-west-1 --sandbox -q");
    let run = moving.until("\"made\"");
    moving.signal("KILL");
    moving.end();
    let status = desk.run("status --sandbox");
    assert!(
        status
            .out
            .ends_with(&format!("killed: drtool resume {run} --sandbox\n")),
        "{}",
        status.out
    );
    let cleaned = desk.sandbox(&format!("drill clean {run} -q"));
    assert_snapshot!("interrupted-cleaned", cleaned.page());
    assert_eq!(cleaned.exit, 0);
}

#[test]
fn a_terminal_that_goes_away_stops_nothing() {
    let desk = Desk::new("gone");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox --sandbox-speed instant");
    let run = moving.until("\"made\"");
    moving.hang_up();
    moving.signal("HUP");
    let seen = moving.end();
    assert_eq!(seen.exit, 0, "the run went on without its reader");
    assert!(desk.run("status --sandbox").out.ends_with("done\n"));
    assert_eq!(desk.runs(), [run]);
}

#[test]
fn what_could_not_be_taken_back_is_named_and_has_its_own_status() {
    let desk = Desk::new("left");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox -q");
    let run = moving.until("\"type\":\"made\",\"step\":\"network/vpc\"");
    moving.signal("INT");
    assert_eq!(moving.end().exit, 4);
    // Somebody builds something of their own into the run's network.
    {
        let world = desk.path(".drtool/sandbox/world");
        let mut kept = Kept::open(&world, 1, Settings::default()).unwrap();
        let mut call = |operation: &str, input: serde_json::Value| {
            let action = Action::Call {
                account: "111122223333".into(),
                region: "eu-west-1".into(),
                service: "ec2".into(),
                operation: operation.into(),
                input,
            };
            let answer = kept.act(&action).unwrap();
            assert!(answer["error"].is_null(), "{answer}");
            answer["output"].clone()
        };
        let vpcs = call(
            "DescribeVpcs",
            serde_json::json!({
                "Filters": [{ "Name": "tag:Name", "Values": ["redmine"] }],
            }),
        );
        let vpc = vpcs["Vpcs"][0]["VpcId"].as_str().unwrap().to_owned();
        call(
            "CreateSecurityGroup",
            serde_json::json!({
                "GroupName": "somebody-elses", "Description": "not of drtool", "VpcId": vpc,
            }),
        );
    }
    let undone = desk.sandbox(&format!("undo {run} -q"));
    assert_eq!(undone.exit, 5, "{}", undone.err);
    assert!(
        undone.err.contains("left behind: network/vpc"),
        "{}",
        undone.err
    );
}

#[test]
fn a_journal_that_cannot_be_trusted_is_refused() {
    let desk = Desk::new("journal");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox -q");
    let run = moving.until("\"made\"");
    // Another one on the same run.
    let second = desk.run(&format!("resume {run} --sandbox"));
    assert_eq!(second.exit, 6, "{}", second.err);
    moving.signal("INT");
    assert_eq!(moving.end().exit, 4);
    let path = desk.journal(&run);
    let whole = std::fs::read(&path).unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let seen = desk.sandbox(&format!("resume {run}"));
        assert_eq!(seen.exit, 6, "{name}: {}", seen.err);
        assert!(seen.out.is_empty());
        assert_snapshot!(format!("journal-{name}"), seen.page());
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name}: not touched");
    };
    let mut flipped = whole.clone();
    let at = flipped.len() / 2;
    flipped[at] = flipped[at].wrapping_add(1);
    // Where the damage is depends on where the run was stopped: what is said of it does not.
    std::fs::write(&path, &flipped).unwrap();
    let seen = desk.sandbox(&format!("resume {run}"));
    assert_eq!(seen.exit, 6);
    assert!(
        seen.err.contains("E3004") && seen.err.contains("is damaged"),
        "{}",
        seen.err
    );
    refused("empty", b"");
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let text = String::from_utf8(whole[..first].to_vec()).unwrap();
    let without_first = &whole[first + 1..];
    let seen = {
        std::fs::write(&path, without_first).unwrap();
        desk.sandbox(&format!("status {run}"))
    };
    assert_eq!(seen.exit, 6, "{}", seen.err);
    assert!(text.contains("\"format\":1"), "{}", &text[..200]);
    // Others may read it: not ours any more.
    std::fs::write(&path, &whole).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let seen = desk.sandbox(&format!("resume {run}"));
    assert_eq!(seen.exit, 6);
    assert!(seen.err.contains("E3003"), "{}", seen.err);
    // A torn end is a crash, and is mended.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let seen = desk.sandbox(&format!("resume {run} -q"));
    assert_eq!(seen.exit, 0, "{}", seen.err);
}

#[test]
fn a_full_disk_stops_the_run_before_its_next_request() {
    let desk = Desk::new("full");
    assert_eq!(desk.sandbox("sandbox seed redmine").exit, 0);
    // The state lies where nothing more can be written after so many bytes: a limit of the process stands for the disk.
    let script = format!(
        "trap '' XFSZ; ulimit -f 220; exec {} migrate --to eu-west-1 -q --sandbox --sandbox-speed instant",
        env!("CARGO_BIN_EXE_drtool")
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(desk.path(""))
        .env_clear()
        .env("HOME", desk.path(""))
        .env("USER", "operator")
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{err}");
    assert!(err.contains("E3006"), "{err}");
    // There is room again.
    let run = desk.runs().remove(0);
    let seen = desk.sandbox(&format!("resume {run} -q"));
    assert_eq!(seen.exit, 0, "{}", seen.err);
}
