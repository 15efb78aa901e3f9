//! psql's command line.

use super::call::{Call, port};
use super::known::Environment;

/// Reads psql's command line. What it does not know it refuses rather than ignores.
pub fn psql(words: &[String], environment: &Environment<'_>) -> Result<Call, String> {
    let variable = |name: &str| environment.get(name).to_owned();
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
