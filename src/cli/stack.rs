//! Which stack: the manifest, its overlays, its capture and the runbook, found and read.

use std::path::{Path, PathBuf};

use clap::Args;
use drtool_engine::plan::Plan;

use crate::capture::Capture;
use crate::expand::facts::{Facts, Written};
use crate::expand::runbook::{self, Runbook};
use crate::failure::{Exit, Failure, Failures, Sources};
use crate::manifest::{self, File, Manifest, Region, yaml};
use crate::printable::Printable;

use super::{Shared, difference};

/// Which stack a command is about.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The manifest of this name in `manifests/`.
    #[arg(long, value_name = "NAME", conflicts_with = "manifest")]
    pub stack: Option<String>,
    /// A manifest anywhere.
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// What differs from the manifest: `NAME` means `manifests/STACK.NAME.yaml`. Repeatable; later ones lie over earlier ones.
    #[arg(long, value_name = "NAME")]
    pub overlay: Vec<String>,
}

/// Everything that a plan is made from.
pub struct Stack {
    pub sources: Sources,
    pub manifest: Manifest,
    pub path: PathBuf,
    pub overlays: Vec<String>,
}

impl Which {
    /// The manifests asked for: one, or all in `manifests/`.
    pub fn read(&self, shared: &Shared) -> Result<Vec<Stack>, Failures> {
        let paths = match (&self.manifest, &self.stack) {
            (Some(file), _) => vec![file.clone()],
            (None, Some(name)) => vec![named(shared, name)?],
            (None, None) => all(shared)?,
        };
        paths.into_iter().map(|path| self.stack_at(path)).collect()
    }

    /// The one manifest asked for. Several without a word which is a question, and there is nobody to ask.
    pub fn read_one(&self, shared: &Shared) -> Result<Stack, Failures> {
        let mut stacks = self.read(shared)?;
        match (stacks.pop(), stacks.is_empty()) {
            (Some(stack), true) => Ok(stack),
            (Some(last), false) => {
                let names: Vec<String> = stacks
                    .iter()
                    .chain([&last])
                    .map(|s| s.manifest.name.to_string())
                    .collect();
                Err(
                    Failure::input("E1091", format!("which stack? {}", names.join(", ")))
                        .hint("say `--stack NAME`")
                        .into(),
                )
            }
            (None, _) => Err(Failure::input(
                "E1092",
                format!(
                    "no manifest in {}",
                    shown(&shared.directory.join("manifests"))
                ),
            )
            .into()),
        }
    }

    /// The one manifest named by its file.
    pub fn read_alone(&self) -> Result<Stack, Failures> {
        match &self.manifest {
            Some(file) => self.stack_at(file.clone()),
            None => Err(Failure::input("E1091", "which manifest?").into()),
        }
    }

    fn stack_at(&self, path: PathBuf) -> Result<Stack, Failures> {
        let mut sources = Sources::default();
        let base = bytes(&path)?;
        let mut files = vec![];
        for overlay in &self.overlay {
            let path = beside(&path, &format!("{}.yaml", plain(overlay)?));
            files.push((shown(&path), bytes(&path)?));
        }
        let overlays: Vec<File<'_>> = files
            .iter()
            .map(|(name, bytes)| File { name, bytes })
            .collect();
        let manifest = manifest::load(
            &mut sources,
            &File {
                name: &shown(&path),
                bytes: &base,
            },
            &overlays,
        )?;
        Ok(Stack {
            sources,
            manifest,
            path,
            overlays: self.overlay.clone(),
        })
    }
}

impl Stack {
    /// The files that the manifest was read from, the topmost overlay last.
    fn files(&self) -> Vec<PathBuf> {
        let overlays = self.overlays.iter();
        let overlays = overlays.map(|name| beside(&self.path, &format!("{name}.yaml")));
        std::iter::once(self.path.clone()).chain(overlays).collect()
    }

    /// Notes in a plan what the manifest says today.
    pub fn note(&self, plan: &mut Plan) {
        let written = Written {
            files: self.files().iter().map(|path| shown(path)).collect(),
            manifest: serde_json::to_value(&self.manifest).unwrap_or_default(),
        };
        if let serde_json::Value::Object(facts) = &mut plan.facts {
            let written = serde_json::to_value(written).unwrap_or_default();
            facts.insert("written".to_owned(), written);
        }
    }

    /// Where the capture is: beside the manifest, an overlay's own first.
    pub fn capture_path(&self) -> PathBuf {
        let with_overlay = self
            .overlays
            .last()
            .map(|overlay| beside(&self.path, &format!("{overlay}.capture.json")));
        with_overlay
            .filter(|path| path.is_file())
            .unwrap_or_else(|| beside(&self.path, "capture.json"))
    }

    pub fn capture(&self) -> Result<Capture, Failures> {
        let path = self.capture_path();
        if !path.is_file() {
            let failure = Failure::input(
                "E1104",
                format!(
                    "{} has no capture ({})",
                    self.manifest.name.value,
                    shown(&path)
                ),
            );
            return Err(failure
                .hint("`drtool capture` writes one from the live stack")
                .into());
        }
        Ok(Capture::read(&shown(&path), &bytes(&path)?)?)
    }

