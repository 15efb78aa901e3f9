//! SQL, as checks ask it.

use super::*;

fn postgres() -> Ground {
    let mut ground = Ground::new();
    ground.ready("db", json!({}));
    ground
}

fn mysql() -> Ground {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t3.micro", "Engine": "mysql", "EngineVersion": "8.0",
        "AllocatedStorage": 20, "MasterUsername": "redmine", "MasterUserPassword": "correct-horse", "DBName": "vikunja",
        "DBSubnetGroupName": "isolated", "PubliclyAccessible": false,
    }));
    ground.until(SOURCE, "db", "available");
    ground
}

fn rows(list: &[&[&str]]) -> Result<Vec<Vec<String>>, String> {
    Ok(list
        .iter()
        .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
        .collect())
}

#[test]
fn a_postgres_server_tells_what_it_is() {
    let mut ground = postgres();
    for (sql, answer) in [
        ("SELECT 1", "1"),
        ("select 1 + 2 * 3 as x;", "7"),
        ("select pg_is_in_recovery()", "f"),
        ("select not pg_is_in_recovery()", "t"),
        ("select current_database()", "redmine_production"),
        ("select current_user", "redmine"),
        ("show transaction_read_only", "off"),
        ("show server_version", "15.12"),
        (
            "select current_setting('server_version_num')::int >= 150000",
            "t",
        ),
        ("show rds.force_ssl", "on"),
        ("select pg_last_wal_replay_lsn() is null", "t"),
        (
            "select (pg_control_system()).system_identifier = system_identifier from pg_control_system()",
            "t",
        ),
        ("select timeline_id from pg_control_checkpoint()", "1"),
        ("select inet_server_addr() <> ''", "t"),
        ("select coalesce(null, 'x')", "x"),
        ("select 'it''s' || ' ok'", "it's ok"),
        ("select pg_wal_lsn_diff('0/20', '0/10')", "16"),
        ("select '0/20'::pg_lsn - '0/10'::pg_lsn", "16"),
        (
            "select exists(select 1 from pg_database where datname = 'redmine_production')",
            "t",
        ),
        ("select pg_is_in_recovery()::text", "false"),
        ("-- a remark\nselect /* another */ 5", "5"),
    ] {
        assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&[answer]]), "{sql}");
    }
    let version = ground.query(SOURCE, "db", "select version()").unwrap()[0][0].clone();
    assert!(
        version.starts_with("PostgreSQL 15.12 on aarch64"),
        "{version}"
    );
    let two = ground
        .query(
            SOURCE,
            "db",
            "select pg_is_in_recovery(), pg_current_wal_lsn() as lsn",
        )
        .unwrap();
    assert!(two[0][0] == "f" && two[0][1].contains('/'), "{two:?}");
}

#[test]
fn the_log_position_grows_with_writes_and_never_shrinks() {
    let mut ground = postgres();
    let at = "select pg_current_wal_lsn() - '0/0'::pg_lsn, txid_current()";
    let read = |ground: &mut Ground| -> Vec<u64> {
        ground.query(SOURCE, "db", at).unwrap()[0]
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect()
    };
    let before = read(&mut ground);
    assert_eq!(read(&mut ground), before);
    ground.write(SOURCE, "db", 1).unwrap();
    let after = read(&mut ground);
    assert!(after[0] > before[0] && after[1] == before[1] + 1);
}

#[test]
fn what_users_wrote_can_be_counted() {
    let mut ground = postgres();
    let missing = ground
        .query(SOURCE, "db", "select count(*) from entries")
        .unwrap_err();
    assert_eq!(
        missing,
        "ERROR:  relation \"entries\" does not exist (SQLSTATE 42P01)"
    );
    let at = ground.at(SOURCE, "db");
    for number in 1..=5 {
        crate::services::rds::write_row(&mut ground.world, &at, "a", number).unwrap();
    }
    crate::services::rds::write_row(&mut ground.world, &at, "b", 3).unwrap();
    let sql = "select count(*), max(number), count(distinct client) from entries";
    assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&["6", "5", "2"]]));
    let sql = "select client, max(number) as last from entries group by client order by last desc limit 1";
    assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&["a", "5"]]));
    let sql = "select coalesce(max(number), 0) from entries where client = 'nobody'";
    assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&["0"]]));
    let sql = "select count(*) from entries where client in ('a', 'b') and number between 2 and 3";
    assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&["3"]]));
}

