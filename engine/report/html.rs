//! A run as one page: replayed from its journal, so an old run can be shown by a newer drtool. No script, nothing from outside;
//! every text from outside is escaped.

use std::time::Duration;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value as Json;

use super::figures::{Figures, figures};
use super::picture::phases;
use super::verdict::{self, judge};
use super::words::{Said, Tone, between, clean, duration, fault, milestone, outcome, say};
use crate::event::{Event, Record};
use crate::plan::Milestone;
use crate::state::{Illegal, Phase, RunState};

const STYLE: &str = "
:root{color-scheme:light dark;--line:#8884;--good:#2a7f3e;--warning:#a86400;--bad:#b3261e;--bar:#4573c4;--held:#8888}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td:first-child,th:first-child{overflow-wrap:anywhere;min-width:9rem}td.time{white-space:nowrap}.wide{overflow-x:auto}.wide svg{min-width:44rem}
.good{color:var(--good)}.warning{color:var(--warning)}.bad{color:var(--bad)}.detail{opacity:.6}
.figures{display:flex;flex-wrap:wrap;gap:1.5rem;margin:1rem 0}.figures div{border-left:3px solid var(--line);padding-left:.7rem}
.figures b{display:block;font-size:1.25rem}pre{white-space:pre-wrap;border-left:3px solid var(--bad);padding-left:.7rem}
svg{width:100%;height:auto;font:11px system-ui,sans-serif}svg text{fill:currentColor}code{font-size:.9em;overflow-wrap:anywhere}
.key span{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 1em}
@media(prefers-color-scheme:dark){:root{--good:#6fcf87;--warning:#e0a84a;--bad:#ff8a80;--bar:#7aa2f7}}
@media(max-width:40rem){body{margin:1rem auto}table,tbody,tr,td,th{display:block;border:0;padding:0}tr{border-bottom:1px solid var(--line);padding:.3rem 0}}
@media print{body{max-width:none;margin:0}tr{break-inside:avoid}.wide{overflow:visible}.wide svg{min-width:0}}
";

/// The page. The records are a whole journal's.
pub fn page(records: &[Record]) -> Result<String, Illegal> {
    let state = RunState::fold(records)?;
    let figures = figures(records, &state);
    let title = format!(
        "{} of {}: run {}",
        state.plan.profile.name, state.plan.stack, state.run
    );
    let ended = state.outcome.as_ref().map(outcome);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (clean(&title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (clean(&title)) }
                p {
                    @match &ended {
                        Some(said) => span class=(class(said.tone)) { (said.text) },
                        None => "under way, or its process died; `drtool resume` goes on",
                    }
                }
                (numbers(&figures))
                (objectives(&state, &figures))
                (faults(&state))
                h2 { "Timeline" }
                div.wide { (timeline(records, &state)) }
                (key())
                h2 { "Steps" }
                (steps(&state))
                (held(&state))
                h2 { "What happened" }
                (events(records, &state))
                h2 { "The plan" }
                (facts(&state))
                p.detail { "plan " code { (state.hash) } " · " (records.len()) " records" }
            }
        }
    };
    Ok(markup.into_string())
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Bad => "bad",
        Tone::Detail => "detail",
    }
}

fn numbers(figures: &Figures) -> Markup {
    let time = |time: Option<Duration>| time.map_or("not measured".to_owned(), duration);
    html! {
        div.figures {
            div { "whole time" b { (time(figures.took)) } }
            div { "downtime" b { (time(figures.downtime)) } }
            div { "recovery time" b { (time(figures.recovery_time)) } }
            div { "lost data" b { (time(figures.recovery_point)) } }
            div { "waited for people" b { (time(figures.asked)) } }
            div { "calls" b { (figures.calls) } (figures.refused) " refused, " (figures.unanswered) " unanswered" }
            div { "steps" b { (figures.made) " made" } (figures.found) " found, " (figures.held) " held" }
            div { "lives" b { (figures.lives) } }
        }
    }
}

fn objectives(state: &RunState, figures: &Figures) -> Markup {
    let judged = judge(&state.plan, figures);
    html! {
        @if !judged.is_empty() {
            h2 { "Objectives" }
            table {
                @for one in &judged {
                    @let said = verdict::say(one);
                    tr { th { (verdict::name(one.measure)) } td class=(class(said.tone)) { (said.text) } }
                }
            }
        }
    }
}

/// What this run did not do, so that nobody takes it for shown.
fn held(state: &RunState) -> Markup {
    let steps: Vec<_> = state.plan.steps.iter().filter(|step| step.hold).collect();
    html! {
        @if !steps.is_empty() {
            h2 { "Held: looked at, not done" }
            table { @for step in steps { tr { td { (clean(step.id.as_str())) } td { (clean(&step.title)) } } } }
        }
    }
}

