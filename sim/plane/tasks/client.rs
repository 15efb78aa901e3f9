//! A container that runs SQL clients: it goes through its script, command by command, and logs what they write.

use super::shell::{Op, Quiet, Run};
use super::{Doing, Process, real_host, write_log};
use crate::clock::{MILLI, Nanos, SECOND};
use crate::plane::From;
use crate::services::ecs::Scope;
use crate::services::rds::{self, ConnectError, Login};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a command did.
struct Outcome {
    out: Vec<String>,
    errors: Vec<String>,
    status: i64,
    takes: Nanos,
}

impl Outcome {
    fn status(status: i64) -> Outcome {
        Outcome {
            out: vec![],
            errors: vec![],
            status,
            takes: 0,
        }
    }

    fn fails(line: String, status: i64, takes: Nanos) -> Outcome {
        Outcome {
            out: vec![],
            errors: vec![line],
            status,
            takes,
        }
    }
}

/// No script runs more commands than this without time passing.
const AT_ONCE: usize = 1_000;

/// Goes on with a script until time must pass; answers how much.
pub(super) fn go_on(
    world: &mut World,
    scope: &Scope,
    process: &mut Process,
    from: &From,
    mut run: Run,
) -> Option<Nanos> {
    if let Some((lines, status)) = run.pending.take()
        && let Some(code) = ended(world, scope, process, &mut run, &lines, status)
    {
        process.doing = Doing::Ends(code);
        return Some(MILLI);
    }
    let program = Arc::clone(&run.program);
    for _ in 0..AT_ONCE {
        let Some(op) = program.get(run.at) else {
            process.doing = Doing::Ends(run.status);
            return Some(MILLI);
        };
        match op {
            Op::Jump(to) => run.at = *to,
            Op::JumpIfFailed(to) => run.at = if run.status != 0 { *to } else { run.at + 1 },
            Op::JumpIfDone(to) => run.at = if run.status == 0 { *to } else { run.at + 1 },
            Op::SetStatus(status) => {
                run.status = *status;
                run.at += 1;
            }
            Op::Command { words, quiet, .. } => {
                let status = run.status;
                let value = |name: &str| match name {
                    "?" => status.to_string(),
                    name => run
                        .variables
                        .get(name)
                        .cloned()
                        .unwrap_or_else(|| process.variable(name).to_owned()),
                };
                let words: Vec<String> = words.iter().map(|w| w.expand(&value)).collect();
                if words.first().map(String::as_str) == Some("exit") {
                    let code = words
                        .get(1)
                        .and_then(|w| w.parse().ok())
                        .unwrap_or(run.status);
                    process.doing = Doing::Ends(code);
                    return Some(MILLI);
                }
                let outcome = execute(world, process, from, &mut run, &words);
                let lines = heard(outcome.out, outcome.errors, *quiet);
                if outcome.takes > 0 {
                    run.pending = Some((lines, outcome.status));
                    process.doing = Doing::Runs(run);
                    return Some(outcome.takes);
                }
                // A command that takes no time is followed by the next at once.
                if let Some(code) = ended(world, scope, process, &mut run, &lines, outcome.status) {
                    process.doing = Doing::Ends(code);
                    return Some(MILLI);
                }
            }
        }
    }
    // A script of such commands alone would stop the clock.
    process.doing = Doing::Runs(run);
    Some(SECOND)
}

/// A command has ended: its lines are written, and the next one's turn comes. Answers the script's end if this was it.
fn ended(
    world: &mut World,
    scope: &Scope,
    process: &Process,
    run: &mut Run,
    lines: &[String],
    status: i64,
) -> Option<i64> {
    for line in lines {
        write_log(world, scope, &process.log, line);
    }
    run.status = status;
    let looked_at = !matches!(
        run.program.get(run.at),
        Some(Op::Command { checked: false, .. })
    );
    run.at += 1;
    (status != 0 && !looked_at && run.strict).then_some(status)
}

fn heard(out: Vec<String>, errors: Vec<String>, quiet: Quiet) -> Vec<String> {
    let out = if quiet.out { vec![] } else { out };
    let errors = if quiet.errors { vec![] } else { errors };
    [out, errors].concat()
}

