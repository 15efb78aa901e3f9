//! What people see: the real binary, with its output, its errors and its exit status in one snapshot each.
//!
//! Every story has a folder of its own, in which the manifests lie and the state is kept. Times pass as in the sandbox; what
//! differs from run to run (hosts, hashes, how long something took) is blotted out.

mod answers;
mod bad;
mod interrupted;
mod moves;
mod wrong;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A folder as somebody would have it after a clone.
pub struct Desk {
    folder: PathBuf,
}

/// What was seen.
pub struct Seen {
    pub out: String,
    pub err: String,
    pub exit: i32,
}

impl Desk {
    pub fn new(story: &str) -> Desk {
        // Memory where there is such a file system: a sandbox syncs at every call.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = base.join(format!("drtool-story-{story}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (from, names) in [
            ("manifests", &["redmine.yaml", "redmine.capture.json"][..]),
            ("runbooks", &["migrate.yaml"][..]),
        ] {
            std::fs::create_dir_all(folder.join(from)).unwrap();
            for name in names {
                std::fs::copy(root.join(from).join(name), folder.join(from).join(name)).unwrap();
            }
        }
        Desk { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Changes the manifest's text.
    pub fn edit(&self, from: &str, to: &str) {
        let path = self.path("manifests/redmine.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drtool"));
        command
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", &self.folder)
            .env("USER", "operator")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &str) -> Seen {
        let output = self.command(arguments).output().unwrap();
        Seen {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().unwrap_or(-1),
        }
    }

    /// In the sandbox, as fast as it goes.
    pub fn sandbox(&self, arguments: &str) -> Seen {
        self.run(&format!("{arguments} --sandbox --sandbox-speed instant"))
    }

    /// Begins a command and leaves it running.
    pub fn start(&self, arguments: &str) -> Running<'_> {
        let child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running { desk: self, child }
    }

    /// The ids of the runs, the newest last.
    pub fn runs(&self) -> Vec<String> {
        let listed = self.run("runs --sandbox --json");
        assert_eq!(listed.exit, 0, "{}", listed.err);
        let id = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["run"].as_str().unwrap().to_owned()
        };
        listed.out.lines().map(id).collect()
    }

    pub fn journal(&self, run: &str) -> PathBuf {
        self.path(&format!(".drtool/sandbox/runs/{run}/journal.jsonl"))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A command that has not ended.
pub struct Running<'a> {
    desk: &'a Desk,
    child: Child,
}

impl Running<'_> {
    /// Until the newest run's journal holds `word`, or the command has ended.
    pub fn until(&mut self, word: &str) -> String {
        loop {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "it ended before `{word}`"
            );
            let folder = self.desk.path(".drtool/sandbox/runs");
            let runs = std::fs::read_dir(folder).into_iter().flatten();
            for run in runs.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
                let journal = std::fs::read_to_string(self.desk.journal(&run));
                if journal.is_ok_and(|text| text.contains(word)) {
                    return run;
                }
            }
            std::thread::yield_now();
        }
    }

    /// What it says first.
    pub fn first_line(&mut self) -> String {
        let mut line = vec![];
        let out = self.child.stdout.as_mut().unwrap();
        // Byte by byte: what comes after is read elsewhere.
        let mut byte = [0];
        while out.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let killed = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }

    /// The reader of its output goes away.
    pub fn hang_up(&mut self) {
        drop(self.child.stdout.take());
        drop(self.child.stderr.take());
    }

    pub fn end(self) -> Seen {
        let output = self.child.wait_with_output().unwrap();
        Seen {
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            exit: output.status.code().unwrap_or(-1),
        }
    }
}

impl Seen {
    /// Everything in one text, with what differs from run to run blotted out.
    pub fn page(&self) -> String {
        let mut page = format!("exit {}\n", self.exit);
        for (name, text) in [("out", &self.out), ("err", &self.err)] {
            if !text.is_empty() {
                page.push_str(&format!("-- {name}\n{}", blotted(text)));
            }
        }
        page
    }
}

/// `text` without hosts, hashes, instants and lengths of time.
pub fn blotted(text: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let mut words: Vec<String> = vec![];
        let mut given = line.split_whitespace().peekable();
        while let Some(word) = given.next() {
            let bare = word.trim_matches(|c: char| "(),:;".contains(c));
            let number = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
            let unit = given
                .peek()
                .map(|next| next.trim_matches(|c: char| "(),:;".contains(c)));
            if number && unit.is_some_and(|unit| ["s", "min", "h"].contains(&unit)) {
                let unit = given.next().unwrap();
                let tail = &unit[unit.trim_end_matches(|c: char| "(),:;".contains(c)).len()..];
                let opening = if word.starts_with('(') { "(" } else { "" };
                let whole = format!("{opening}…{tail}");
                // `34 min 12 s` is one length of time.
                match words.last_mut() {
                    Some(last) if last.ends_with('…') => last.push_str(tail),
                    _ => words.push(whole),
                }
            } else if bare.len() >= 12
                && bare.bytes().all(|b| b.is_ascii_hexdigit())
                && bare.bytes().any(|b| b.is_ascii_lowercase())
            {
                words.push(word.replace(bare, "<hash>"));
            } else if bare.len() >= 20 && bare.ends_with('Z') && bare.contains('T') {
                words.push(word.replace(bare, "<instant>"));
            } else if let Some((_, host)) = word.split_once("operator@") {
                let end = host.find(|c: char| !c.is_alphanumeric() && !"-._".contains(c));
                words.push(word.replace(&host[..end.unwrap_or(host.len())], "<host>"));
            } else {
                words.push(word.to_owned());
            }
        }
        lines.push(format!("{}{}", " ".repeat(indent.min(4)), words.join(" ")));
    }
    lines.join("\n") + "\n"
}
