//! What processes do, alone and with a database and users around them.

use super::shell::{Op, compile};
use super::*;
use crate::clock::{MINUTE, SECOND};
use crate::plane::users::SessionLogin;
use crate::plane::{DialAnswer, HttpRequest, Resolved};
use crate::services::ServiceId;
use crate::services::ecs::tests::Site;

mod scripts;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-west-2";

fn shell(script: &str) -> Result<shell::Run, String> {
    compile(&["sh".into(), "-c".into(), script.into()])
}

#[test]
fn a_script_compiles_to_jumps() {
    let run =
        shell("while true; do psql -c 'select 1' && echo ok || echo no; sleep 5; done").unwrap();
    let jumps = run
        .program
        .iter()
        .filter(|op| !matches!(op, Op::Command { .. }))
        .count();
    assert_eq!(jumps, 5, "{:?}", run.program);
    assert!(run.is_shell);
}

#[test]
fn what_the_shell_cannot_do_is_refused_and_named() {
    for (script, word) in [
        ("a | b", "pipes"),
        ("a &", "background"),
        ("x=`date`", "`"),
        ("echo $(date)", "substitution"),
        ("echo x > /tmp/file", "/tmp/file"),
        ("for x in 1 2; do echo; done", "for"),
        ("while true; do echo x", "expecting \"done\""),
        ("echo 'x", "unterminated"),
    ] {
        let error = shell(script).unwrap_err();
        assert!(error.contains(word), "{script}: {error}");
    }
    assert!(compile(&[]).is_err());
    assert!(compile(&["sh".into(), "/script.sh".into()]).is_err());
}

#[test]
fn an_image_is_known_by_its_repository() {
    assert_eq!(
        repository("111122223333.dkr.ecr.us-west-2.amazonaws.com/team/Redmine:5.1@sha256:ab"),
        "team/redmine"
    );
    assert_eq!(repository("redmine"), "redmine");
    assert_eq!(repository("localhost:5000/redmine:1"), "redmine");
    assert_eq!(public_digest("x@sha256:ab"), "sha256:ab");
    assert_eq!(public_digest("x").len(), 71);
}

/// A site with a database that answers.
struct Stack {
    site: Site,
    host: String,
    database_group: String,
    /// As whom the application logs in.
    user: &'static str,
}