fn execute(
    world: &mut World,
    process: &Process,
    from: &From,
    run: &mut Run,
    words: &[String],
) -> Outcome {
    let name = words
        .first()
        .map(|w| w.rsplit('/').next().unwrap_or(w))
        .unwrap_or("");
    let rest = &words[1.min(words.len())..];
    match name {
        "true" | ":" => Outcome::status(0),
        "false" => Outcome::status(1),
        "echo" => Outcome {
            out: vec![rest.join(" ")],
            ..Outcome::status(0)
        },
        "sleep" => match rest.first().and_then(|w| seconds(w)) {
            Some(takes) => Outcome {
                takes: takes.max(MILLI),
                ..Outcome::status(0)
            },
            None => Outcome::fails(
                format!("sleep: invalid time interval '{}'", rest.join(" ")),
                1,
                0,
            ),
        },
        "set" => {
            for option in rest {
                match option.as_str() {
                    "-e" | "-eu" | "-ue" => run.strict = true,
                    "+e" => run.strict = false,
                    "-u" => {}
                    other => {
                        return Outcome::fails(
                            format!("set: {other}: not something that this image can run"),
                            127,
                            0,
                        );
                    }
                }
            }
            Outcome::status(0)
        }
        "export" => {
            for given in rest {
                if let Some((name, value)) = given.split_once('=') {
                    run.variables.insert(name.to_owned(), value.to_owned());
                }
            }
            Outcome::status(0)
        }
        "psql" | "mysql" => {
            // A client sees the container's environment and what was exported.
            let mut environment: BTreeMap<&str, &str> = process
                .environment
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            environment.extend(run.variables.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            let parsed = if name == "psql" {
                psql(rest, &environment)
            } else {
                mysql(rest, &environment)
            };
            match parsed {
                Ok(call) => call.run(world, from),
                Err(line) => Outcome::fails(line, 1, MILLI),
            }
        }
        _ => match words {
            // `NAME=value`
            [one] if assignment(one).is_some() => {
                if let Some((name, value)) = assignment(one) {
                    run.variables.insert(name.to_owned(), value.to_owned());
                }
                Outcome::status(0)
            }
            _ => Outcome::fails(format!("sh: {name}: not found"), 127, 0),
        },
    }
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let valid = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    valid.then_some((name, value))
}

fn seconds(word: &str) -> Option<Nanos> {
    let (number, unit) = match word.chars().last()? {
        's' => (&word[..word.len() - 1], 1.0),
        'm' => (&word[..word.len() - 1], 60.0),
        'h' => (&word[..word.len() - 1], 3_600.0),
        _ => (word, 1.0),
    };
    let number: f64 = number.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some((number * unit * SECOND as f64) as Nanos)
}

/// One call of a client program.
struct Call {
    is_psql: bool,
    host: String,
    port: u16,
    user: String,
    password: String,
    database: String,
    tls: bool,
    timeout: u64,
    commands: Vec<String>,
    /// Rows only, no footer.
    bare: bool,
    separator: String,
    application: String,
    stop_on_error: bool,
}

/// Reads psql's command line. What it does not know it refuses rather than ignores.
fn psql(words: &[String], environment: &BTreeMap<&str, &str>) -> Result<Call, String> {
    let variable = |name: &str| environment.get(name).copied().unwrap_or("").to_owned();
    let mut call = Call {
        is_psql: true,
        host: variable("PGHOST"),
        port: variable("PGPORT").parse().unwrap_or(5432),
        user: variable("PGUSER"),
        password: variable("PGPASSWORD"),
        database: variable("PGDATABASE"),
        tls: variable("PGSSLMODE") != "disable",
        timeout: variable("PGCONNECT_TIMEOUT").parse().unwrap_or(0),
        commands: vec![],
        bare: false,
        separator: "|".into(),
        application: match variable("PGAPPNAME").as_str() {
            "" => "psql".into(),
            name => name.into(),
        },
        stop_on_error: false,
    };
    let mut plain = vec![];
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (name, given) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let mut value = || {
                given
                    .clone()
                    .or_else(|| words.next().cloned())
                    .ok_or(format!("psql: option '--{name}' requires an argument"))
            };
            match name {
                "host" => call.host = value()?,
                "port" => call.port = port(&value()?)?,
                "username" => call.user = value()?,
                "dbname" => plain.insert(0, value()?),
                "command" => call.commands.push(value()?),
                "set" | "variable" => set(&mut call, &value()?),
                "field-separator" => call.separator = value()?,
                "tuples-only" => call.bare = true,
                "no-align" | "quiet" | "no-psqlrc" | "no-password" | "single-transaction"
                | "echo-errors" => {}
                _ => return Err(format!("psql: unrecognized option '--{name}'")),
            }
            continue;
        }
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            plain.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            let tail = &letters[at + letter.len_utf8()..];
            if "hpUdcvF".contains(letter) {
                let value = match tail {
                    "" => words
                        .next()
                        .cloned()
                        .ok_or(format!("psql: option requires an argument -- '{letter}'"))?,
                    tail => tail.to_owned(),
                };
                match letter {
                    'h' => call.host = value,
                    'p' => call.port = port(&value)?,
                    'U' => call.user = value,
                    'd' => plain.insert(0, value),
                    'c' => call.commands.push(value),
                    'F' => call.separator = value,
                    _ => set(&mut call, &value),
                }
                break;
            }
            match letter {
                't' => call.bare = true,
                'A' | 'q' | 'X' | 'w' | '1' | 'a' | 'b' => {}
                _ => return Err(format!("psql: invalid option -- '{letter}'")),
            }
        }
    }
    let mut plain = plain.into_iter();
    if let Some(database) = plain.next() {
        address(&mut call, &database)?;
    }
    if let Some(user) = plain.next() {
        call.user = user;
    }
    if call.database.is_empty() {
        call.database.clone_from(&call.user);
    }
    if call.commands.is_empty() {
        return Err("psql: no command was given with -c, and there is no terminal".into());
    }
    Ok(call)
}

