//! The question before the cut: answered from another terminal, declined, or by nobody.

use super::Desk;
use insta::assert_snapshot;

fn asking(story: &str) -> Desk {
    let desk = Desk::new(story);
    desk.edit(
        "confirm: { cut: { given: all checks pass and loss is 0 }, timeout: 10m }",
        "confirm: { timeout: 1h }",
    );
    desk
}

#[test]
fn a_question_is_answered_from_another_terminal() {
    let desk = asking("approve");
    let mut moving = desk.start("migrate --to eu-west-1 --sandbox --ask -q");
    let run = moving.until("\"asked\"");
    let step = "cut/redmine-sidpotti-infracourse-cloud";
    let status = desk.run("status --sandbox");
    assert!(
        status.out.contains(&format!(
            "waits for an answer: drtool approve {run} {step} --sandbox"
        )),
        "{}",
        status.out
    );
    let wrong = desk.run(&format!("approve {run} checks --sandbox"));
    assert_snapshot!("approve-what-was-not-asked", wrong.page());
    let given = desk.run(&format!("approve {run} {step} --sandbox"));
    assert_eq!(
        (given.exit, given.out.as_str(), given.err.as_str()),
        (0, "", "")
    );
    let seen = moving.end();
    assert_snapshot!("approved", seen.page());
    assert_eq!(seen.exit, 0);
}

#[test]
fn a_question_that_nobody_answers_gives_the_source_back() {
    let desk = asking("unanswered");
    let seen = desk.sandbox("migrate --to eu-west-1 --ask -q");
    assert_snapshot!("unanswered", seen.page());
    assert_eq!(seen.exit, 4);
    let run = desk.runs().remove(0);
    let undone = desk.sandbox(&format!("undo {run} -q"));
    assert_eq!(undone.exit, 0, "{}", undone.err);
}
