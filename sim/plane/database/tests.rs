//! What a database's contents promise.

use super::*;
use crate::clock::SECOND;

fn database() -> Database {
    let mut database = Database::new(Dialect::Postgres, "15.8", 7, "server".into(), 0);
    database.set_password(0, "master", "secret-1");
    database
}

#[test]
fn an_instant_holds_exactly_what_was_committed_until_then() {
    let mut database = database();
    for number in 1..=2_000 {
        database.write_entry(
            number * SECOND,
            if number % 2 == 0 { "even" } else { "odd" },
            number,
        );
    }
    for at in [0, 1, 511, 512, 513, 1_024, 1_999, 2_000, 5_000] {
        let then = database.at(at * SECOND);
        let rows = then.history.rows();
        let count: usize = rows.values().map(Vec::len).sum();
        assert_eq!(count as u64, at.min(2_000), "at {at}");
        assert_eq!(
            then.history.len(),
            count + 1,
            "the password is a change too"
        );
    }
}

#[test]
fn a_copy_is_not_touched_by_later_writes_and_keeps_the_password_of_its_instant() {
    let mut database = database();
    database.write_entry(SECOND, "user", 1);
    let copy = database.at(SECOND);
    database.write_entry(2 * SECOND, "user", 2);
    database.set_password(2 * SECOND, "master", "secret-2");
    assert_eq!(copy.history.rows()["user"], [1]);
    assert_eq!(copy.standing.users["master"].password, "secret-1");
    assert_eq!(database.at(SECOND), copy);
}

#[test]
fn the_log_position_only_grows_also_on_an_idle_server_and_over_a_branch() {
    let mut database = database();
    let mut last = 0;
    for second in 0..2_000 {
        if second % 7 == 0 {
            database.write_entry(second * SECOND, "user", second);
        }
        let now = database.position_at(second * SECOND);
        assert!(now >= last, "at {second}");
        last = now;
    }
    assert!(database.position_at(4_000 * SECOND) > last);
    let branch = database
        .at(1_000 * SECOND)
        .branch("other".into(), 5_000 * SECOND);
    assert!(branch.position_at(5_000 * SECOND) > database.position_at(1_000 * SECOND));
    assert_eq!((branch.timeline, branch.system), (2, 7));
}

#[test]
fn transactions_keep_the_identity_of_the_server_that_made_them() {
    let mut first = Database::new(Dialect::Mysql, "8.0.41", 7, "first".into(), 0);
    for number in 0..3 {
        first.write_entry(number, "user", number);
    }
    let mut second = first.branch("second".into(), 10);
    second.write_entry(11, "user", 3);
    assert_eq!(second.authors(4), [("first", 3), ("second", 1)]);
    assert_eq!(second.authors(2), [("first", 2)]);
}

#[test]
fn every_connection_has_its_own_number() {
    let mut sessions = Sessions::default();
    let session = Session {
        user: "u".into(),
        database: "d".into(),
        application: String::new(),
        flow: None,
        address: String::new(),
        since: 0,
        tls: true,
    };
    let (a, b) = (sessions.add(session.clone()), sessions.add(session));
    assert_ne!(a, b);
    assert_eq!(sessions.open.len(), 2);
}