#[test]
fn simple_tables_are_made_filled_changed_and_dropped() {
    let mut ground = postgres();
    let create =
        "create table if not exists marks (run text primary key, number bigint not null default 0)";
    for _ in 0..2 {
        ground.query(SOURCE, "db", create).unwrap();
    }
    ground
        .query(
            SOURCE,
            "db",
            "insert into marks (run) values ('r1'); insert into marks values ('r2', 7)",
        )
        .unwrap();
    let twice = ground
        .query(SOURCE, "db", "insert into marks values ('r1', 1)")
        .unwrap_err();
    assert!(twice.contains("23505"), "{twice}");
    ground
        .query(
            SOURCE,
            "db",
            "insert into marks values ('r1', 1) on conflict do nothing",
        )
        .unwrap();
    ground
        .query(
            SOURCE,
            "db",
            "update marks set number = number + 1 where run = 'r2'",
        )
        .unwrap();
    assert_eq!(
        ground.query(SOURCE, "db", "select * from marks order by run"),
        rows(&[&["r1", "0"], &["r2", "8"]])
    );
    ground
        .query(SOURCE, "db", "delete from marks where number = 0")
        .unwrap();
    assert_eq!(
        ground.query(SOURCE, "db", "select run from marks"),
        rows(&[&["r2"]])
    );
    assert_eq!(
        ground.query(
            SOURCE,
            "db",
            "select tablename from pg_tables where schemaname = 'public'"
        ),
        rows(&[&["marks"]])
    );
    ground.query(SOURCE, "db", "drop table marks").unwrap();
    assert!(
        ground
            .query(SOURCE, "db", "drop table marks")
            .unwrap_err()
            .contains("42P01")
    );
    ground
        .query(SOURCE, "db", "drop table if exists marks")
        .unwrap();
}

#[test]
fn a_marker_row_travels_with_a_snapshot() {
    let mut ground = postgres();
    ground
        .query(SOURCE, "db", "create table marks (run text)")
        .unwrap();
    ground
        .query(SOURCE, "db", "insert into marks values ('one')")
        .unwrap();
    ground.write(SOURCE, "db", 1).unwrap();
    let written = [
        "select xmin from marks where run = 'one'",
        "select xmin from entries where number = 1",
    ];
    let by = written.map(|sql| ground.query(SOURCE, "db", sql).unwrap());
    assert_ne!(by[0], by[1]);
    ground.ok(
        SOURCE,
        "CreateDBSnapshot",
        json!({ "DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snap" }),
    );
    ground.until_snapshot(SOURCE, "snap", "available");
    ground
        .query(SOURCE, "db", "insert into marks values ('two')")
        .unwrap();
    ground.ok(SOURCE, "RestoreDBInstanceFromDBSnapshot", json!({
        "DBInstanceIdentifier": "copy", "DBSnapshotIdentifier": "snap", "DBSubnetGroupName": "isolated",
    }));
    ground.until(SOURCE, "copy", "available");
    assert_eq!(
        ground.query(SOURCE, "copy", "select run from marks"),
        rows(&[&["one"]])
    );
    let same = written.map(|sql| ground.query(SOURCE, "copy", sql).unwrap());
    assert_eq!(
        same, by,
        "the transactions that wrote the rows travel as well"
    );
    assert_eq!(
        ground.query(
            SOURCE,
            "copy",
            "select timeline_id from pg_control_checkpoint()"
        ),
        rows(&[&["2"]])
    );
}

#[test]
fn what_is_not_understood_is_an_error_with_an_sqlstate() {
    let mut ground = postgres();
    for (sql, state) in [
        ("selekt 1", "42601"),
        ("select", "42601"),
        ("select 1 1", "42601"),
        ("select 'open", "42601"),
        ("select nothing()", "42883"),
        ("select nothing", "42703"),
        ("select * from nothing", "42P01"),
        ("show nothing", "42704"),
        ("select 1/0", "22012"),
        ("select 'x'::int", "22P02"),
        (
            "select a.x from pg_database a join pg_roles b on true",
            "0A000",
        ),
        ("begin", "0A000"),
        ("grant all on entries to x", "0A000"),
        ("create index on entries (client)", "0A000"),
        ("drop role nobody", "42704"),
        ("select case when true then 1 end", "0A000"),
        ("show max_connections", "0A000"),
        ("insert into nothing values (1)", "42P01"),
        ("create table x (y money)", "42704"),
    ] {
        let error = ground.query(SOURCE, "db", sql).expect_err(sql);
        assert!(
            error.contains(&format!("(SQLSTATE {state})")),
            "{sql}: {error}"
        );
    }
}

