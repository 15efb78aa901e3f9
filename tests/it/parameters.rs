//! Parameters of Systems Manager move with the stack: their values are the source's, and nobody is shown them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sim::action::Action;
use aws_sim::world::World;
use drtool::expand::{Rehearsal, commands, permissions};
use drtool::preflight::Depth;
use drtool_engine::RunId;
use drtool_engine::event::Outcome;
use drtool_engine::journal::{self, Disk, Place};
use drtool_engine::report::html;
use serde_json::{Value, json};

use crate::kill;
use crate::refusals::{preflight, seen::user};
use crate::world::{Bench, differences, done};

const ACCOUNT: &str = "111122223333";
const PASSWORD: &str = "sandbox-Mail-4f0c77d1";
const SMTP: &str = "sandbox-Smtp-9ab2e613";

/// Redmine, whose tasks read five parameters: by ARN, by name, encrypted and plain.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.laid_over = vec!["tests/it/overlays/parameters.yaml".into()];
    let host = bench.call(
        "us-west-2",
        "rds",
        "DescribeDBInstances",
        json!({ "DBInstanceIdentifier": "redmine-db" }),
    );
    let host = host.pointer("/DBInstances/0/Endpoint/Address").unwrap();
    let smtp = json!({ "host": "smtp.us-west-2.example", "port": 587, "password": SMTP });
    let own = json!([{ "Key": "app", "Value": "redmine" }]);
    for new in [
        json!({ "Name": "/redmine/mail/password", "Type": "SecureString", "KeyId": "alias/redmine", "Value": PASSWORD, "Tags": own, "Description": "of the mail account" }),
        json!({ "Name": "/redmine/hosts", "Type": "StringList", "Value": "a.example,b.example", "Tags": own }),
        json!({ "Name": "redmine-theme", "Type": "String", "Value": "gitmike", "AllowedPattern": "^[a-z]+$" }),
        json!({ "Name": "/redmine/db-host", "Type": "String", "Value": host }),
        json!({ "Name": "/redmine/smtp", "Type": "SecureString", "Value": smtp.to_string(), "Tier": "Advanced" }),
    ] {
        bench.call("us-west-2", "ssm", "PutParameter", new);
    }
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "ssm:GetParameters", "Resource": [
        format!("arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/redmine/*"), format!("arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/redmine-theme"),
    ] }] });
    bench.call(
        "us-west-2",
        "iam",
        "PutRolePolicy",
        json!({ "RoleName": "redmine-execution", "PolicyName": "parameters", "PolicyDocument": policy.to_string() }),
    );
    let mut definition = bench.call(
        "us-west-2",
        "ecs",
        "DescribeTaskDefinition",
        json!({ "taskDefinition": "redmine" }),
    );
    let definition = definition["taskDefinition"].take();
    let mut next = json!({});
    for member in [
        "family",
        "requiresCompatibilities",
        "networkMode",
        "cpu",
        "memory",
        "executionRoleArn",
        "taskRoleArn",
        "containerDefinitions",
    ] {
        next[member] = definition[member].clone();
    }
    let arn = |name: &str| format!("arn:aws:ssm:us-west-2:{ACCOUNT}:parameter{name}");
    let secrets = next
        .pointer_mut("/containerDefinitions/0/secrets")
        .and_then(Value::as_array_mut)
        .unwrap();
    for (name, from) in [
        ("MAIL_SECRET", arn("/redmine/mail/password")),
        ("HOSTS", arn("/redmine/hosts")),
        ("THEME", "redmine-theme".to_owned()),
        ("SMTP", "/redmine/smtp".to_owned()),
    ] {
        secrets.push(json!({ "name": name, "valueFrom": from }));
    }
    bench.call("us-west-2", "ecs", "RegisterTaskDefinition", next);
    bench.call(
        "us-west-2",
        "ecs",
        "UpdateService",
        json!({ "cluster": "redmine", "service": "web", "taskDefinition": "redmine" }),
    );
    // AWS makes its own key when it is first used, and keeps it: in this account that was long ago.
    bench.call(
        "eu-west-1",
        "ssm",
        "PutParameter",
        json!({ "Name": "/first", "Type": "SecureString", "Value": "x" }),
    );
    bench.call(
        "eu-west-1",
        "ssm",
        "DeleteParameter",
        json!({ "Name": "/first" }),
    );
    bench.wait(1_800);
    bench
}