    /// A runbook of `runbooks/`.
    pub fn runbook(&mut self, shared: &Shared, name: &str) -> Result<Runbook, Failures> {
        self.runbook_in(&shared.directory, name)
    }

    /// A runbook of `runbooks/` in a folder.
    pub fn runbook_in(&mut self, directory: &Path, name: &str) -> Result<Runbook, Failures> {
        let path = directory
            .join("runbooks")
            .join(format!("{}.yaml", plain(name)?));
        runbook::load(
            &mut self.sources,
            &File {
                name: &shown(&path),
                bytes: &bytes(&path)?,
            },
        )
    }
}

/// What has been changed in a plan's manifest since: nothing if the files are gone or nobody noted them.
pub fn edited(plan: &Plan) -> Option<(String, Vec<String>)> {
    let facts: Facts = serde_json::from_value(plan.facts.clone()).ok()?;
    let written = facts.written?;
    let mut texts = vec![];
    for file in &written.files {
        texts.push((file.clone(), bytes(Path::new(file)).ok()?));
    }
    let files: Vec<File<'_>> = texts
        .iter()
        .map(|(name, bytes)| File { name, bytes })
        .collect();
    let (base, overlays) = files.split_first()?;
    let names = written.files.join(" and ");
    match manifest::load(&mut Sources::default(), base, overlays) {
        Ok(now) => {
            let now = serde_json::to_value(&now).unwrap_or_default();
            let found = difference::fields("", &written.manifest, &now);
            (!found.is_empty()).then_some((names, found))
        }
        Err(failures) => Some((
            names,
            vec![format!("it cannot be read any more: {failures}")],
        )),
    }
}

/// `--to` as a region, and the only target where it is left out.
pub fn target(manifest: &Manifest, to: Option<&str>) -> Result<Region, Failures> {
    match to {
        Some(text) => Region::new(text).map_err(|why| {
            let (code, rest) = manifest::codes::leading(&why).unwrap_or(("E1028", &why));
            let (what, hint) = rest.split_once(" | ").unwrap_or((rest, ""));
            Failure::input(code, format!("--to: {what}"))
                .hint(hint)
                .into()
        }),
        None => {
            let known: Vec<&Region> = manifest.targets.keys().collect();
            match known.as_slice() {
                [only] => Ok((*only).clone()),
                _ => {
                    let words: Vec<&str> = known.iter().map(|r| r.as_str()).collect();
                    Err(Failure::input("E1031", "where to?")
                        .hint(format!("say `--to REGION`: {}", words.join(", ")))
                        .into())
                }
            }
        }
    }
}

fn named(shared: &Shared, name: &str) -> Result<PathBuf, Failures> {
    let path = shared
        .directory
        .join("manifests")
        .join(format!("{}.yaml", plain(name)?));
    if path.is_file() {
        return Ok(path);
    }
    let known: Vec<String> = all(shared)
        .unwrap_or_default()
        .iter()
        .filter_map(|p| p.file_stem()?.to_str().map(str::to_owned))
        .collect();
    let words: Vec<&str> = known.iter().map(String::as_str).collect();
    let failure = Failure::input("E1092", format!("there is no manifest {}", shown(&path)));
    Err(match manifest::typed::nearest(name, &words) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("stacks are: {}", words.join(", "))),
    }
    .into())
}

/// Every manifest in `manifests/`, without overlays and captures: those have a dot in their names.
fn all(shared: &Shared) -> Result<Vec<PathBuf>, Failures> {
    let folder = shared.directory.join("manifests");
    let entries = std::fs::read_dir(&folder).map_err(|error| {
        Failure::input(
            "E1092",
            format!("there are no manifests in {}", shown(&folder)),
        )
        .hint("run drtool where `manifests/` is, or say `--manifest FILE`")
        .cause(error)
    })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| {
            path.extension().is_some_and(|e| e == "yaml")
                && path
                    .file_stem()
                    .and_then(|s| s.to_str())
                    .is_some_and(|s| !s.contains('.'))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// A name that is used in a path: no way out of the folder.
fn plain(name: &str) -> Result<&str, Failure> {
    match manifest::Name::new(name) {
        Ok(_) => Ok(name),
        Err(_) => Err(
            Failure::input("E1040", format!("`{}` is not a name", Printable(name)))
                .hint("allowed: a lower-case letter, then up to 62 of a-z, 0-9 and -"),
        ),
    }
}

/// `stack.yaml` → `stack.ending`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    path.with_extension(ending)
}

/// The file's bytes, one more than allowed at most.
fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let failed = |error: std::io::Error| {
        Failure::input("E1093", format!("{} cannot be read", shown(path))).cause(error)
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(Failure::new(
            "E1093",
            Exit::Input,
            format!("{} is a folder", shown(path)),
        ));
    }
    let most = if path.extension().is_some_and(|e| e == "json") {
        16 * 1024 * 1024
    } else {
        yaml::LARGEST
    };
    let mut bytes = vec![];
    file.take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}