fn set(call: &mut Call, assignment: &str) {
    if assignment == "ON_ERROR_STOP=1"
        || assignment == "ON_ERROR_STOP=on"
        || assignment == "ON_ERROR_STOP"
    {
        call.stop_on_error = true;
    }
}

fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("invalid port number: \"{text}\""))
}

/// A database name, a URI or a connection string.
fn address(call: &mut Call, given: &str) -> Result<(), String> {
    let uri = given
        .strip_prefix("postgresql://")
        .or_else(|| given.strip_prefix("postgres://"));
    if let Some(uri) = uri {
        let (main, query) = uri.split_once('?').unwrap_or((uri, ""));
        let (server, database) = main.split_once('/').unwrap_or((main, ""));
        let (user, server) = server
            .rsplit_once('@')
            .map_or(("", server), |(u, s)| (u, s));
        if !user.is_empty() {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            call.user = unescaped(name);
            if !password.is_empty() {
                call.password = unescaped(password);
            }
        }
        let (host, number) = server.rsplit_once(':').unwrap_or((server, ""));
        if !host.is_empty() {
            call.host = host.to_owned();
        }
        if !number.is_empty() {
            call.port = port(number)?;
        }
        if !database.is_empty() {
            call.database = unescaped(database);
        }
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            keyword(call, name, &unescaped(value))?;
        }
        return Ok(());
    }
    if given.contains('=') {
        for pair in given.split_whitespace() {
            let (name, value) = pair.split_once('=').ok_or(format!(
                "missing \"=\" after \"{pair}\" in connection info string"
            ))?;
            keyword(call, name, value.trim_matches('\''))?;
        }
        return Ok(());
    }
    call.database = given.to_owned();
    Ok(())
}

fn keyword(call: &mut Call, name: &str, value: &str) -> Result<(), String> {
    match name {
        "host" | "hostaddr" => call.host = value.into(),
        "port" => call.port = port(value)?,
        "user" => call.user = value.into(),
        "password" => call.password = value.into(),
        "dbname" => call.database = value.into(),
        "sslmode" => call.tls = value != "disable",
        "connect_timeout" => call.timeout = value.parse().unwrap_or(0),
        "application_name" => call.application = value.into(),
        "sslrootcert" | "options" | "target_session_attrs" | "keepalives" => {}
        _ => return Err(format!("psql: error: invalid connection option \"{name}\"")),
    }
    Ok(())
}