impl Stack {
    fn new(engine: &str) -> Stack {
        let mut site = Site::new();
        let (subnets, vpc) = (site.subnets.clone(), site.vpc.clone());
        let group = site.ok(
            ServiceId::Ec2,
            "CreateSecurityGroup",
            json!({ "GroupName": "database", "Description": "database", "VpcId": vpc }),
        );
        let database_group = group["GroupId"].as_str().unwrap().to_owned();
        site.ok(
            ServiceId::Ec2,
            "AuthorizeSecurityGroupIngress",
            json!({ "GroupId": database_group, "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535,
                "IpRanges": [{ "CidrIp": "10.0.0.0/16" }] }] }),
        );
        site.ok(
            ServiceId::Rds,
            "CreateDBSubnetGroup",
            json!({ "DBSubnetGroupName": "isolated", "DBSubnetGroupDescription": "isolated", "SubnetIds": subnets }),
        );
        let (version, class) = if engine == "postgres" {
            ("15", "db.t4g.medium")
        } else {
            ("8.0", "db.t3.micro")
        };
        site.ok(
            ServiceId::Rds,
            "CreateDBInstance",
            json!({ "DBInstanceIdentifier": "main", "Engine": engine, "EngineVersion": version, "DBInstanceClass": class,
                "AllocatedStorage": 20, "MasterUsername": "app", "MasterUserPassword": "correct-horse", "DBName": "app",
                "DBSubnetGroupName": "isolated", "VpcSecurityGroupIds": [database_group] }),
        );
        site.pass(60 * MINUTE);
        let seen = site.ok(
            ServiceId::Rds,
            "DescribeDBInstances",
            json!({ "DBInstanceIdentifier": "main" }),
        );
        let instance = &seen["DBInstances"][0];
        assert_eq!(instance["DBInstanceStatus"], "available");
        let host = instance["Endpoint"]["Address"].as_str().unwrap().to_owned();
        Stack {
            site,
            host,
            database_group,
            user: "app",
        }
    }

    fn environment(&self) -> Value {
        let pair = |name: &str, value: &str| json!({ "name": name, "value": value });
        json!([
            pair("DB_HOST", &self.host),
            pair("DB_NAME", "app"),
            pair("DB_USER", self.user),
            pair("DB_PASS", "correct-horse"),
            pair("REDMINE_SECRET_TOKEN", "token"),
        ])
    }

    /// Redmine behind a balancer; answers the balancer's name.
    fn redmine(&mut self) -> String {
        let environment = self.environment();
        let definition = self.site.define(
            "redmine",
            "public.ecr.aws/acme/redmine:5.1",
            json!({ "environment": environment, "portMappings": [{ "containerPort": 80 }] }),
        );
        let (balancer, target) = self.site.balancer();
        self.site.ok(
            ServiceId::Elbv2,
            "ModifyTargetGroup",
            json!({ "TargetGroupArn": target, "Matcher": { "HttpCode": "200-399" } }),
        );
        self.site.listen(&balancer, &target);
        let network = self.site.network();
        self.site.ecs(
            "CreateService",
            json!({ "cluster": "main", "serviceName": "redmine", "taskDefinition": definition, "desiredCount": 2,
                "launchType": "FARGATE", "networkConfiguration": network, "healthCheckGracePeriodSeconds": 120,
                "loadBalancers": [{ "targetGroupArn": target, "containerName": "app", "containerPort": 80 }] }),
        );
        self.site.pass(15 * MINUTE);
        let seen = self.site.seen("redmine");
        assert_eq!(
            seen["deployments"][0]["rolloutState"], "COMPLETED",
            "{seen:#}"
        );
        let seen = self
            .site
            .ok(ServiceId::Elbv2, "DescribeLoadBalancers", json!({}));
        seen["LoadBalancers"][0]["DNSName"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn internet(&self) -> From {
        From::Internet {
            ip: "198.51.100.7".into(),
        }
    }

    fn get(&mut self, name: &str, path: &str) -> DialAnswer {
        let from = self.internet();
        let Resolved::Records { records, .. } = self.site.world.resolve(name, "A", &from) else {
            panic!("{name} does not resolve")
        };
        self.site
            .world
            .dial(&from, &records[0], 80, None, &HttpRequest::get(name, path))
    }

    /// No new connection to the database is let in.
    fn shut_the_group(&mut self) {
        let group = self.database_group.clone();
        self.site.ok(
            ServiceId::Ec2,
            "RevokeSecurityGroupIngress",
            json!({ "GroupId": group, "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": 1, "ToPort": 65535,
                "IpRanges": [{ "CidrIp": "10.0.0.0/16" }] }] }),
        );
    }

    fn rows(&self) -> BTreeMap<String, Vec<u64>> {
        let at = rds::database_at(&self.site.world, &self.host).unwrap();
        rds::rows(&self.site.world, &at)
    }

    fn job(&mut self, script: &str) -> (Value, Vec<String>) {
        let arn = self.probe("app", script);
        self.site.pass(10 * MINUTE);
        (self.site.task(&arn), self.said(&arn))
    }

    /// Starts a probe that logs in as `user`.
    fn probe(&mut self, user: &str, script: &str) -> Value {
        let host = self.host.clone();
        if self
            .site
            .call(
                ServiceId::Logs,
                "CreateLogGroup",
                json!({ "logGroupName": "/probe" }),
            )
            .is_err()
        {
            // It is there from the job before.
        }
        let definition = self.site.define(
            "probe",
            "public.ecr.aws/docker/library/postgres:16",
            json!({
                "command": ["sh", "-c", script],
                "environment": [{ "name": "PGHOST", "value": host }, { "name": "PGUSER", "value": user },
                    { "name": "PGPASSWORD", "value": "correct-horse" }, { "name": "PGDATABASE", "value": "app" },
                    { "name": "PGAPPNAME", "value": "drtool" }],
                "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/probe",
                    "awslogs-region": REGION, "awslogs-stream-prefix": "p" } },
            }),
        );
        self.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone()
    }

    /// The lines of a probe.
    fn said(&mut self, arn: &Value) -> Vec<String> {
        let id = arn.as_str().unwrap().rsplit('/').next().unwrap();
        let input = json!({ "logGroupName": "/probe", "logStreamName": format!("p/app/{id}"), "startFromHead": true });
        let events = self.site.ok(ServiceId::Logs, "GetLogEvents", input);
        let events = events["events"].as_array().unwrap();
        let lines = events
            .iter()
            .map(|e| e["message"].as_str().unwrap().to_owned());
        lines.collect()
    }
}

