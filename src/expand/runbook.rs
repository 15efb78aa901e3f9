//! The runbook as a person wrote it: phases, lines, what each needs. Positions are kept, so that every error points into it.
//!
//! Must not know: what a line expands to; that is each use's business.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Failures, Sources};
use crate::manifest::typed::{nearest, typed};
use crate::manifest::{API_VERSION, File, Located, Name, Span, yaml};
use crate::printable::Printable;

/// The order of things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Runbook {
    /// Always `drtool/v1`.
    pub api_version: Located<String>,
    /// Always `Runbook`.
    pub kind: Located<String>,
    pub name: Located<Name>,
    /// In the order in which they are shown; what waits for what is told by `needs`.
    pub phases: Vec<Located<Phase>>,
}

/// Lines that people see under one heading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    pub name: Located<Name>,
    pub title: String,
    pub steps: Vec<Located<Line>>,
}

/// One line: it stands for one step per AWS resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub id: Located<Name>,
    /// What it does: one of drtool's uses.
    #[serde(rename = "use")]
    pub uses: Located<String>,
    /// For people.
    pub summary: String,
    /// Once for each thing that the manifest lists there.
    #[serde(default)]
    pub for_each: Option<Located<List>>,
    /// Lines that are done before.
    #[serde(default)]
    pub needs: Vec<Located<Name>>,
    /// The manifest's answer to this question is asked for before it begins.
    #[serde(default)]
    pub confirm: Option<Located<Question>>,
    /// The longest that any of its steps may take.
    #[serde(default)]
    pub deadline: Option<Located<Span>>,
}

/// A list of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum List {
    Databases,
    Secrets,
    Parameters,
    Images,
    Services,
    Dns,
}

impl List {
    pub fn word(self) -> &'static str {
        match self {
            List::Databases => "databases",
            List::Secrets => "secrets",
            List::Parameters => "parameters",
            List::Images => "images",
            List::Services => "services",
            List::Dns => "dns",
        }
    }
}

/// A question to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    Cut,
}

impl Runbook {
    pub fn lines(&self) -> impl Iterator<Item = (&Located<Phase>, &Located<Line>)> {
        self.phases
            .iter()
            .flat_map(|phase| phase.steps.iter().map(move |line| (phase, line)))
    }

    pub fn line(&self, id: &str) -> Option<&Located<Line>> {
        self.lines()
            .map(|(_, line)| line)
            .find(|line| line.id.as_str() == id)
    }

    /// Every line that is done before `id`.
    pub fn before(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut ask = vec![id.to_owned()];
        while let Some(next) = ask.pop() {
            for need in self
                .line(&next)
                .map(|line| line.needs.as_slice())
                .unwrap_or_default()
            {
                if found.insert(need.as_str().to_owned()) {
                    ask.push(need.as_str().to_owned());
                }
            }
        }
        found
    }
}

/// Reads a runbook and checks what can be told without a manifest.
pub fn load(sources: &mut Sources, file: &File<'_>) -> Result<Runbook, Failures> {
    let tree = yaml::read(sources, file.name, file.bytes)?;
    let runbook: Runbook = typed(&tree, sources)?;
    let mut found = vec![];
    if runbook.api_version.value != API_VERSION {
        let message = format!(
            "apiVersion is `{}`; this drtool reads `{API_VERSION}`",
            Printable(&runbook.api_version.value)
        );
        found.push(Failure::input("E1021", message).at(sources, runbook.api_version.at, "here"));
    }
    if runbook.kind.value != "Runbook" {
        let message = format!(
            "kind is `{}`; a runbook is a `Runbook`",
            Printable(&runbook.kind.value)
        );
        found.push(Failure::input("E1021", message).at(sources, runbook.kind.at, "here"));
    }
    let mut first: BTreeMap<&str, &Located<Name>> = BTreeMap::new();
    for (_, line) in runbook.lines() {
        if let Some(earlier) = first.insert(line.id.as_str(), &line.id) {
            let failure = Failure::input(
                "E1017",
                format!("two lines are called `{}`", line.id.value),
            )
            .at(sources, earlier.at, "first here");
            found.push(failure.at(sources, line.id.at, "and again here"));
        }
    }
    for (_, line) in runbook.lines() {
        for need in &line.needs {
            if runbook.line(need.as_str()).is_none() {
                let known: Vec<&str> = first.keys().copied().collect();
                let failure = Failure::input(
                    "E1042",
                    format!("no line is called `{}`", need.value),
                )
                .at(sources, need.at, "needed here");
                found.push(match nearest(need.as_str(), &known) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure,
                });
            }
        }
    }
    if found.is_empty()
        && let Some(cycle) = cycle(&runbook)
    {
        let words: Vec<&str> = cycle.iter().map(|line| line.id.as_str()).collect();
        let mut failure = Failure::input(
            "E1043",
            format!(
                "these lines wait for each other: {} → {}",
                words.join(" → "),
                words[0]
            ),
        );
        for (index, line) in cycle.iter().enumerate() {
            let next = words[(index + 1) % words.len()];
            if let Some(need) = line.needs.iter().find(|need| need.as_str() == next) {
                failure = failure.at(
                    sources,
                    need.at,
                    format!("`{}` waits for `{next}`", line.id.value),
                );
            }
        }
        found.push(failure);
    }
    if found.is_empty() {
        Ok(runbook)
    } else {
        Err(Failures(found))
    }
}

/// The first circle of needs, each line followed by one that it waits for.
fn cycle(runbook: &Runbook) -> Option<Vec<&Located<Line>>> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for (_, line) in runbook.lines() {
        let mut path: Vec<&Located<Line>> = vec![];
        if let Some(circle) = walk(runbook, line, &mut path, &mut done) {
            return Some(circle);
        }
    }
    None
}

fn walk<'a>(
    runbook: &'a Runbook,
    line: &'a Located<Line>,
    path: &mut Vec<&'a Located<Line>>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a Located<Line>>> {
    if done.contains(line.id.as_str()) {
        return None;
    }
    if let Some(start) = path
        .iter()
        .position(|on| on.id.as_str() == line.id.as_str())
    {
        return Some(path[start..].to_vec());
    }
    path.push(line);
    for need in &line.needs {
        if let Some(next) = runbook.line(need.as_str())
            && let Some(circle) = walk(runbook, next, path, done)
        {
            return Some(circle);
        }
    }
    path.pop();
    done.insert(line.id.as_str());
    None
}
