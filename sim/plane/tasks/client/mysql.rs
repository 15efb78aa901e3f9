//! mysql's command line.

use super::call::{Call, port};
use super::known::Environment;

/// Reads mysql's command line. What it does not know it refuses rather than ignores.
pub fn mysql(words: &[String], environment: &Environment<'_>) -> Result<Call, String> {
    let variable = |name: &str| environment.get(name).to_owned();
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