fn facts(state: &RunState) -> Markup {
    html! {
        table {
            @if let Json::Object(members) = &state.plan.facts {
                @for (name, value) in members {
                    tr { th { (clean(name)) } td {
                        // Long lists are there for whoever looks for something, and in nobody else's way.
                        @if parts(value) > 6 {
                            details { summary { (parts(value)) " entries" } (fact(value)) }
                        } @else { (fact(value)) }
                    } }
                }
            }
            tr { th { "began" } td { (state.began) } }
            @if let Some(holder) = &state.holder {
                tr { th { "carried out by" } td { (clean(&holder.who)) " with " (clean(&holder.binary)) } }
            }
            @for approval in &state.plan.approvals {
                tr { th { "approved" } td { (clean(&approval.what)) " by " (clean(&approval.by)) ": " (clean(&approval.why)) } }
            }
        }
    }
}

/// How many single values a fact has.
fn parts(value: &Json) -> usize {
    match value {
        Json::Array(items) => items.iter().map(parts).sum(),
        Json::Object(members) => members.values().map(parts).sum(),
        _ => 1,
    }
}

/// A fact in one line; what has parts is told by its parts.
fn fact(value: &Json) -> Markup {
    html! {
        @match value {
            Json::String(text) => (clean(text)),
            Json::Array(items) => @for item in items { div { (fact(item)) } },
            Json::Object(members) => @for (name, inner) in members { div { (clean(name)) ": " (fact(inner)) } },
            other => (clean(&other.to_string())),
        }
    }
}

fn faults(state: &RunState) -> Markup {
    let faults: Vec<String> = state
        .steps()
        .iter()
        .filter_map(|step| step.fault.as_ref())
        .map(|said| fault(said).join("\n"))
        .collect();
    html! {
        @if !faults.is_empty() {
            h2 { "Errors" }
            @for text in &faults { pre { (text) } }
        }
    }
}

// The timeline, in units of the picture.
const WIDE: f64 = 1000.0;
const NAMES: f64 = 230.0;
const ROW: f64 = 16.0;
const TOP: f64 = 34.0;

/// When a step was under way, read from the records: a step can be so more than once.
fn spans(records: &[Record], state: &RunState) -> Vec<Vec<(Timestamp, Timestamp, Phase)>> {
    let mut spans = vec![Vec::new(); state.steps().len()];
    let mut open: Vec<Option<Timestamp>> = vec![None; state.steps().len()];
    for record in records {
        let Some(at) = record
            .event
            .step()
            .and_then(|step| state.graph.position(step))
        else {
            continue;
        };
        let ended = match record.event {
            Event::Started { .. } | Event::UndoIntended { .. } | Event::Intended { .. } => {
                open[at].get_or_insert(record.at);
                continue;
            }
            Event::Found { .. } => Phase::Found,
            Event::Made { .. } => Phase::Made,
            Event::Held { .. } => Phase::Held,
            Event::Failed { .. } => Phase::Failed,
            Event::Undone { .. } => Phase::Undone,
            Event::LeftBehind { .. } => Phase::Left,
            _ => continue,
        };
        let began = open[at].take().unwrap_or(record.at);
        spans[at].push((began, record.at, ended));
    }
    for (at, began) in open.into_iter().enumerate() {
        if let Some(began) = began {
            spans[at].push((began, state.now, state.steps()[at].phase));
        }
    }
    spans
}

fn timeline(records: &[Record], state: &RunState) -> Markup {
    let whole = between(state.began, state.now).as_secs_f64().max(1.0);
    let x = |at: Timestamp| {
        NAMES + between(state.began, at).as_secs_f64() / whole * (WIDE - NAMES - 10.0)
    };
    let spans = spans(records, state);
    let mut rows = Vec::new();
    for (phase, steps) in phases(state)
        .into_iter()
        .enumerate()
        .filter(|(_, steps)| !steps.is_empty())
    {
        let title = state
            .plan
            .phases
            .get(phase)
            .map_or("Other", |phase| phase.title.as_str());
        rows.push((clean(title), None));
        rows.extend(
            steps
                .into_iter()
                .map(|at| (clean(state.plan.steps[at].id.as_str()), Some(at))),
        );
    }
    let high = TOP + ROW * rows.len() as f64 + 10.0;
    let marks: Vec<(Milestone, Timestamp)> = state
        .milestones
        .iter()
        .map(|(milestone, (moment, _))| (*milestone, *moment))
        .collect();
    let lives = records
        .iter()
        .filter(|record| matches!(record.event, Event::Leased { epoch, .. } if epoch > 1));
    html! {
        svg viewBox=(format!("0 0 {WIDE} {high:.0}")) role="img" aria-label="timeline" {
            @for tick in 0..=4 {
                @let at = NAMES + f64::from(tick) / 4.0 * (WIDE - NAMES - 10.0);
                line x1=(px(at)) y1=(px(TOP - 6.0)) x2=(px(at)) y2=(px(high)) stroke="var(--line)" {}
                text x=(px(at)) y=(px(TOP - 20.0)) text-anchor=(if tick == 4 { "end" } else { "middle" }) {
                    (duration(Duration::from_secs_f64(whole * f64::from(tick) / 4.0)))
                }
            }
            @for (row, (name, step)) in rows.iter().enumerate() {
                @let y = TOP + ROW * row as f64;
                @if let Some(at) = step {
                    text x="12" y=(px(y + 11.0)) { (short(name)) }
                    @for (began, ended, phase) in &spans[*at] {
                        rect x=(px(x(*began))) y=(px(y + 3.0)) rx="2" height="10"
                            width=(px((x(*ended) - x(*began)).max(2.0))) fill=(colour(*phase)) {
                            title { (name) ": " (phase.word()) ", " (duration(between(*began, *ended))) }
                        }
                    }
                } @else {
                    text x="0" y=(px(y + 11.0)) font-weight="bold" { (name) }
                }
            }
            @for (reached, moment) in &marks {
                line x1=(px(x(*moment))) y1=(px(TOP - 14.0)) x2=(px(x(*moment))) y2=(px(high)) stroke="var(--bad)" stroke-dasharray="3 3" {
                    title { (milestone(*reached)) ": " (moment) }
                }
            }
            @for (at, words) in labels(&marks, x) {
                @let late = at > WIDE - ROOM;
                text x=(px(if late { at - 3.0 } else { at + 3.0 })) y=(px(TOP - 8.0)) text-anchor=(if late { "end" } else { "start" }) { (words) }
            }
            @for life in lives {
                line x1=(px(x(life.at))) y1=(px(TOP)) x2=(px(x(life.at))) y2=(px(high)) stroke="var(--warning)" {
                    title { "taken up again: " (life.at) }
                }
            }
        }
    }
}

