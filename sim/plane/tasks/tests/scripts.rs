//! What scripts do, as a shell does it.

use super::*;

/// The probe that asks who else is connected, and asks for the position once nobody is.
const OTHERS: &str = r#"others=0; while true; do if [ "$others" = 0 ]; then echo "drtool ask position"; psql -X -A -t -c "select pg_current_wal_lsn()" 2>&1; fi; echo "drtool ask others"; others=$(psql -X -A -t -c "select count(*) from pg_stat_activity where usename = 'redmine' and application_name <> 'drtool'" 2>&1); echo "$others"; echo "drtool ask end"; if [ "$others" = 0 ]; then sleep 2; else sleep 15; fi; done"#;

/// Runs a script that needs no database: its lines and its exit code.
fn run(script: &str) -> (Vec<String>, i64) {
    let mut site = Site::new();
    site.ok(
        ServiceId::Logs,
        "CreateLogGroup",
        json!({ "logGroupName": "/probe" }),
    );
    let definition = site.define(
        "probe",
        "public.ecr.aws/docker/library/postgres:16",
        json!({
            "command": ["sh", "-c", script],
            "environment": [{ "name": "TWO", "value": " a  b " }],
            "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/probe",
                "awslogs-region": REGION, "awslogs-stream-prefix": "p" } },
        }),
    );
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(10 * MINUTE);
    let code = &site.task(&arn)["containers"][0]["exitCode"];
    let lines = crate::services::logs::messages(&site.world, ACCOUNT, REGION, "/probe");
    let lines = lines.into_iter().map(|(.., line)| line).collect();
    (lines, code.as_i64().unwrap())
}

