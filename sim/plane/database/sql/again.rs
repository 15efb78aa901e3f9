//! Answers that come again: a probe asks the same questions for hours, and as long as nobody writes, what follows from a
//! database's contents alone is what it was.

use super::super::{Database, parse::Statement, server::Server};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

/// Answers that are remembered.
const REMEMBERED: usize = 32;

struct Answered {
    /// A write gives the contents another place, so that this one leads nowhere. It does not keep them alive.
    contents: Weak<Database>,
    user: String,
    database: String,
    sql: String,
    rows: Vec<Vec<String>>,
}

thread_local! {
    static ANSWERED: RefCell<VecDeque<Answered>> = const { RefCell::new(VecDeque::new()) };
}

/// The answer that the same question had from the same contents.
pub fn remembered(server: &Server<'_>, sql: &str) -> Option<Vec<Vec<String>>> {
    ANSWERED.with_borrow(|answered| {
        let same = |a: &&Answered| {
            std::ptr::eq(a.contents.as_ptr(), Arc::as_ptr(&server.contents))
                && a.contents.strong_count() > 0
                && a.sql == sql
                && a.user == server.user
                && a.database == server.database
        };
        answered.iter().find(same).map(|a| a.rows.clone())
    })
}

/// Remembers an answer, if nothing but the contents went into it.
pub fn remember(server: &Server<'_>, sql: &str, statements: &[Statement], rows: &[Vec<String>]) {
    let [Statement::Select(select)] = statements else {
        return;
    };
    if !select.into.is_empty() || !server.of_contents_alone() {
        return;
    }
    ANSWERED.with_borrow_mut(|answered| {
        answered.retain(|a| a.contents.strong_count() > 0);
        if answered.len() >= REMEMBERED {
            answered.pop_front();
        }
        answered.push_back(Answered {
            contents: Arc::downgrade(&server.contents),
            user: server.user.to_owned(),
            database: server.database.to_string(),
            sql: sql.to_owned(),
            rows: rows.to_vec(),
        });
    });
}