/// The room that a label takes.
const ROOM: f64 = 90.0;

/// Where moments are named: those that lie close together by one label, in their order.
fn labels(marks: &[(Milestone, Timestamp)], x: impl Fn(Timestamp) -> f64) -> Vec<(f64, String)> {
    let mut marks: Vec<_> = marks
        .iter()
        .map(|(what, at)| (x(*at), word(*what)))
        .collect();
    marks.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut labels: Vec<(f64, String)> = vec![];
    for (at, what) in marks {
        match labels.last_mut() {
            Some((first, words)) if at - *first < ROOM => {
                words.push_str(" · ");
                words.push_str(what);
            }
            _ => labels.push((at, what.to_owned())),
        }
    }
    labels
}

/// What the colours say.
fn key() -> Markup {
    let colours = [
        (Phase::Made, "made"),
        (Phase::Found, "found as wanted"),
        (Phase::Held, "held"),
        (Phase::Undone, "taken back"),
        (Phase::Failed, "failed or left behind"),
    ];
    html! {
        p.key {
            @for (phase, word) in colours {
                span style=(format!("background:{}", colour(phase))) {}
                (word)
            }
        }
    }
}

fn px(at: f64) -> String {
    format!("{at:.1}")
}

fn short(name: &str) -> String {
    const MOST: usize = 34;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

fn word(milestone: Milestone) -> &'static str {
    match milestone {
        Milestone::Fenced => "fenced",
        Milestone::RecoveryPoint => "kept",
        Milestone::Proven => "proven",
        Milestone::Cut => "cut",
        Milestone::Serving => "serving",
    }
}

fn colour(phase: Phase) -> &'static str {
    match phase {
        Phase::Made | Phase::Intended | Phase::Began | Phase::Looking | Phase::Waiting => {
            "var(--bar)"
        }
        Phase::Found => "var(--good)",
        Phase::Held => "var(--held)",
        Phase::Failed | Phase::Left => "var(--bad)",
        Phase::Undone | Phase::Undoing => "var(--warning)",
    }
}

fn steps(state: &RunState) -> Markup {
    html! {
        table {
            tr { th { "step" } th { "" } th { "what" } th { "took" } th { "last call" } }
            @for (planned, step) in state.plan.steps.iter().zip(state.steps()) {
                tr {
                    td { (clean(planned.id.as_str())) }
                    td class=(match step.phase {
                        Phase::Failed | Phase::Left => "bad",
                        Phase::Found | Phase::Made => "good",
                        _ => "plain",
                    }) { (step.phase.word()) }
                    td {
                        (clean(&planned.title))
                        @if let Some((why, instead)) = &step.left { div.bad { (clean(why)) "; instead: " (clean(instead)) } }
                    }
                    td.time { @if let (Some(began), Some(ended)) = (step.started, step.ended) { (duration(between(began, ended))) } }
                    td { @if let Some(call) = &step.call { code { (clean(&call.service)) " " (clean(&call.operation)) } } }
                }
            }
        }
    }
}

fn events(records: &[Record], state: &RunState) -> Markup {
    html! {
        details {
            summary { "Every event" }
            table {
                @for record in records {
                    @if let Some(Said { tone, text }) = say(record) {
                        tr class=(class(tone)) {
                            td.time { (duration(between(state.began, record.at))) }
                            td { @if let Some(step) = record.event.step() { (clean(step.as_str())) } }
                            td { (text) }
                        }
                    }
                }
            }
        }
    }
}