#[test]
fn a_script_says_and_returns_what_it_does_in_a_real_shell() {
    // Every line of this has been run in dash.
    for (script, lines, code) in [
        // Substitution: the value, its status, what of the streams goes into it.
        ("x=$(echo one two); echo \"$x\"; exit $?", "one two", 0),
        ("x=\"$(echo one two)\" && echo \"<$x>\"", "<one two>", 0),
        ("x=$( echo 'a)b' \"c)d\" ) ; echo \"$x\"", "a)b c)d", 0),
        (
            "x=$(false) || echo \"failed with <$x>\"",
            "failed with <>",
            0,
        ),
        ("x=$(exit 3); echo $?; exit 4", "3", 4),
        ("x=$(exit 3)", "", 3),
        ("x=old; x=$(true); echo \"<$x>\"", "<>", 0),
        ("x=$(sleep 1); echo \"<$x>\"", "<>", 0),
        ("x=$(echo a >/dev/null); echo \"<$x>\"", "<>", 0),
        ("x=$(echo a 2>/dev/null); echo \"<$x>\"", "<a>", 0),
        ("x=$(echo a >&2); echo \"<$x>\"", "a|<>", 0),
        ("x=$([ a 2>&1); echo \"<$x>\"", "<sh: [: missing ]>", 0),
        (
            "x=$([ a 2>&1 >/dev/null); echo \"<$x>\"",
            "<sh: [: missing ]>",
            0,
        ),
        ("x=$([ a >/dev/null 2>&1); echo \"<$x>$?\"", "<>2", 0),
        ("x=$([ a); echo \"<$x>\"", "sh: [: missing ]|<>", 0),
        ("x=$(set -e); false; echo on", "on", 0),
        ("x=a; y=$(export x=b); echo $x", "a", 0),
        ("x=$(echo \"a\nb\n\n\"); echo \"$x\"; echo $x", "a|b|a b", 0),
        ("set -e; x=$(false); echo no", "", 1),
        ("set -e; x=$(false) || true; echo on", "on", 0),
        ("if x=$(false); then echo yes; else echo no; fi", "no", 0),
        ("while x=$(false); do echo no; done; echo $?", "0", 0),
        // Redirections of a command that is not in a substitution.
        ("[ a >/dev/null", "sh: [: missing ]", 2),
        ("[ a >/dev/null 2>&1; [ a 2>/dev/null; echo $?", "2", 0),
        ("echo a >/dev/stderr; echo b 1>&2 2>/dev/null", "a|b", 0),
        // Conditions.
        ("[ a = a ]; echo $?; [ a = b ]; echo $?", "0|1", 0),
        ("[ a != a ]; echo $?; test a != b; echo $?", "1|0", 0),
        ("[ -z '' ]; echo $?; [ -z a ]; echo $?", "0|1", 0),
        ("test -n ''; echo $?; test -n a; echo $?", "1|0", 0),
        (
            "[ ]; echo $?; [ '' ]; echo $?; [ -z ]; echo $?; test; echo $?",
            "1|1|0|1",
            0,
        ),
        ("[ = = = ] && [ -z = -z ] && [ -n != -z ]", "", 0),
        (
            "[ \"$none\" = '' ] && [ -z $none ] && [ \"$TWO\" = ' a  b ' ]",
            "",
            0,
        ),
        ("[ a = b ] && echo both || echo other", "other", 0),
        (
            "if [ a = b ]; then echo a; else echo b; fi; echo $?",
            "b|0",
            0,
        ),
        (
            "n=; while [ \"$n\" != xxx ]; do n=x$n; echo $n; done",
            "x|xx|xxx",
            0,
        ),
        (
            "n=; until [ \"$n\" = xx ]; do n=x$n; done; echo $n",
            "xx",
            0,
        ),
        ("[ -z '' '' ]", "sh: [: unexpected operator", 2),
        ("[ -n = x y ]", "sh: [: x: unexpected operator", 2),
        ("[ a = b", "sh: [: missing ]", 2),
        ("[ a b ]", "sh: [: a: unexpected operator", 2),
        ("[ $none = 0 ]", "sh: [: =: unexpected operator", 2),
        ("[ $TWO = 0 ]", "sh: [: a: unexpected operator", 2),
        ("[ -z $TWO ]", "sh: [: a: unexpected operator", 2),
        ("[ -z '' '' ]", "sh: [: unexpected operator", 2),
        ("[ -n = x y ]", "sh: [: x: unexpected operator", 2),
        ("[ a = b c ]", "sh: [: b: unexpected operator", 2),
        ("test a =", "sh: test: =: argument expected", 2),
        ("test a = b ]", "sh: test: b: unexpected operator", 2),
        (
            "set -e; [ a b ] && echo no; echo on",
            "sh: [: a: unexpected operator|on",
            0,
        ),
        // Words.
        ("echo $TWO \"$TWO\" x$TWO'y'", "a b  a  b  x a b y", 0),
        ("echo $none \"$none\" $none'' ${none:-a  b}", "  a b", 0),
        (
            "x=$TWO; echo \"$x\"; x=/bin/echo; $none; echo $?",
            " a  b |0",
            0,
        ),
    ] {
        let lines: Vec<&str> = lines.split('|').filter(|_| !lines.is_empty()).collect();
        let (said, exit) = run(script);
        assert_eq!(
            (said.iter().map(String::as_str).collect(), exit),
            (lines, code),
            "{script}"
        );
    }
}

#[test]
fn substitutions_and_conditions_that_are_not_known_are_refused() {
    for (script, word) in [
        ("echo $(echo a)", "other than NAME=$(command)"),
        ("x=a$(echo a)", "other than NAME=$(command)"),
        ("x=$(echo a)b", "other than NAME=$(command)"),
        ("x=$(echo a) 2>/dev/null", "other than NAME=$(command)"),
        ("if [ $(echo a) = a ]; then echo; fi", "other than"),
        ("x=$(echo a; echo b)", "one simple command"),
        ("x=$(echo a && echo b)", "one simple command"),
        ("x=$(if true)", "one simple command"),
        ("x=$()", "one simple command"),
        ("x=$(y=1)", "one simple command"),
        ("x=$(y=$(echo a))", "inside another"),
        ("x=$(echo a | cat)", "pipes"),
        ("x=$(echo a", "expecting \")\""),
        ("x=$((1 + 1))", "arithmetic"),
        ("x=1 echo a", "assignment together"),
        ("x=$(echo a) echo a", "assignment together"),
    ] {
        let error = shell(script).unwrap_err();
        assert!(error.contains(word), "{script}: {error}");
    }
    for script in [
        "[ 1 -eq 1 ]",
        "[ ! a ]",
        "test -f /etc/passwd",
        "[ a -a b ]",
    ] {
        let (lines, code) = run(script);
        assert!(
            lines[0].contains("not something that this image can run"),
            "{lines:?}"
        );
        assert_eq!(code, 2, "{script}");
    }
}

