//! A server's users, changed by statements.

use super::super::server::Server;
use super::super::{Dialect, Rare};
use super::{Answer, master_only, write};

pub(super) fn no_user(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => format!("ERROR:  role \"{name}\" does not exist (SQLSTATE 42704)"),
        Dialect::Mysql => format!("ERROR 1396 (HY000): Operation failed for '{name}'@'%'"),
    }
}

pub(super) fn alter_user(
    server: &mut Server<'_>,
    name: &str,
    password: Option<&str>,
    login: Option<bool>,
) -> Answer<()> {
    let dialect = server.dialect();
    if name != server.user || login.is_some() {
        master_only(server, "alter role")?;
    }
    let Some(mut user) = server.contents.standing.users.get(name).cloned() else {
        return Err(no_user(dialect, name));
    };
    if let Some(password) = password {
        password.clone_into(&mut user.password);
    }
    user.login = login.unwrap_or(user.login);
    write(
        server,
        vec![Rare::User {
            name: name.to_owned(),
            user: Some(user),
        }],
    )
}
