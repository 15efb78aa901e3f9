//! Bad manifests, line by line of what people and machines get wrong, given to the real binary: one clear error each, exit
//! status 2, the file and the place in it, and nothing written anywhere.

use super::Desk;

/// What is written, and which code answers it. A piece of the Redmine manifest is replaced, or all of it.
enum Written<'a> {
    Whole(Vec<u8>),
    Instead(&'a str, &'a str),
}
use Written::{Instead, Whole};

#[test]
fn each_is_refused_by_its_code_at_its_place() {
    let bomb =
        "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b]\n";
    let account = "account: \"111122223333\"";
    let check = "{ path: /login, expect: 200, body: Redmine }";
    let line = |text: &str| text.as_bytes().to_vec();
    let cases: Vec<(&str, Written<'_>, &str)> = vec![
        ("empty", Whole(vec![]), "E1001"),
        (
            "only comments",
            Whole(line("# nothing\n\n# here\n")),
            "E1001",
        ),
        (
            "a byte more than 1 MiB",
            Whole(vec![b'#'; 1024 * 1024 + 1]),
            "E1002",
        ),
        (
            "a byte that is no UTF-8",
            Whole(b"a: 1\nb: \xff\n".to_vec()),
            "E1004",
        ),
        ("UTF-16", Whole(vec![0xff, 0xfe, b'a', 0, b':', 0]), "E1004"),
        (
            "tabs",
            Whole(line("source:\n\tregion: us-west-2\n")),
            "E1010",
        ),
        (
            "unclosed quote",
            Instead("name: redmine", "name: \"redmine"),
            "E1010",
        ),
        (
            "unclosed braces",
            Instead("{ region: us-west-2,", "{{ region: us-west-2,"),
            "E1010",
        ),
        (
            "two documents",
            Instead("objectives:", "---\nobjectives:"),
            "E1011",
        ),
        ("billion laughs", Whole(line(bomb)), "E1012"),
        ("recursive alias", Whole(line("a: &a [*a]\n")), "E1012"),
        (
            "python object",
            Instead("name: redmine", "name: !!python/object:os.system x"),
            "E1013",
        ),
        (
            "include",
            Instead("name: redmine", "name: !include ../../etc/passwd"),
            "E1013",
        ),
        (
            "binary",
            Instead("name: redmine", "name: !!binary aGk="),
            "E1013",
        ),
        (
            "deep",
            Whole(format!("a: {}", "[".repeat(10_000)).into_bytes()),
            "E1014",
        ),
        (
            "key twice",
            Instead("name: redmine", "name: redmine\nname: redmine"),
            "E1016",
        ),
        (
            "list twice",
            Instead("databases:", "services: []\ndatabases:"),
            "E1016",
        ),
        (
            "unknown field",
            Instead("move: snapshot", "mvoe: snapshot"),
            "E1020",
        ),
        (
            "unknown nested field",
            Instead("interval: 5s", "intervall: 5s"),
            "E1020",
        ),
        (
            "other kind",
            Instead("kind: Stack", "kind: Runbook"),
            "E1021",
        ),
        ("other version", Instead("drtool/v1", "drtool/v2"), "E1021"),
        (
            "no version",
            Instead("apiVersion: drtool/v1\n", ""),
            "E1021",
        ),
        (
            "account as a number",
            Instead(account, "account: 111122223333"),
            "E1023",
        ),
        (
            "account as an octal number",
            Instead(account, "account: 012345678901"),
            "E1023",
        ),
        (
            "account of 11 digits",
            Instead(account, "account: \"11112222333\""),
            "E1024",
        ),
        (
            "account of 13 digits",
            Instead(account, "account: \"1111222233334\""),
            "E1024",
        ),
        (
            "account in Arabic-Indic digits",
            Instead(account, "account: \"١١١١٢٢٢٢٣٣٣٣\""),
            "E1024",
        ),
        (
            "a region that YAML calls false",
            Instead("region: us-west-2", "region: no"),
            "E1025",
        ),
        (
            "a region in capitals",
            Instead("region: us-west-2", "region: US-WEST-2"),
            "E1028",
        ),
        (
            "a region with a space",
            Instead("region: us-west-2", "region: \"us-west-2 \""),
            "E1028",
        ),
        (
            "a region with a dotless i",
            Instead("eu-west-1:", "\"eu-west-ı\":"),
            "E1028",
        ),
        (
            "a duration without a unit",
            Instead("rto: 75m", "rto: \"5\""),
            "E1026",
        ),
        (
            "a negative duration",
            Instead("rto: 75m", "rto: -5m"),
            "E1026",
        ),
        (
            "an endless duration",
            Instead("rto: 75m", "rto: 1e9h"),
            "E1026",
        ),
        (
            "a duration that is no number",
            Instead("rto: 75m", "rto: NaN"),
            "E1026",
        ),
        (
            "to where it is",
            Instead("  eu-west-1:", "  us-west-2:"),
            "E1030",
        ),
        (
            "a wildcard",
            Instead("instance: redmine-db", "instance: \"*\""),
            "E1040",
        ),
        (
            "a way out of the folder",
            Instead("name: redmine\n", "name: ../redmine\n"),
            "E1040",
        ),
        (
            "a device's name with a dash",
            Instead("name: redmine\n", "name: -redmine\n"),
            "E1040",
        ),
        (
            "a name with spaces",
            Instead("name: redmine\n", "name: red mine\n"),
            "E1040",
        ),
        (
            "a look-alike letter",
            Instead("name: redmine\n", "name: rеdmine\n"),
            "E1040",
        ),
        (
            "no bound on lost data",
            Instead(", acceptDataLoss: 0s", ""),
            "E1045",
        ),
        (
            "a secret in the environment",
            Instead(
                "DB_HOST: \"${database.main.endpoint}\"",
                "AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            ),
            "E1050",
        ),
        (
            "a file as a reference",
            Instead("${database.main.endpoint}", "${file(\\\"/etc/passwd\\\")}"),
            "E1062",
        ),
        (
            "the environment as a reference",
            Instead("${database.main.endpoint}", "${env.AWS_SECRET_ACCESS_KEY}"),
            "E1062",
        ),
        (
            "a database that is not listed",
            Instead("${database.main.endpoint}", "${database.other.endpoint}"),
            "E1061",
        ),
        (
            "metadata",
            Instead("path: /login", "path: \"http://169.254.169.254/latest\""),
            "E1072",
        ),
        (
            "a file as a check",
            Instead(check, "{ path: \"file:///etc/passwd\", expect: 200 }"),
            "E1072",
        ),
        (
            "a class of answers",
            Instead("expect: 200", "expect: 5xx"),
            "E1022",
        ),
        (
            "an answer that is none",
            Instead("expect: 200", "expect: 700"),
            "E1084",
        ),
        ("no probes", Instead("healthy: 2", "healthy: 0"), "E1084"),
        (
            "a name that RDS refuses",
            Instead("instance: redmine-db", "instance: redmine--db"),
            "E1081",
        ),
        (
            "a name that ends with a dash",
            Instead("instance: redmine-db", "instance: redmine-"),
            "E1081",
        ),
        (
            "a record outside its zone",
            Instead("zone: infracourse.cloud", "zone: example.org"),
            "E1035",
        ),
        (
            "a mistyped way",
            Instead("move: snapshot", "move: snapshoot"),
            "E1022",
        ),
    ];
    let desk = Desk::new("bad");
    let good = std::fs::read_to_string(desk.path("manifests/redmine.yaml")).unwrap();
    let mut wrong = vec![];
    for (name, written, code) in &cases {
        let bytes = match written {
            Whole(bytes) => bytes.clone(),
            Instead(from, to) => {
                assert!(good.contains(from), "{name}: {from}");
                good.replacen(from, to, 1).into_bytes()
            }
        };
        desk.write("bad.yaml", &bytes);
        desk.write(
            "bad.capture.json",
            std::fs::read(desk.path("manifests/redmine.capture.json")).unwrap(),
        );
        let seen = desk.run("plan --manifest bad.yaml --to eu-west-1 --json");
        let first = seen.err.lines().next().unwrap_or_default();
        let Ok(said) = serde_json::from_str::<serde_json::Value>(first) else {
            wrong.push(format!(
                "{name}: exit {}, no JSON: {}{}",
                seen.exit,
                seen.err,
                &seen.out[..seen.out.len().min(80)]
            ));
            continue;
        };
        // Faults of a whole file have no line of their own.
        let of_file = ["E1001", "E1002"].contains(code);
        let at = said["at"].as_str().unwrap_or_default();
        let placed = of_file || at.starts_with("bad.yaml:") && at.split(':').count() == 3;
        if said["error"] != *code || seen.exit != 2 || !placed || !seen.out.is_empty() {
            wrong.push(format!("{name}: wanted {code}, exit {}: {said}", seen.exit));
        }
        // The same for people: the code, and nothing that a terminal obeys.
        let seen = desk.run("plan --manifest bad.yaml --to eu-west-1");
        let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
        if !seen.err.contains(code) || seen.err.contains(obeyed) || seen.err.contains("panicked") {
            wrong.push(format!("{name}, for people: {}", seen.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!desk.path(".drtool").exists(), "nothing was written");
}

#[test]
fn what_only_looks_strange_is_taken_as_it_is_written() {
    let desk = Desk::new("strange");
    for (name, from, to) in [
        (
            "a date as a word",
            "why: \"CI is repointed by hand, see the wiki\"",
            "why: 2024-01-01",
        ),
        (
            "a shell's word",
            "why: \"CI is repointed by hand, see the wiki\"",
            "why: \"$(id) `id` {{ 7*7 }}\"",
        ),
        ("carriage returns", "\n", "\n"),
    ] {
        let good = std::fs::read_to_string(desk.path("manifests/redmine.yaml")).unwrap();
        let mut text = good.replacen(from, to, 1);
        if name == "carriage returns" {
            text = format!("\u{feff}{}", good.replace('\n', "\r\n"));
        }
        desk.write("manifests/strange.yaml", &text);
        desk.write(
            "manifests/strange.capture.json",
            std::fs::read(desk.path("manifests/redmine.capture.json")).unwrap(),
        );
        let seen = desk.run("plan --manifest manifests/strange.yaml --to eu-west-1");
        assert_eq!(seen.exit, 0, "{name}: {}", seen.err);
        if name == "a shell's word" {
            assert!(seen.out.contains("$(id) `id` {{ 7*7 }}"), "literally");
        }
    }
}