/// The value of a parameter, as the world holds it; not as any API tells it.
fn truth(bench: &Bench, region: &str, name: &str) -> Option<(String, Option<String>, String)> {
    let world = bench.fork();
    let parameter = world
        .seen_place(ACCOUNT, region)?
        .ssm
        .parameters
        .get(name)?
        .clone();
    let last = parameter.versions.last()?;
    Some((
        last.value.clone(),
        last.key.clone(),
        last.kind.word().to_owned(),
    ))
}

fn nothing_in_target(bench: &Bench) {
    for name in [
        "/redmine/mail/password",
        "/redmine/hosts",
        "redmine-theme",
        "/redmine/db-host",
        "/redmine/smtp",
    ] {
        assert_eq!(truth(bench, "eu-west-1", name), None, "{name}");
    }
}

#[test]
fn parameters_have_the_sources_values_in_the_target_and_nobody_is_shown_them() {
    let bench = bench();
    let plan = bench.plan(Rehearsal::Real);
    let script = commands::script(&plan);
    assert!(
        script.contains(
            "aws ssm put-parameter --region eu-west-1 --cli-input-json '{\"Name\":\"/redmine/mail/password\""
        ),
        "{script}"
    );
    let policy = permissions::policy(&plan, false).to_string();
    assert!(policy.contains(&format!(
        "arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/redmine/mail/password"
    )));
    assert!(
        !policy.contains("parameter/redmine/db-host"),
        "its value is the manifest's: it is not read"
    );
    done(bench.live(bench.begin(plan)));

    let (value, key, kind) = truth(&bench, "eu-west-1", "/redmine/mail/password").unwrap();
    assert_eq!((value.as_str(), kind.as_str()), (PASSWORD, "SecureString"));
    let target_key = bench.call(
        "eu-west-1",
        "kms",
        "DescribeKey",
        json!({ "KeyId": "alias/redmine-eu" }),
    );
    assert_eq!(key.as_deref(), target_key["KeyMetadata"]["Arn"].as_str());
    for (name, kind) in [
        ("/redmine/hosts", "StringList"),
        ("redmine-theme", "String"),
    ] {
        let (source, _, _) = truth(&bench, "us-west-2", name).unwrap();
        assert_eq!(
            truth(&bench, "eu-west-1", name),
            Some((source, None, kind.to_owned()))
        );
    }
    let (host, _, _) = truth(&bench, "eu-west-1", "/redmine/db-host").unwrap();
    assert!(host.contains(".eu-west-1.rds."), "{host}");
    let (smtp, key, _) = truth(&bench, "eu-west-1", "/redmine/smtp").unwrap();
    let smtp: Value = serde_json::from_str(&smtp).unwrap();
    assert_eq!(
        smtp,
        json!({ "host": "smtp.eu-west-1.example", "port": 587, "password": SMTP })
    );
    assert_eq!(key.as_deref(), Some("alias/aws/ssm"));

    // The tasks of the target read the target's parameters: they would not run otherwise.
    let service = bench.call(
        "eu-west-1",
        "ecs",
        "DescribeServices",
        json!({ "cluster": "redmine", "services": ["web"] }),
    );
    assert_eq!(service["services"][0]["runningCount"], 2);
    let definition = bench.call(
        "eu-west-1",
        "ecs",
        "DescribeTaskDefinition",
        json!({ "taskDefinition": "redmine" }),
    );
    let definition = definition["taskDefinition"]["containerDefinitions"].to_string();
    assert!(
        definition.contains("arn:aws:ssm:eu-west-1:") && !definition.contains("us-west-2"),
        "{definition}"
    );

    let place = Place::new(bench.disk.clone(), "/memory", RunId::new("7f3a").unwrap());
    let records = journal::read(&place).unwrap();
    let page = html::page(&records).unwrap();
    let written = format!("{records:?}");
    assert!(written.contains("/redmine/mail/password") && page.contains("/redmine/mail/password"));
    let mut bytes = String::new();
    for file in bench
        .disk
        .list(std::path::Path::new("/memory/runs/7f3a"))
        .unwrap()
    {
        let path = std::path::Path::new("/memory/runs/7f3a").join(file);
        bytes += &String::from_utf8_lossy(&bench.disk.read(&path).unwrap_or_default());
    }
    assert!(
        bytes.contains("/redmine/mail/password"),
        "the journal was read"
    );
    for text in [&page, &written, &bytes] {
        assert!(!text.contains(PASSWORD) && !text.contains(SMTP));
    }
}