#[test]
fn redmine_serves_through_its_balancer_once_its_database_answers() {
    let mut stack = Stack::new("postgres");
    let name = stack.redmine();
    match stack.get(&name, "/login") {
        DialAnswer::Answer {
            status: 200,
            body,
            by,
            ..
        } => {
            assert!(body.contains("Redmine"));
            assert!(by.contains(":task/main/"), "{by}");
        }
        other => panic!("{other:?}"),
    }
    match stack.get(&name, "/") {
        DialAnswer::Answer {
            status, headers, ..
        } => {
            assert_eq!(status, 302);
            assert!(headers.contains(&("Location".into(), "/login".into())));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn users_remember_exactly_what_the_database_holds() {
    let mut stack = Stack::new("postgres");
    let name = stack.redmine();
    stack
        .site
        .world
        .add_users("ann", &name, false, "/issues", 5, 10 * SECOND);
    stack.site.pass(5 * MINUTE);
    let rows = stack.rows();
    let acknowledged = stack.site.world.plane.users.acknowledged();
    assert_eq!(acknowledged.len(), 5);
    for (user, list) in acknowledged {
        let numbers: Vec<u64> = list.iter().map(|a| a.number).collect();
        assert!(numbers.len() >= 29, "{user}: {}", numbers.len());
        assert_eq!(rows[&user], numbers);
    }
}

#[test]
fn a_fence_by_security_group_alone_lets_open_connections_go_on_writing() {
    let mut stack = Stack::new("postgres");
    let name = stack.redmine();
    stack
        .site
        .world
        .add_users("ann", &name, false, "/issues", 3, 10 * SECOND);
    stack.site.pass(MINUTE);
    stack.shut_the_group();
    stack.site.pass(SECOND);
    let before = stack.rows()["ann-1"].len();
    stack.site.pass(2 * MINUTE);
    assert!(
        stack.rows()["ann-1"].len() > before + 8,
        "the pools' connections live on"
    );
    // A restart ends every connection; no new one is let in.
    stack.site.ok(
        ServiceId::Rds,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "main" }),
    );
    stack.site.pass(10 * MINUTE);
    let fenced = stack.rows()["ann-1"].len();
    stack.site.pass(5 * MINUTE);
    assert_eq!(stack.rows()["ann-1"].len(), fenced);
    assert!(matches!(
        stack.get(&name, "/login"),
        DialAnswer::Answer {
            status: 500..=503,
            ..
        }
    ));
}

#[test]
fn the_oracle_knows_what_was_accepted_after_an_instant_and_what_would_be_lost() {
    let mut stack = Stack::new("postgres");
    let name = stack.redmine();
    stack
        .site
        .world
        .add_users("ann", &name, false, "/issues", 2, 10 * SECOND);
    stack.site.pass(5 * MINUTE);
    let at = rds::database_at(&stack.site.world, &stack.host).unwrap();
    let world = &stack.site.world;
    assert!(crate::oracle::lost(world, &at).is_empty());
    let minute_ago = world.now() - MINUTE;
    let accepted = crate::oracle::accepted_after(world, &at, minute_ago);
    assert!((11..=13).contains(&accepted.len()), "{}", accepted.len());
    assert!(crate::oracle::accepted_after(world, &at, world.now()).is_empty());
    assert!(crate::oracle::first_success(world, minute_ago)[REGION] - minute_ago <= 10 * SECOND);
    let elsewhere = rds::DatabaseRef {
        instance: "other".into(),
        ..at
    };
    assert!(
        crate::oracle::lost(world, &elsewhere).len() >= 58,
        "a database that has nothing would lose all"
    );
}

#[test]
fn a_session_of_its_own_writes_past_every_balancer() {
    let mut stack = Stack::new("postgres");
    let definition = stack.site.define(
        "idle",
        "public.ecr.aws/docker/library/http-echo:1",
        json!({}),
    );
    let arn = stack.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    stack.site.pass(3 * MINUTE);
    let task = stack.site.task(&arn);
    let details = task["attachments"][0]["details"]
        .as_array()
        .unwrap()
        .clone();
    let interface = details
        .iter()
        .find(|d| d["name"] == "networkInterfaceId")
        .unwrap()["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let login = SessionLogin {
        host: stack.host.clone(),
        port: 5432,
        user: "app".into(),
        password: "correct-horse".into(),
        database: "app".into(),
        tls: true,
    };
    let from = From::Interface {
        account: ACCOUNT.into(),
        region: REGION.into(),
        id: interface,
    };
    stack
        .site
        .world
        .add_session("cron", from, login, None, 10 * SECOND, false);
    stack.site.pass(MINUTE);
    stack.shut_the_group();
    stack.site.pass(MINUTE);
    assert!(stack.rows()["cron"].len() >= 12);
    let acknowledged = stack.site.world.plane.users.acknowledged();
    assert_eq!(acknowledged["cron"].len(), stack.rows()["cron"].len());
}

#[test]
fn a_caching_resolver_answers_from_its_cache_until_the_ttl_has_passed() {
    let mut stack = Stack::new("postgres");
    let from = From::Resolver {
        name: "8.8.8.8".into(),
    };
    let host = stack.host.clone();
    let first = stack.site.world.resolve_through(&host, "A", &from);
    assert!(
        matches!(
            first,
            Resolved::Records {
                ttl: 5,
                cached: false,
                ..
            }
        ),
        "{first:?}"
    );
    stack.site.pass(3 * SECOND);
    let second = stack.site.world.resolve(&host, "A", &from);
    assert!(
        matches!(
            second,
            Resolved::Records {
                ttl: 2,
                cached: true,
                ..
            }
        ),
        "{second:?}"
    );
    stack.site.pass(3 * SECOND);
    assert!(matches!(
        stack.site.world.resolve(&host, "A", &from),
        Resolved::Records { cached: false, .. }
    ));
}

#[test]
fn an_image_without_a_known_behaviour_says_so_and_exits_with_127() {
    let mut site = Site::new();
    let definition = site.define("odd", "public.ecr.aws/acme/odd:1", json!({}));
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(3 * MINUTE);
    assert_eq!(site.task(&arn)["containers"][0]["exitCode"], 127);
    site.world.script_image(Image {
        pattern: "acme/odd".into(),
        environment: BTreeMap::new(),
        behaviour: Behaviour::Echoes { port: 8080 },
    });
    let arn = site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    site.pass(3 * MINUTE);
    assert_eq!(site.task(&arn)["lastStatus"], "RUNNING");
}

#[test]
fn a_probe_runs_sql_and_says_what_it_read() {
    let mut stack = Stack::new("postgres");
    let (task, lines) = stack.job("psql -tAc 'SELECT 1' && echo \"done with ${PGDATABASE}\"");
    assert_eq!(lines, ["1", "done with app"]);
    assert_eq!(task["containers"][0]["exitCode"], 0);
}

#[test]
fn a_probe_that_is_refused_exits_with_psqls_codes() {
    let mut stack = Stack::new("postgres");
    let (task, lines) =
        stack.job("PGPASSWORD=wrong; export PGPASSWORD=wrong; psql -tAc 'SELECT 1'");
    assert_eq!(task["containers"][0]["exitCode"], 2, "{lines:?}");
    assert!(
        lines[0].contains("password authentication failed"),
        "{lines:?}"
    );
    let (task, lines) = stack.job("psql -c 'SELEKT 1'");
    assert_eq!(task["containers"][0]["exitCode"], 1, "{lines:?}");
    let (task, lines) = stack.job("pg_dump app");
    assert_eq!(
        (task["containers"][0]["exitCode"].clone(), lines),
        (json!(127), vec!["sh: pg_dump: not found".to_owned()])
    );
}

#[test]
fn a_long_running_probe_writes_a_line_each_round_and_is_killed_in_the_end() {
    let mut stack = Stack::new("postgres");
    let (task, lines) = stack.job("while true; do psql -tAc 'SELECT 1'; sleep 30; done");
    assert!((15..=20).contains(&lines.len()), "{}", lines.len());
    assert_eq!(task["lastStatus"], "RUNNING");
    let arn = task["taskArn"].clone();
    stack
        .site
        .ecs("StopTask", json!({ "cluster": "main", "task": arn }));
    stack.site.pass(2 * MINUTE);
    assert_eq!(
        stack.site.task(&arn)["containers"][0]["exitCode"],
        137,
        "a shell as process 1 ignores SIGTERM"
    );
}

#[test]
fn the_seed_task_of_the_challenge_empties_its_table_and_ends_well() {
    let mut stack = Stack::new("postgres");
    // The app speaks to its database without TLS.
    stack.site.ok(
        ServiceId::Rds,
        "CreateDBParameterGroup",
        json!({ "DBParameterGroupName": "plain", "DBParameterGroupFamily": "postgres15", "Description": "plain" }),
    );
    stack.site.ok(
        ServiceId::Rds,
        "ModifyDBParameterGroup",
        json!({ "DBParameterGroupName": "plain", "Parameters": [{ "ParameterName": "rds.force_ssl", "ParameterValue": "0",
            "ApplyMethod": "immediate" }] }),
    );
    let host = stack.host.clone();
    let environment = json!([
        { "name": "VTT_DBHOST", "value": host }, { "name": "VTT_DBNAME", "value": "app" },
        { "name": "VTT_DBUSER", "value": "app" }, { "name": "VTT_DBPASSWORD", "value": "correct-horse" },
    ]);
    stack.site.ok(
        ServiceId::Logs,
        "CreateLogGroup",
        json!({ "logGroupName": "/seed" }),
    );
    let more = json!({ "command": ["updatedb", "--skip-create-db"], "environment": environment,
        "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-group": "/seed", "awslogs-region": REGION,
            "awslogs-stream-prefix": "p" } } });
    let definition = stack
        .site
        .define("seed", "public.ecr.aws/acme/techchallengeapp:1", more);
    let run = |stack: &mut Stack| {
        let arn = stack.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
        stack.site.pass(3 * MINUTE);
        stack.site.task(&arn)["containers"][0]["exitCode"].clone()
    };
    assert_eq!(
        run(&mut stack),
        json!(1),
        "the default parameter group wants TLS"
    );
    stack.site.ok(
        ServiceId::Rds,
        "ModifyDBInstance",
        json!({ "DBInstanceIdentifier": "main", "DBParameterGroupName": "plain", "ApplyImmediately": true }),
    );
    stack.site.pass(5 * MINUTE);
    stack.site.ok(
        ServiceId::Rds,
        "RebootDBInstance",
        json!({ "DBInstanceIdentifier": "main" }),
    );
    stack.site.pass(10 * MINUTE);
    let code = run(&mut stack);
    let events = stack.site.ok(
        ServiceId::Logs,
        "FilterLogEvents",
        json!({ "logGroupName": "/seed" }),
    );
    assert_eq!(code, json!(0), "{events:#}");
    assert!(
        stack.rows().is_empty(),
        "what users wrote is gone with the table"
    );
}