#[test]
fn a_connection_lives_through_a_change_of_groups_and_ends_when_it_is_terminated() {
    let mut ground = postgres();
    ground.unfilter(SOURCE, "db");
    let from = ground.client(SOURCE);
    let host = ground.instance(SOURCE, "db")["Endpoint"]["Address"]
        .as_str()
        .unwrap()
        .to_owned();
    let login = Login {
        from: &from,
        host: &host,
        port: 5432,
        user: "redmine",
        password: "correct-horse",
        database: "redmine_production",
        tls: true,
        application: "puma",
    };
    let open = crate::services::rds::open(&mut ground.world, &login).unwrap();
    crate::services::rds::write_in_session(&mut ground.world, &open, "user-1", 1).unwrap();
    // The default group lets nothing in from elsewhere: new connections fail, the open one goes on.
    ground.ok(
        SOURCE,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "db", "VpcSecurityGroupIds": ["sg-vpc-a"] }),
    );
    assert!(matches!(
        crate::services::rds::connect(&ground.world, &login),
        Err(ConnectError::TimedOut(_))
    ));
    crate::services::rds::write_in_session(&mut ground.world, &open, "user-1", 2).unwrap();
    let count = "select count(*) from pg_stat_activity where application_name = 'puma' and usename = 'redmine'";
    assert_eq!(ground.query(SOURCE, "db", count), rows(&[&["1"]]));
    let end =
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'puma'";
    assert_eq!(ground.query(SOURCE, "db", end), rows(&[&["t"]]));
    assert!(crate::services::rds::write_in_session(&mut ground.world, &open, "user-1", 3).is_err());
    assert_eq!(ground.query(SOURCE, "db", count), rows(&[&["0"]]));
    assert_eq!(ground.rows(SOURCE, "db"), [1, 2]);
    let refused = ground.query(
        SOURCE,
        "db",
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rdsadmin'",
    );
    assert!(refused.unwrap_err().contains("42501"));
}

#[test]
fn in_mysql_user_without_brackets_is_a_column() {
    let mut ground = mysql();
    let sql = "select user from information_schema.processlist order by id";
    assert_eq!(
        ground.query(SOURCE, "db", sql),
        rows(&[&["rdsadmin"], &["redmine"]])
    );
    assert_eq!(
        ground.query(SOURCE, "db", "select user(), current_user"),
        rows(&[&["redmine@%", "redmine@%"]])
    );
}

#[test]
fn users_are_made_locked_out_and_given_other_passwords() {
    let mut ground = postgres();
    ground.unfilter(SOURCE, "db");
    ground
        .query(
            SOURCE,
            "db",
            "create role app with login password 'app-secret'",
        )
        .unwrap();
    let from = ground.client(SOURCE);
    let host = ground.instance(SOURCE, "db")["Endpoint"]["Address"]
        .as_str()
        .unwrap()
        .to_owned();
    let login = |ground: &Ground, password: &str, tls: bool| {
        let login = Login {
            from: &from,
            host: &host,
            port: 5432,
            user: "app",
            password,
            database: "redmine_production",
            tls,
            application: "",
        };
        crate::services::rds::connect(&ground.world, &login).map(|_| ())
    };
    assert_eq!(login(&ground, "app-secret", true), Ok(()));
    assert!(matches!(
        login(&ground, "app-secret", false),
        Err(ConnectError::TlsRequired(_))
    ));
    ground
        .query(SOURCE, "db", "alter role app password 'other-one'")
        .unwrap();
    assert!(matches!(
        login(&ground, "app-secret", true),
        Err(ConnectError::Denied(_))
    ));
    ground
        .query(SOURCE, "db", "alter role app nologin")
        .unwrap();
    assert!(matches!(
        login(&ground, "other-one", true),
        Err(ConnectError::Denied(_))
    ));
    let at = ground.at(SOURCE, "db");
    assert!(crate::services::rds::query(&mut ground.world, &at, "app", "select 1").is_err());
}