#[test]
fn killed_again_and_again_then_undone_parameters_are_gone_and_the_source_is_as_it_was_but_for_which_tasks_run()
 {
    let bench = bench();
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Real);
    let clock = bench.session.world().unwrap().clock();
    // Until the first parameter stands, whatever the length of what comes before.
    let mut run = Some(bench.begin(plan.clone()));
    let mut lives = 0;
    while truth(&bench, "eu-west-1", "/redmine/hosts").is_none() {
        clock.crash_at(100);
        assert!(bench.live(run.take().unwrap()).is_none(), "the power fails");
        clock.reboot();
        run = Some(bench.take_over(&plan).resume().unwrap());
        lives += 1;
        assert!(lives < 400, "the parameters are never made");
    }
    drop(run);
    kill::taken_back(&bench, &plan);
    nothing_in_target(&bench);
    bench.wait(3_600);
    let after = bench.fork();
    let (source, rest): (Vec<String>, Vec<String>) = differences(&before, &after)
        .into_iter()
        .partition(|path| path.starts_with("/111122223333 us-west-2/"));
    assert!(rest.is_empty(), "{rest:#?}");
    // Tasks that were started again are others, and change what everything after them is called there.
    let (was, is) = (but_for_tasks(&before), but_for_tasks(&after));
    assert!(was.len() > 30, "the source was looked at: {:?}", was.keys());
    let names: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let other: Vec<_> = names
        .into_iter()
        .filter(|name| was.get(*name) != is.get(*name))
        .map(|name| (name, was.get(name), is.get(name)))
        .collect();
    assert!(
        other.is_empty(),
        "{other:#?}; by its own count: {source:#?}"
    );
}

/// The source region in AWS's own words and with its own ids, by service and operation. Of tasks, which no two starts have in
/// common, everything but what they are called, where they run and who started them; an order that means nothing is left out.
fn but_for_tasks(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut said = world.described();
    let looks = said["111122223333 us-west-2"].take();
    let Value::Object(looks) = looks else {
        panic!("nothing stands in us-west-2");
    };
    looks
        .into_iter()
        .map(|(look, mut answers)| {
            settle(&look, &mut answers);
            let answers = answers.as_array().unwrap();
            let mut answers: Vec<String> = answers
                .iter()
                .map(|answer| match look.as_str() {
                    "ecs DescribeTasks" => answer["is"].to_string(),
                    _ => answer.to_string(),
                })
                .collect();
            answers.sort();
            (look, answers)
        })
        .collect()
}

fn settle(look: &str, value: &mut Value) {
    let dropped: &[&str] = match look {
        "ecs ListTasks" => &["taskArns"],
        "ecs DescribeTasks" => &[
            "taskArn",
            "containerArn",
            "runtimeId",
            "attachments",
            "networkInterfaces",
            "availabilityZone",
            "startedBy",
        ],
        "elbv2 DescribeTargetHealth" => &["Target"],
        // A rule that was taken away and put back is the same rule; EC2 gives it another id.
        "ec2 DescribeSecurityGroupRules" => &["SecurityGroupRuleId", "SecurityGroupRuleArn"],
        "ec2 DescribeSubnets" => &["AvailableIpAddressCount"],
        "logs DescribeLogGroups" => &["storedBytes"],
        _ => &[],
    };
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !dropped.contains(&name.as_str()));
            members.values_mut().for_each(|inner| settle(look, inner));
        }
        Value::Array(items) => {
            items.retain(|item| {
                let told = item["Description"].as_str();
                look != "ec2 DescribeNetworkInterfaces"
                    || !told.is_some_and(|told| told.contains(":attachment/"))
            });
            items.iter_mut().for_each(|item| settle(look, item));
            items.sort_by_key(Value::to_string);
        }
        _ => {}
    }
}

