//! What a probe asks its database. One place, so that the question before the move and the one after it are the same.

use std::collections::BTreeMap;

/// The database answers.
pub const ALIVE: &str = "alive";
/// A write that leaves nothing behind.
pub const WRITE: &str = "write";
/// The position in the database's own log.
pub const POSITION: &str = "position";
/// Every table, how many rows it has, and in PostgreSQL the sum of the transactions that wrote them.
pub const CONTENT: &str = "content";

/// What the probe of the source asks with its own path.
pub fn of_source(engine: &str) -> BTreeMap<String, String> {
    named(&[(POSITION, position(engine)), (CONTENT, content(engine))])
}

/// What is tried over the application's path.
pub fn of_fence() -> BTreeMap<String, String> {
    named(&[(WRITE, TEMPORARY)])
}

/// What is counted only while nothing is written.
pub fn settled() -> BTreeMap<String, String> {
    named(&[(CONTENT, POSITION)])
}

/// What the probe of the target asks; the manifest's own checks are added to it.
pub fn of_target(engine: &str) -> BTreeMap<String, String> {
    named(&[
        (ALIVE, "select 1"),
        (WRITE, TEMPORARY),
        (CONTENT, content(engine)),
    ])
}

fn named(questions: &[(&str, &str)]) -> BTreeMap<String, String> {
    questions
        .iter()
        .map(|(name, query)| ((*name).to_owned(), (*query).to_owned()))
        .collect()
}

/// A temporary table is gone with its session, and a read-only database refuses it.
const TEMPORARY: &str = "create temporary table drtool_write (n integer)";

fn position(engine: &str) -> &'static str {
    if speaks_postgres(engine) {
        "select pg_current_wal_lsn()"
    } else {
        "select @@global.gtid_executed"
    }
}

fn speaks_postgres(engine: &str) -> bool {
    matches!(engine, "postgres" | "aurora-postgresql")
}

/// Exact counts, not the planner's estimates: a lost row must show. So must a changed one: PostgreSQL keeps the number of
/// the transaction that wrote a row beside it, what is written later has a larger one, and a snapshot has the same ones.
/// If neither a table's count nor its sum has changed, nothing in it has.
///
/// MySQL has no such number, and no way to count tables by their names in one statement, so one is written from the
/// catalogue and executed. What `group_concat` makes is cut at 1 KB unless told otherwise; a list that was cut all the
/// same is no statement, and fails.
fn content(engine: &str) -> &'static str {
    if speaks_postgres(engine) {
        "select string_agg(table_name || '=' || (xpath('/row/n/text()', query_to_xml(format('select count(*) || ''/'' || \
         coalesce(sum(xmin::text::bigint), 0) as n from %I.%I', table_schema, table_name), false, true, '')))[1]::text, ',' \
         order by table_schema, table_name) from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
    } else {
        "set session group_concat_max_len = 16777216; \
         select concat('select concat_ws('','', ', coalesce(group_concat('concat(', quote(concat(table_name, '=')), \
         ', (select count(*) from `', replace(table_name, '`', '``'), '`))' order by table_name separator ', '), ''''''), ')') \
         from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE' into @counts; \
         prepare counts from @counts; execute counts"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aurora_database_is_asked_in_its_own_language() {
        assert_eq!(position("aurora-postgresql"), position("postgres"));
        assert_eq!(content("aurora-mysql"), content("mysql"));
        assert_ne!(content("aurora-postgresql"), content("mysql"));
    }
}