#[test]
fn the_same_question_is_answered_anew_when_something_was_written_or_time_has_passed() {
    let mut ground = postgres();
    let count = "select count(*) from entries";
    ground.write(SOURCE, "db", 1).unwrap();
    for _ in 0..2 {
        assert_eq!(ground.query(SOURCE, "db", count), rows(&[&["1"]]));
    }
    ground.write(SOURCE, "db", 2).unwrap();
    assert_eq!(ground.query(SOURCE, "db", count), rows(&[&["2"]]));
    let mut fork = ground.world.fork();
    ground.write(SOURCE, "db", 3).unwrap();
    assert_eq!(ground.query(SOURCE, "db", count), rows(&[&["3"]]));
    let at = ground.at(SOURCE, "db");
    assert_eq!(
        crate::services::rds::query(&mut fork, &at, "redmine", count),
        rows(&[&["2"]]),
        "another world has contents of its own"
    );
    let now = "select now()";
    let then = ground.query(SOURCE, "db", now).unwrap();
    let later = ground.world.now() + 2 * crate::clock::SECOND;
    ground.world.advance_to(later);
    assert_ne!(ground.query(SOURCE, "db", now).unwrap(), then);
    let xml = "select query_to_xml('select now() as now', false, true, '')";
    let then = ground.query(SOURCE, "db", xml).unwrap();
    ground.world.advance_to(later + 2 * crate::clock::SECOND);
    assert_ne!(ground.query(SOURCE, "db", xml).unwrap(), then);
}

#[test]
fn a_database_told_to_be_read_only_takes_no_writes() {
    let mut ground = postgres();
    ground.write(SOURCE, "db", 1).unwrap();
    ground
        .query(
            SOURCE,
            "db",
            "alter database redmine_production set default_transaction_read_only = on",
        )
        .unwrap();
    assert!(ground.write(SOURCE, "db", 2).unwrap_err().contains("25006"));
    assert!(
        ground
            .query(SOURCE, "db", "create table x (y int)")
            .unwrap_err()
            .contains("25006")
    );
    assert_eq!(
        ground.query(SOURCE, "db", "show transaction_read_only"),
        rows(&[&["on"]])
    );
    ground
        .query(
            SOURCE,
            "db",
            "alter database redmine_production set default_transaction_read_only to off",
        )
        .unwrap();
    ground.write(SOURCE, "db", 3).unwrap();
    assert_eq!(ground.rows(SOURCE, "db"), [1, 3]);
}

#[test]
fn a_mysql_server_speaks_its_own_dialect() {
    let mut ground = mysql();
    for (sql, answer) in [
        ("SELECT 1", "1"),
        ("select version()", "8.0.41"),
        ("select @@version", "8.0.41"),
        ("select @@read_only", "0"),
        ("select @@global.read_only as `read only`", "0"),
        ("select @@gtid_executed", ""),
        ("select @@innodb_read_only", "0"),
        ("select database()", "vikunja"),
        ("select @@port", "3306"),
        ("select 7 / 2", "3.5"),
        ("select ifnull(null, \"x\")", "x"),
        (
            "select count(*) from information_schema.schemata where schema_name = 'vikunja'",
            "1",
        ),
    ] {
        assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&[answer]]), "{sql}");
    }
    let uuid = ground.query(SOURCE, "db", "select @@server_uuid").unwrap()[0][0].clone();
    assert_eq!(uuid.len(), 36);
    assert_eq!(
        ground.query(SOURCE, "db", "show variables like 'read_only'"),
        rows(&[&["read_only", "OFF"]])
    );
    assert_eq!(
        ground.query(SOURCE, "db", "show variables like 'nothing'"),
        rows(&[])
    );
    assert!(
        ground.query(SOURCE, "db", "show master status").unwrap()[0][0]
            .starts_with("mysql-bin-changelog.")
    );
    for (sql, number) in [
        ("selekt 1", "1064"),
        ("select @@nothing", "1193"),
        ("select * from nothing", "1146"),
        ("select nothing()", "1305"),
        ("show nothing", "1064"),
        ("kill 1", "1094"),
    ] {
        let error = ground.query(SOURCE, "db", sql).expect_err(sql);
        assert!(
            error.starts_with(&format!("ERROR {number} (")),
            "{sql}: {error}"
        );
    }
    ground
        .query(
            SOURCE,
            "db",
            "create table `marks` (id int primary key, name varchar(20))",
        )
        .unwrap();
    ground
        .query(
            SOURCE,
            "db",
            "insert ignore into marks values (1, 'a'), (1, 'b')",
        )
        .unwrap();
    assert_eq!(
        ground.query(
            SOURCE,
            "db",
            "select count(*) from marks where name like 'A%'"
        ),
        rows(&[&["1"]])
    );
    assert_eq!(
        ground.query(SOURCE, "db", "show tables"),
        rows(&[&["marks"]])
    );
}