#[test]
fn a_drill_leaves_no_parameter() {
    let bench = bench();
    let before = bench.fork();
    let plan = bench.plan(Rehearsal::Drill);
    kill::rehearsed(&bench.live(bench.begin(plan)).expect("it ends"));
    nothing_in_target(&bench);
    kill::is_as_before(&bench, &before, "a drill");
}

#[test]
fn a_strangers_parameter_is_left_alone() {
    let bench = bench();
    bench.call(
        "eu-west-1",
        "ssm",
        "PutParameter",
        json!({ "Name": "redmine-theme", "Type": "String", "Value": "theirs" }),
    );
    bench.wait(120);
    let plan = bench.plan(Rehearsal::Real);
    let ended = bench.live(bench.begin(plan)).expect("it ends");
    let said = format!("{:?}", ended.result);
    assert!(!matches!(ended.result, Ok(Outcome::Done)), "{said}");
    let (value, _, _) = truth(&bench, "eu-west-1", "redmine-theme").unwrap();
    assert_eq!(value, "theirs");
}

#[test]
fn what_the_manifest_does_not_say_of_a_parameter_is_refused() {
    let mut bench = bench();
    let refused = |bench: &Bench| bench.planned(Rehearsal::DryRun).unwrap_err().render(false);
    bench.act(&Action::Call {
        account: ACCOUNT.into(),
        region: "us-west-2".into(),
        service: "ssm".into(),
        operation: "PutParameter".into(),
        input: json!({ "Name": "/redmine/hosts", "Value": "a.us-west-2.example", "Overwrite": true }),
    });
    bench.wait(60);
    let said = refused(&bench);
    assert!(
        said.contains("E1110") && said.contains("parameter /redmine/hosts"),
        "{said}"
    );
    bench.laid_over.clear();
    let said = refused(&bench);
    assert!(
        said.contains("E1111") && said.contains("ssm/redmine/mail/password"),
        "a task reads it, and nobody has said that it moves: {said}"
    );
    bench.laid_over = vec!["tests/it/overlays/parameter-in-the-open.yaml".into()];
    let said = refused(&bench);
    assert!(
        said.contains("E1050") && said.contains("SecureString"),
        "{said}"
    );
}

#[test]
fn a_caller_is_told_before_the_run_what_of_the_parameters_it_may_not_do() {
    let made = bench();
    let policy = permissions::policy(&made.plan(Rehearsal::Real), false);
    // What a capture looks at: of parameters, the plain one that does not move with its value too.
    let looks = json!({ "Effect": "Allow", "Resource": "*", "Action": [
        "*:Describe*", "*:List*", "ec2:Get*", "ecr:*Get*", "iam:Get*", "kms:Get*", "route53:Get*", "secretsmanager:Get*",
    ] });
    let arn = |name: &str| format!("arn:aws:ssm:us-west-2:{ACCOUNT}:parameter{name}");
    let host = json!({ "Effect": "Allow", "Resource": arn("/redmine/db-host"), "Action": "ssm:GetParameter" });
    for (without, place, action) in [
        ("nothing".to_owned(), "", ""),
        (
            arn("/redmine/mail/password"),
            "us-west-2",
            "ssm:GetParameter",
        ),
        (
            "ssm:PutParameter".to_owned(),
            "eu-west-1",
            "ssm:PutParameter",
        ),
    ] {
        let mut statements: Vec<Value> = policy["Statement"].as_array().unwrap().clone();
        for statement in &mut statements {
            for member in ["Action", "Resource"] {
                if let Some(Value::Array(all)) = statement.get_mut(member) {
                    all.retain(|one| *one != without);
                }
            }
        }
        statements.retain(|s| s["Action"] != json!([]) && s.get("Resource") != Some(&json!([])));
        statements.push(host.clone());
        statements.push(looks.clone());
        let prepared = Bench::of(made.fork(), None);
        let (key, secret) = user(&prepared, &statements);
        let mut bench = Bench::of(prepared.fork(), Some((&key, &secret)));
        bench.laid_over = made.laid_over.clone();
        let report = preflight(&bench, Rehearsal::Real, Depth::Reads);
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|f| (f.code, f.place.clone()))
            .collect();
        let wanted = match place {
            "" => vec![],
            _ => vec![("E2090", format!("{place} {action}"))],
        };
        assert_eq!(found, wanted, "without {without}: {:#?}", report.findings);
    }
}