#[test]
fn the_value_of_a_command_that_takes_time_is_there_when_it_ends_in_a_fork_too() {
    let mut stack = Stack::new("postgres");
    let script = "set -e; x=$(psql -X -A -t -c 'select 1' -c 'SELEKT' 2>&1) || echo \"$?: $x\"; \
                  y=$(psql -X -A -t -c \"select 'a'\" -c \"select 'b'\"); echo \"$y\"; z=$(psql -c SELEKT 2>/dev/null)";
    let arn = stack.probe("app", script);
    // A fork at every step of its life comes to the same end.
    let mut forks = vec![];
    for _ in 0..300 {
        stack.site.pass(SECOND / 2);
        let pending = |site: &Site| {
            let place = site.world.seen_place(ACCOUNT, REGION).unwrap();
            let mut tasks = place.ecs.tasks.iter().flat_map(|(_, t)| &t.containers);
            tasks.any(|c| {
                matches!(c.process.as_ref().map(|p| &p.doing), Some(Doing::Runs(run)) if run.pending.is_some())
            })
        };
        if pending(&stack.site) {
            forks.push(stack.site.world.fork());
        }
    }
    let code = stack.site.task(&arn)["containers"][0]["exitCode"].clone();
    let lines = stack.said(&arn);
    assert_eq!(
        lines[..2],
        [
            "1: 1",
            "ERROR:  syntax error at or near \"SELEKT\" (SQLSTATE 42601)"
        ]
    );
    assert_eq!(
        (&lines[2..], code),
        (&["a".to_owned(), "b".into()][..], json!(1))
    );
    let at = stack.site.world.now();
    for mut fork in forks {
        fork.advance_to(at);
        stack.site.world = fork;
        assert_eq!(stack.said(&arn), lines);
    }
}

#[test]
fn a_probe_asks_who_else_is_connected_until_nobody_is() {
    let mut stack = Stack::new("postgres");
    let at = rds::database_at(&stack.site.world, &stack.host).unwrap();
    let make = "create role redmine with login password 'correct-horse'";
    rds::query(&mut stack.site.world, &at, "app", make).unwrap();
    stack.user = "redmine";
    stack.redmine();
    let arn = stack.probe("redmine", OTHERS);
    stack.site.pass(10 * MINUTE);
    // What it said in a while, and the instants of its rounds.
    let rounds = |stack: &mut Stack| {
        let before = stack.said(&arn).len();
        stack.site.pass(MINUTE);
        stack.said(&arn).split_off(before)
    };
    assert_eq!(stack.said(&arn)[0], "drtool ask position");
    let said = rounds(&mut stack);
    // Two tasks with a connection each: no position, and a slow round.
    assert!(
        said.chunks(3)
            .all(|c| ["drtool ask others", "2", "drtool ask end"].starts_with(&[c[0].as_str()])),
        "{said:?}"
    );
    assert_eq!(
        said.iter().filter(|l| *l == "drtool ask end").count(),
        4,
        "{said:?}"
    );
    assert!(said.contains(&"2".to_owned()) && !said.contains(&"drtool ask position".to_owned()));
    stack.site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "redmine", "desiredCount": 0 }),
    );
    stack.site.pass(10 * MINUTE);
    let said = rounds(&mut stack);
    let start = said
        .iter()
        .position(|l| l == "drtool ask position")
        .unwrap();
    let round = &said[start..start + 5];
    assert!(round[1].contains('/'), "{round:?}");
    assert_eq!(round[2..], ["drtool ask others", "0", "drtool ask end"]);
    assert!(
        (25..=30).contains(&said.iter().filter(|l| *l == "0").count()),
        "{said:?}"
    );
    // What cannot be asked is not 0 either.
    stack.shut_the_group();
    stack.site.pass(10 * MINUTE);
    let before = stack.said(&arn).len();
    stack.site.pass(10 * MINUTE);
    let said = stack.said(&arn).split_off(before);
    assert!(
        said.iter().any(|l| l.contains("timeout expired")),
        "{said:?}"
    );
    assert!(!said.contains(&"0".to_owned()) && !said.contains(&"drtool ask position".to_owned()));
}

