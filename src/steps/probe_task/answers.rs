//! What probes have answered, read out of their logs.

use super::ASK;
use crate::cloud::logs::LogLine;
use crate::env::Env;
use drtool_engine::Timestamp;
use drtool_engine::step::{Cx, StepError};

/// Lines at a log's end that are read: a round of a few questions, and where that is not enough, one of very many.
pub const TAILS: [i32; 2] = [16, 240];

/// Milliseconds for which an answer is one of now: some rounds with questions that time out, and the log's own delay.
const FRESH: i64 = 60_000;

/// What a probe's database answered to one question, most recently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    /// The client could not connect, or the database refused.
    pub failed: bool,
    /// When it was asked, in milliseconds since 1970, by the log.
    pub at: i64,
    /// Milliseconds until the next question was asked.
    pub took: i64,
}

impl Answer {
    /// When the question was asked, by the log.
    pub fn time(&self) -> Result<jiff::Timestamp, StepError> {
        jiff::Timestamp::from_millisecond(self.at).map_err(|e| {
            StepError::fail("E4411", "the probe's log has an impossible time").because(e)
        })
    }
}

/// Reads the newest whole answer to a question out of a probe's log. Whole: another question follows it.
pub fn newest(lines: &[LogLine], question: &str) -> Option<Answer> {
    let marker = format!("{ASK}{question}");
    let end = lines.iter().rposition(|l| l.message.starts_with(ASK))?;
    let start = lines[..end]
        .iter()
        .rposition(|l| l.message.trim_end() == marker)?;
    let stop = start
        + 1
        + lines[start + 1..]
            .iter()
            .position(|l| l.message.starts_with(ASK))?;
    let answer: Vec<&str> = lines[start + 1..stop]
        .iter()
        .map(|l| l.message.trim_end())
        .filter(|l| !l.is_empty())
        .collect();
    let text = answer.join("\n");
    let failed = [
        "psql: error",
        "ERROR",
        "FATAL",
        "sh:",
        "connection to server",
    ]
    .iter()
    .any(|sign| {
        answer
            .iter()
            .any(|line| line.starts_with(sign) || line.contains(": FATAL"))
    });
    Some(Answer {
        text,
        failed,
        at: lines[start].at,
        took: (lines[stop].at - lines[start].at).max(0),
    })
}

/// The answer, if it speaks of what is; or why none does. A probe that is dead has left answers behind: only one to a question
/// that was asked after everything stood that it is asked about, and asked just now, proves anything.
fn fresh(
    answer: Option<Answer>,
    question: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Answer, String> {
    let Some(answer) = answer else {
        return Err(format!("the probe has not answered `{question}` yet"));
    };
    // The log's instants are cut to milliseconds.
    if answer.at <= since.as_millisecond() {
        return Err(format!(
            "the probe has not been asked `{question}` again yet"
        ));
    }
    let age = now.as_millisecond().saturating_sub(answer.at);
    // To count the rows of a large database takes its time, and the next answer will not come sooner.
    if age > FRESH + answer.took.saturating_mul(2) {
        return Err(format!(
            "the probe last answered `{question}` {} s ago: it has stopped, or this machine's clock is wrong",
            age / 1_000
        ));
    }
    Ok(answer)
}

/// Asks the log of a probe: its answer, or why there is none that counts.
pub async fn ask(
    cx: &Cx<'_, Env>,
    group: &str,
    stream: &str,
    question: &str,
) -> Result<Result<Answer, String>, StepError> {
    let mut answer = None;
    for tail in TAILS {
        let lines = cx
            .env
            .cloud
            .log_tail(cx.place().as_str(), group, stream, tail, cx.look())
            .await?;
        answer = newest(&lines, question);
        if answer.is_some() || lines.len() < tail as usize {
            break;
        }
    }
    Ok(fresh(answer, question, cx.since(), cx.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<LogLine> {
        texts
            .iter()
            .enumerate()
            .map(|(at, text)| LogLine {
                at: at as i64,
                message: (*text).to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_newest_whole_answer_counts() {
        let log = lines(&[
            "drtool ask alive",
            "1",
            "drtool ask position",
            "0/16B3748",
            "drtool ask end",
            "drtool ask alive",
        ]);
        assert_eq!(newest(&log, "alive").map(|a| a.text), Some("1".into()));
        assert_eq!(
            newest(&log, "position").map(|a| (a.text, a.failed)),
            Some(("0/16B3748".into(), false))
        );
        assert_eq!(newest(&log, "write"), None);
    }

    #[test]
    fn what_a_dead_probe_has_left_behind_is_no_answer() {
        let answer = |at, took| {
            Some(Answer {
                text: "t".into(),
                failed: false,
                at,
                took,
            })
        };
        let instant = |millis| Timestamp::from_millisecond(millis).unwrap();
        let heard =
            |at, since, now| fresh(answer(at, 0), "content", instant(since), instant(now)).is_ok();
        assert!(heard(100_001, 100_000, 101_000));
        assert!(
            !heard(100_000, 100_000, 101_000),
            "perhaps asked before it stood"
        );
        assert!(heard(100_001, 0, 160_001));
        assert!(!heard(100_001, 0, 160_002), "nobody has answered since");
        assert!(fresh(None, "content", instant(0), instant(0)).is_err());
        // A count of four minutes is as good as new until the next can have come.
        let slow = |now| fresh(answer(1, 240_000), "content", instant(0), instant(now)).is_ok();
        assert!(slow(540_001) && !slow(540_002));
    }

    #[test]
    fn a_connection_that_fails_is_a_failed_answer() {
        let log = lines(&[
            "drtool ask write",
            "psql: error: connection to server at \"db\" (10.0.20.5), port 5432 failed: timeout expired",
            "drtool ask end",
        ]);
        assert!(newest(&log, "write").is_some_and(|a| a.failed));
    }
}
