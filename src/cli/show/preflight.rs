//! What preflight found, as people read it below the plan or before a run.

use std::fmt::Write;

use super::Paint;
use crate::preflight::Report;
use crate::preflight::quotas::number;
use crate::printable::Printable;

/// The section below a plan; without a report it says that nobody was asked.
pub fn section(report: Option<&Report>, colour: bool) -> String {
    let paint = Paint { colour };
    let mut text = String::new();
    let Some(report) = report else {
        let title = paint.bold("Preflight");
        let _ = writeln!(
            text,
            "\n{title}\n   not asked: planned from the capture alone. With credentials, or --sandbox, `drtool plan` asks AWS whether anything would stop it"
        );
        return text;
    };
    let title = paint.bold("Preflight: what AWS says before anything is touched");
    let _ = writeln!(text, "\n{title}");
    findings(&mut text, paint, report);
    quotas(&mut text, paint, report);
    permissions(&mut text, paint, report);
    for (word, lines) in [
        ("as it has to be", &report.shown),
        ("worth knowing", &report.notes),
        ("could not be asked", &report.unseen),
    ] {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(text, "   {word}");
        for line in lines {
            let _ = writeln!(text, "     {}", paint.dim(&Printable(line).to_string()));
        }
    }
    text.push_str(&line(report, colour));
    text
}

/// How it came out, in one line.
pub fn line(report: &Report, colour: bool) -> String {
    let paint = Paint { colour };
    let permissions = &report.permissions;
    match report.findings.len() {
        0 => format!(
            "preflight: nothing would stop it ({} facts, {} quotas, {} permissions shown and {} simulated; {} could not be asked)\n",
            report.shown.len(),
            report.quotas.len(),
            permissions.shown.len(),
            permissions.simulated.len(),
            report.unseen.len() + permissions.unknown.len(),
        ),
        count => {
            let word = if count == 1 { "thing" } else { "things" };
            let text =
                format!("preflight refuses: {count} {word} would stop it; nothing was touched");
            format!("{}\n", paint.with("31;1", &text))
        }
    }
}

fn findings(text: &mut String, paint: Paint, report: &Report) {
    for finding in &report.findings {
        let code = paint.with("31;1", finding.code);
        let _ = writeln!(
            text,
            "   {code}  {}\n          {}",
            Printable(&finding.place),
            Printable(&finding.what)
        );
        for hint in &finding.hints {
            let _ = writeln!(text, "          next: {}", Printable(hint));
        }
    }
}

fn quotas(text: &mut String, paint: Paint, report: &Report) {
    if report.quotas.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "   {:<62} {:>7} {:>7} {:>8}",
        "quotas of the account", "needed", "used", "given"
    );
    for line in &report.quotas {
        let used = line.used.map_or("-".to_owned(), number);
        let short = line.used.unwrap_or_default() + line.needed > line.limit;
        let row = format!(
            "     {:<10} {:<49} {:>7} {used:>7} {:>8}",
            line.region,
            line.name,
            number(line.needed),
            number(line.limit)
        );
        let row = if short { paint.with("31", &row) } else { row };
        let _ = writeln!(text, "{row}");
    }
}

fn permissions(text: &mut String, paint: Paint, report: &Report) {
    let seen = &report.permissions;
    let count = seen.shown.len() + seen.simulated.len() + seen.unknown.len();
    if count == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "   permissions: {} shown by AWS, {} only simulated, {} unknown",
        seen.shown.len(),
        seen.simulated.len(),
        seen.unknown.len()
    );
    let list = |all: &std::collections::BTreeSet<String>| {
        let words: Vec<String> = all.iter().map(|l| Printable(l).to_string()).collect();
        words.join(", ")
    };
    for (word, all) in [("shown", &seen.shown), ("unknown", &seen.unknown)] {
        if !all.is_empty() {
            let _ = writeln!(text, "     {word}: {}", paint.dim(&list(all)));
        }
    }
    if seen.shown.is_empty() {
        let _ = writeln!(
            text,
            "     {}",
            paint.dim("a plan sends reads only; EC2's dry runs show more right before a run")
        );
    }
    let _ = writeln!(
        text,
        "     nobody sees beforehand: {}",
        paint.dim(&seen.blind.join("; "))
    );
}