#[test]
fn a_web_task_keeps_a_connection_until_it_stops_or_the_server_restarts() {
    let mut stack = Stack::new("postgres");
    stack.redmine();
    let count = |stack: &mut Stack| {
        let at = rds::database_at(&stack.site.world, &stack.host).unwrap();
        let sql = "select count(*) from pg_stat_activity where usename = 'app' and application_name = 'redmine'";
        rds::query(&mut stack.site.world, &at, "app", sql).unwrap()[0][0].clone()
    };
    assert_eq!(count(&mut stack), "2");
    stack.site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "redmine", "desiredCount": 1 }),
    );
    stack.site.pass(10 * MINUTE);
    assert_eq!(count(&mut stack), "1");
    stack.site.ok(
        ServiceId::Rds,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "main" }),
    );
    let at = rds::database_at(&stack.site.world, &stack.host).unwrap();
    let answers =
        |stack: &mut Stack| rds::query(&mut stack.site.world, &at, "app", "select 1").is_ok();
    while answers(&mut stack) {
        stack.site.pass(SECOND);
    }
    while !answers(&mut stack) {
        stack.site.pass(SECOND);
    }
    assert_eq!(count(&mut stack), "0");
    // Its balancer has found it broken meanwhile: another is started.
    stack.site.pass(10 * MINUTE);
    assert_eq!(count(&mut stack), "1");
    stack.site.ecs(
        "UpdateService",
        json!({ "cluster": "main", "service": "redmine", "desiredCount": 0 }),
    );
    stack.site.pass(10 * MINUTE);
    assert_eq!(count(&mut stack), "0");
}

#[test]
fn a_client_is_one_connection_among_others() {
    let mut stack = Stack::new("postgres");
    let ask = "psql -tAc \"select count(*), min(application_name) from pg_stat_activity where usename = 'app'\"; \
               psql -tAc 'select count(*) from pg_stat_activity where pid = pg_backend_pid() and client_addr is not null'";
    assert_eq!(stack.job(ask).1, ["1|drtool", "1"]);
    let mut stack = Stack::new("mysql");
    let ask = "mysql -h \"$PGHOST\" -u \"$PGUSER\" -p\"$PGPASSWORD\" -e \"select count(*) from \
               information_schema.processlist where user = 'app'\"";
    assert_eq!(stack.job(ask).1, ["1"]);
}

#[test]
fn a_command_line_that_a_variable_goes_into_is_read_each_time() {
    let mut stack = Stack::new("postgres");
    // Twice through each loop: a variable in the words, the last status, one that the client looks at itself.
    let script = r#"n=; while [ "$n" != xx ]; do n=x$n; psql -tAc "select '$n'"; psql -tAc "select 'same'"; done;
        while [ "$n" != x ]; do [ "$n" = xx ]; psql -tAc "select $?"; [ -z a ]; psql -tAc "select $?"; n=x; done;
        while [ "$n" != xxx ]; do psql -tAc 'select current_database()'; PGDATABASE=postgres; n=x$n; done;
        while [ "$n" != xxxxx ]; do psql --no-such 2>&1; n=x$n; done"#;
    let lines = stack.job(script).1;
    assert_eq!(
        lines,
        [
            "x",
            "same",
            "xx",
            "same",
            "0",
            "1",
            "app",
            "postgres",
            "psql: unrecognized option '--no-such'",
            "psql: unrecognized option '--no-such'",
        ]
    );
}
