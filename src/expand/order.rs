//! Orders that lose data or send users to a stack that nobody looked at: refused in the runbook, before anything runs.
//!
//! A rule says that a line of one use must have a line of another use before it. Knows uses by name, and no AWS.

use super::runbook::Runbook;
use crate::failure::{Failure, Sources};

struct Rule {
    uses: &'static str,
    after: &'static str,
    code: &'static str,
    otherwise: &'static str,
    /// Only where the stack has databases.
    data: bool,
}

const RULES: &[Rule] = &[
    Rule {
        uses: "dns-cut",
        after: "checks",
        code: "E1045",
        otherwise: "users would be sent to a stack that nobody has looked at",
        data: false,
    },
    Rule {
        uses: "dns-cut",
        after: "fence",
        code: "E1045",
        otherwise: "users with old DNS answers would go on writing to the source, and those writes would be lost",
        data: true,
    },
    Rule {
        uses: "dns-cut",
        after: "write-refused",
        code: "E1045",
        otherwise: "nothing would have shown that the source takes no more writes",
        data: true,
    },
    Rule {
        uses: "dns-cut",
        after: "database-checks",
        code: "E1045",
        otherwise: "nothing would have shown that every write is in the target",
        data: true,
    },
    Rule {
        uses: "write-refused",
        after: "fence",
        code: "E1046",
        otherwise: "a write is refused only once the source is fenced",
        data: true,
    },
    Rule {
        uses: "write-refused",
        after: "probe",
        code: "E1046",
        otherwise: "there would be nobody to try a write",
        data: true,
    },
    Rule {
        uses: "watermark",
        after: "write-refused",
        code: "E1046",
        otherwise: "writes after the watermark would be lost without anybody knowing",
        data: true,
    },
    Rule {
        uses: "database-move",
        after: "watermark",
        code: "E1046",
        otherwise: "writes after the snapshot would be lost",
        data: true,
    },
    Rule {
        uses: "database-checks",
        after: "database-move",
        code: "E1046",
        otherwise: "there would be no database to check",
        data: true,
    },
    Rule {
        uses: "database-checks",
        after: "watermark",
        code: "E1046",
        otherwise: "there would be nothing to compare with",
        data: true,
    },
    Rule {
        uses: "services",
        after: "database-checks",
        code: "E1046",
        otherwise: "tasks would start before their database answers, and the deployment's circuit breaker would trip",
        data: true,
    },
    Rule {
        uses: "services",
        after: "secret-promotion",
        code: "E1046",
        otherwise: "tasks would read a replica that still follows the source",
        data: false,
    },
    Rule {
        uses: "probe-removal",
        after: "dns-cut",
        code: "E1046",
        otherwise: "nobody could show any more that the source takes no writes",
        data: true,
    },
    Rule {
        uses: "dns-ttl-restored",
        after: "dns-cut",
        code: "E1046",
        otherwise: "users would keep old answers for longer than the cut waits",
        data: false,
    },
    Rule {
        uses: "services",
        after: "parameters",
        code: "E1046",
        otherwise: "tasks would not start: what they read would not be there",
        data: false,
    },
    Rule {
        uses: "outside-check",
        after: "dns-cut",
        code: "E1046",
        otherwise: "the name still leads to the source",
        data: false,
    },
];

/// Every rule that the runbook breaks.
pub fn unsafe_orders(
    runbook: &Runbook,
    sources: &Sources,
    has_databases: bool,
    has_secrets: bool,
    has_parameters: bool,
) -> Vec<Failure> {
    let mut found = vec![];
    for (_, line) in runbook.lines() {
        let before = runbook.before(line.id.as_str());
        for rule in RULES.iter().filter(|rule| rule.uses == line.uses.value) {
            if rule.data && !has_databases
                || rule.after == "secret-promotion" && !has_secrets
                || rule.after == "parameters" && !has_parameters
            {
                continue;
            }
            let there: Vec<_> = runbook
                .lines()
                .filter(|(_, other)| other.uses.value == rule.after)
                .map(|(_, other)| other)
                .collect();
            if there.iter().any(|other| before.contains(other.id.as_str())) {
                continue;
            }
            let failure = Failure::input(
                rule.code,
                format!(
                    "`{}` does not come after `{}`: {}",
                    line.id.value, rule.after, rule.otherwise
                ),
            );
            let failure = failure.at(sources, line.id.at, "this line");
            found.push(match there.first() {
                Some(other) => failure
                    .at(sources, other.id.at, "must come before it")
                    .hint(format!("add `{}` to its `needs`", other.id.value)),
                None => failure.hint(format!("add a line that uses `{}`", rule.after)),
            });
        }
    }
    found
}