#[test]
fn gtids_are_kept_where_they_are_switched_on() {
    let mut ground = Ground::new();
    ground.ok(SOURCE, "CreateDBParameterGroup", json!({
        "DBParameterGroupName": "gtid", "DBParameterGroupFamily": "mysql8.0", "Description": "gtid",
    }));
    ground.ok(SOURCE, "ModifyDBParameterGroup", json!({
        "DBParameterGroupName": "gtid",
        "Parameters": [{ "ParameterName": "gtid-mode", "ParameterValue": "ON", "ApplyMethod": "pending-reboot" }],
    }));
    ground.ok(SOURCE, "CreateDBInstance", json!({
        "DBInstanceIdentifier": "db", "DBInstanceClass": "db.t3.micro", "Engine": "mysql", "AllocatedStorage": 20,
        "EngineVersion": "8.0", "MasterUsername": "redmine", "MasterUserPassword": "correct-horse",
        "DBSubnetGroupName": "isolated", "DBParameterGroupName": "gtid",
    }));
    ground.until(SOURCE, "db", "available");
    ground.write(SOURCE, "db", 1).unwrap();
    let uuid = ground.query(SOURCE, "db", "select @@server_uuid").unwrap()[0][0].clone();
    assert_eq!(
        ground.query(SOURCE, "db", "select @@gtid_executed"),
        rows(&[&[&format!("{uuid}:1-2")]])
    );
}

#[test]
fn every_table_is_counted_by_one_question() {
    let mut ground = postgres();
    let sql = "select string_agg(table_name || '=' || (xpath('/row/n/text()', query_to_xml(format('select count(*) || ''/'' || \
               coalesce(sum(xmin::text::bigint), 0) as n from %I.%I', table_schema, table_name), false, true, '')))[1]::text, ',' order by table_schema, table_name) from \
               information_schema.tables where table_schema not in ('pg_catalog', 'information_schema') and table_type = \
               'BASE TABLE'";
    assert_eq!(ground.query(SOURCE, "db", sql), rows(&[&[""]]));
    ground.write(SOURCE, "db", 1).unwrap();
    ground
        .query(
            SOURCE,
            "db",
            "create table \"Odd Name\" (x int); insert into \"Odd Name\" values (1), (2)",
        )
        .unwrap();
    assert_eq!(
        ground.query(SOURCE, "db", sql),
        rows(&[&["Odd Name=2/1510,entries=1/753"]])
    );
    ground
        .query(SOURCE, "db", "update \"Odd Name\" set x = 3 where x = 2")
        .unwrap();
    assert_eq!(
        ground.query(SOURCE, "db", sql),
        rows(&[&["Odd Name=2/1511,entries=1/753"]]),
        "a changed row shows"
    );
}

#[test]
fn a_row_tells_which_transaction_wrote_it_to_whoever_asks() {
    let mut ground = postgres();
    let mut ask = |sql: &str| ground.query(SOURCE, "db", sql);
    ask("create table t (n int); insert into t values (1), (2)").unwrap();
    let sum = "select sum(xmin::text::bigint) from t";
    let number = |answer: Result<Vec<Vec<String>>, String>| -> i64 {
        answer.unwrap()[0][0].parse().unwrap()
    };
    let first = number(ask(sum));
    let next = number(ask("select txid_current()"));
    assert_eq!(first, 2 * (next - 1), "one transaction wrote both");
    assert_eq!(
        ask("select * from t"),
        rows(&[&["1"], &["2"]]),
        "nobody else sees it"
    );
    ask("update t set n = n where n = 1").unwrap();
    assert_eq!(
        number(ask(sum)),
        (next - 1) + next,
        "also where nothing is new"
    );
    ask("update t set n = 5 where n = 9").unwrap();
    assert_eq!(number(ask(sum)), (next - 1) + next, "nobody was written");
    assert!(
        ask("select sum(xmin) from t")
            .unwrap_err()
            .contains("42883")
    );
    assert!(
        ask("select xmin::bigint from t")
            .unwrap_err()
            .contains("42846")
    );
    assert!(
        ask("select xmin from pg_stat_activity")
            .unwrap_err()
            .contains("42703")
    );
}