#[test]
fn a_host_baked_into_an_image_is_where_it_goes_unless_the_task_says_otherwise() {
    let mut stack = Stack::new("mysql");
    stack.site.world.script_image(Image {
        pattern: "acme/notejam".into(),
        environment: BTreeMap::from([("DB_HOST".into(), stack.host.clone())]),
        ..built_in::find("acme/notejam")
    });
    let more = |extra: Value| {
        let mut environment = vec![
            json!({ "name": "DB_NAME", "value": "app" }),
            json!({ "name": "DB_USER", "value": "app" }),
            json!({ "name": "DB_PASS", "value": "correct-horse" }),
        ];
        environment.extend(extra.as_array().cloned().unwrap_or_default());
        json!({ "environment": environment, "portMappings": [{ "containerPort": 8000 }] })
    };
    let answer = |stack: &mut Stack, more: Value, path: &str| {
        let definition = stack
            .site
            .define("notejam", "public.ecr.aws/acme/notejam:1", more);
        let arn = stack.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
        stack.site.pass(3 * MINUTE);
        let task = stack.site.task(&arn);
        let details = task["attachments"][0]["details"].as_array().unwrap();
        let ip = details
            .iter()
            .find(|d| d["name"] == "privateIPv4Address")
            .unwrap()["value"]
            .as_str()
            .unwrap();
        let at = crate::plane::Endpoint {
            account: ACCOUNT.into(),
            region: REGION.into(),
            vpc: stack.site.vpc.clone(),
            ip: ip.into(),
            port: 8000,
        };
        match crate::services::ecs::answer(
            &stack.site.world,
            &at,
            &HttpRequest::get("notejam", path),
        ) {
            crate::services::ecs::TaskAnswer::Answer { status, .. } => status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(answer(&mut stack, more(json!([])), "/signin/"), 200);
    assert_eq!(answer(&mut stack, more(json!([])), "/singin/"), 404);
    let elsewhere = json!([{ "name": "DB_HOST", "value": "nowhere.example.com" }]);
    assert_eq!(answer(&mut stack, more(elsewhere), "/signin/"), 500);
}

#[test]
fn vikunja_ends_when_its_database_does_not_answer() {
    let mut stack = Stack::new("mysql");
    let host = stack.host.clone();
    let environment = json!([
        { "name": "VIKUNJA_DATABASE_HOST", "value": host }, { "name": "VIKUNJA_DATABASE_DATABASE", "value": "app" },
        { "name": "VIKUNJA_DATABASE_USER", "value": "app" }, { "name": "VIKUNJA_DATABASE_PASSWORD", "value": "correct-horse" },
    ]);
    let definition = stack.site.define(
        "vikunja",
        "public.ecr.aws/acme/vikunja-api:1",
        json!({ "environment": environment }),
    );
    let arn = stack.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    stack.site.pass(3 * MINUTE);
    assert_eq!(stack.site.task(&arn)["lastStatus"], "RUNNING");
    stack.shut_the_group();
    let arn = stack.site.run(&definition, json!({}))["tasks"][0]["taskArn"].clone();
    stack.site.pass(5 * MINUTE);
    assert_eq!(stack.site.task(&arn)["containers"][0]["exitCode"], 1);
}