fn unescaped(text: &str) -> String {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: Vec<u8> = rest.by_ref().take(2).collect();
            let decoded = std::str::from_utf8(&hex)
                .ok()
                .and_then(|h| u8::from_str_radix(h, 16).ok());
            bytes.push(decoded.unwrap_or(b'?'));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn mysql(words: &[String], environment: &BTreeMap<&str, &str>) -> Result<Call, String> {
    let variable = |name: &str| environment.get(name).copied().unwrap_or("").to_owned();
    let mut call = Call {
        is_psql: false,
        host: variable("MYSQL_HOST"),
        port: 3306,
        user: variable("MYSQL_USER"),
        password: variable("MYSQL_PWD"),
        database: String::new(),
        tls: true,
        timeout: 0,
        commands: vec![],
        bare: true,
        separator: "\t".into(),
        application: "mysql".into(),
        stop_on_error: true,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, attached) = match word.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (long.to_owned(), None),
            },
            None => match word.strip_prefix('-') {
                Some(short) if !short.is_empty() => {
                    let (letter, tail) =
                        short.split_at(short.chars().next().map_or(0, char::len_utf8));
                    (
                        letter.to_owned(),
                        (!tail.is_empty()).then(|| tail.to_owned()),
                    )
                }
                _ => {
                    call.database.clone_from(word);
                    continue;
                }
            },
        };
        let mut value = || {
            attached
                .clone()
                .or_else(|| words.next().cloned())
                .ok_or(format!("mysql: option '{name}' requires an argument"))
        };
        match name.as_str() {
            "h" | "host" => call.host = value()?,
            "P" | "port" => call.port = port(&value()?)?,
            "u" | "user" => call.user = value()?,
            // A password is attached, or asked for at a terminal that is not there.
            "p" | "password" => call.password = attached.clone().unwrap_or_default(),
            "e" | "execute" => call.commands.push(value()?),
            "D" | "database" => call.database = value()?,
            "connect-timeout" | "connect_timeout" => call.timeout = value()?.parse().unwrap_or(0),
            "ssl-mode" => call.tls = !value()?.eq_ignore_ascii_case("disabled"),
            "N" | "B" | "s" | "NB" | "BN" | "batch" | "skip-column-names" | "silent" => {}
            _ => return Err(format!("mysql: [ERROR] unknown option '{word}'.")),
        }
    }
    if call.commands.is_empty() {
        return Err("mysql: no statement was given with -e, and there is no terminal".into());
    }
    Ok(call)
}

impl Call {
    fn run(&self, world: &mut World, from: &From) -> Outcome {
        let host = real_host(world, &self.host, from);
        let login = Login {
            from,
            host: &host,
            port: self.port,
            user: &self.user,
            password: &self.password,
            database: &self.database,
            tls: self.tls,
            application: &self.application,
        };
        let connection = match rds::open(world, &login) {
            Ok(connection) => connection,
            Err(error) => return self.not_connected(&error),
        };
        let mut outcome = Outcome {
            takes: 80 * MILLI,
            ..Outcome::status(0)
        };
        for sql in &self.commands {
            match rds::query_in(world, &connection.database, &self.user, &self.database, sql) {
                Ok(rows) => {
                    let count = rows.len();
                    outcome
                        .out
                        .extend(rows.iter().map(|row| row.join(&self.separator)));
                    if !self.bare {
                        outcome.out.push(format!(
                            "({count} row{})",
                            if count == 1 { "" } else { "s" }
                        ));
                    }
                    // psql's status is that of its last -c.
                    outcome.status = 0;
                }
                Err(error) => {
                    outcome.errors.push(error);
                    outcome.status = 1;
                    if self.stop_on_error {
                        outcome.status = if self.is_psql && self.commands.len() > 1 {
                            3
                        } else {
                            1
                        };
                        break;
                    }
                }
            }
        }
        rds::close(world, &connection);
        outcome
    }

    fn not_connected(&self, error: &ConnectError) -> Outcome {
        let silent = matches!(error, ConnectError::TimedOut(_));
        let takes = match (silent, self.timeout) {
            // The kernel gives up after about two minutes.
            (true, 0) => 130 * SECOND,
            (true, seconds) => seconds.max(2) * SECOND,
            (false, _) => 50 * MILLI,
        };
        let line = if self.is_psql {
            let prefix = format!(
                "connection to server at \"{}\", port {} failed: ",
                self.host, self.port
            );
            match error {
                ConnectError::NoSuchName(host) => {
                    format!(
                        "psql: error: could not translate host name \"{host}\" to address: Name or service not known"
                    )
                }
                ConnectError::TimedOut(_) => format!("psql: error: {prefix}timeout expired"),
                ConnectError::Refused => format!(
                    "psql: error: {prefix}Connection refused\n\tIs the server running on that host and accepting TCP/IP \
                     connections?"
                ),
                other => format!("psql: error: {prefix}FATAL:  {other}"),
            }
        } else {
            match error {
                ConnectError::NoSuchName(host) => {
                    format!("ERROR 2005 (HY000): Unknown MySQL server host '{host}' (-2)")
                }
                ConnectError::TimedOut(_) => {
                    format!(
                        "ERROR 2003 (HY000): Can't connect to MySQL server on '{}:{}' (110)",
                        self.host, self.port
                    )
                }
                ConnectError::Refused => {
                    format!(
                        "ERROR 2003 (HY000): Can't connect to MySQL server on '{}:{}' (111)",
                        self.host, self.port
                    )
                }
                other => other.to_string(),
            }
        };
        Outcome::fails(line, if self.is_psql { 2 } else { 1 }, takes)
    }
}