#[test]
fn a_temporary_table_leaves_nothing_and_is_refused_where_writes_are() {
    let mut ground = postgres();
    let write = "create temporary table probe (n integer)";
    let before = ground.query(SOURCE, "db", "select pg_current_wal_lsn()");
    ground.query(SOURCE, "db", write).unwrap();
    assert_eq!(
        ground.query(SOURCE, "db", "select pg_current_wal_lsn()"),
        before
    );
    assert!(ground.query(SOURCE, "db", "select * from probe").is_err());
    ground
        .query(
            SOURCE,
            "db",
            "alter database redmine_production set default_transaction_read_only = on",
        )
        .unwrap();
    assert!(
        ground
            .query(SOURCE, "db", write)
            .unwrap_err()
            .contains("25006")
    );
}

#[test]
fn mysql_checksums_tables() {
    let mut ground = mysql();
    ground
        .query(SOURCE, "db", "create table a (x int)")
        .unwrap();
    let empty = ground.query(SOURCE, "db", "checksum table a").unwrap();
    ground
        .query(SOURCE, "db", "insert into a values (1)")
        .unwrap();
    let one = ground.query(SOURCE, "db", "checksum table a").unwrap();
    assert_ne!(empty, one);
    assert_eq!(ground.query(SOURCE, "db", "checksum table a").unwrap(), one);
}

/// What drtool asks of a MySQL before and after a move.
const MYSQL_COUNTS: &str = "set session group_concat_max_len = 16777216; \
    select concat('select concat_ws('','', ', coalesce(group_concat('concat(', quote(concat(table_name, '=')), \
    ', (select count(*) from `', replace(table_name, '`', '``'), '`))' order by table_name separator ', '), ''''''), ')') \
    from information_schema.tables where table_schema = database() and table_type = 'BASE TABLE' into @counts; \
    prepare counts from @counts; execute counts";

#[test]
fn every_table_of_a_mysql_is_counted_by_a_statement_that_is_written_from_the_catalogue() {
    let mut ground = mysql();
    assert_eq!(
        ground.query(SOURCE, "db", MYSQL_COUNTS),
        rows(&[&[""]]),
        "no table, no counts"
    );
    for sql in [
        "create table notes (x int)",
        "create table `it's ``odd` (x int)",
        "insert into notes values (1), (2), (3)",
    ] {
        ground.query(SOURCE, "db", sql).unwrap();
    }
    assert_eq!(
        ground.query(SOURCE, "db", MYSQL_COUNTS),
        rows(&[&["it's `odd=0,notes=3"]])
    );
    // Forty tables are more than group_concat's usual 1 KB.
    for n in 0..40 {
        let sql = format!("create table a_table_with_a_long_name_{n:02} (x int)");
        ground.query(SOURCE, "db", &sql).unwrap();
    }
    let found = ground.query(SOURCE, "db", MYSQL_COUNTS).unwrap();
    assert_eq!(found[0][0].split(',').count(), 42);
    let short = MYSQL_COUNTS.replace("16777216", "1024");
    let cut = ground.query(SOURCE, "db", &short).unwrap_err();
    assert!(
        cut.contains("1064"),
        "a list that was cut is no statement: {cut}"
    );
}

#[test]
fn a_session_of_mysql_has_variables_and_statements_of_its_own() {
    let mut ground = mysql();
    let ask = |ground: &mut Ground, sql: &str| ground.query(SOURCE, "db", sql);
    assert_eq!(ask(&mut ground, "set @a = 3; select @a"), rows(&[&["3"]]));
    assert_eq!(
        ask(&mut ground, "select @a is null"),
        rows(&[&["1"]]),
        "another connection has another"
    );
    assert_eq!(
        ask(&mut ground, "select 7 into @b; select @B"),
        rows(&[&["7"]])
    );
    for (sql, number) in [
        ("execute nothing", "1243"),
        ("deallocate prepare nothing", "1243"),
        ("prepare a from 'select'", "1064"),
        ("set session group_concat_max_len = 1", "1231"),
        ("set session sort_buffer_size = 1", "1235"),
        ("select 1, 2 into @a", "1222"),
    ] {
        let refused = ask(&mut ground, sql).unwrap_err();
        assert!(refused.contains(number), "{sql}: {refused}");
    }
}
