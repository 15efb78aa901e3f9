//! Bad manifests, each with what a person reads.

use super::*;

const GOOD: &str = "\
apiVersion: drtool/v1
kind: Stack
name: shop
source: { region: us-west-2, account: \"111122223333\" }
targets:
  eu-west-1:
    network: { cidr: 10.20.0.0/16 }
objectives: { acceptDataLoss: 0s }
databases:
  - { name: main, instance: shop-db, move: snapshot }
services:
  - { name: web, service: shop/web, environment: { DB_HOST: \"${database.main.endpoint}\" } }
dns:
  - { zone: example.org, record: shop.example.org, to: web }
checks:
  - { http: { path: /, expect: 200 } }
probe: { image: postgres }
";

fn told(bytes: &[u8]) -> String {
    let mut sources = Sources::default();
    match load(
        &mut sources,
        &File {
            name: "shop.yaml",
            bytes,
        },
        &[],
    ) {
        Ok(_) => "accepted\n".to_owned(),
        Err(failures) => failures.render(false),
    }
}

/// `GOOD` with one piece replaced.
fn with(from: &str, to: &str) -> Vec<u8> {
    assert!(GOOD.contains(from), "{from}");
    GOOD.replacen(from, to, 1).into_bytes()
}

#[test]
fn the_good_manifest_is_accepted_also_with_a_byte_order_mark_and_carriage_returns() {
    assert_eq!(told(GOOD.as_bytes()), "accepted\n");
    assert_eq!(
        told(format!("\u{feff}{}", GOOD.replace('\n', "\r\n")).as_bytes()),
        "accepted\n"
    );
}

#[test]
fn every_bad_manifest_is_refused_with_its_place_and_what_to_do() {
    let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a]\nc: [*b, *b, *b]\n";
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", b"".to_vec()),
        ("only comments", b"# nothing\n".to_vec()),
        ("not UTF-8", b"name: x\nkind: \xff\n".to_vec()),
        ("UTF-16", vec![0xff, 0xfe, b'a', 0]),
        ("tabs", b"source:\n\tregion: us-west-2\n".to_vec()),
        ("unclosed quote", b"name: \"shop\nkind: x\n".to_vec()),
        ("two documents", b"a: 1\n---\nb: 2\n".to_vec()),
        ("billion laughs", bomb.as_bytes().to_vec()),
        ("recursive alias", b"a: &a [*a]\n".to_vec()),
        ("merge key", b"a: {<<: {b: 1}}\n".to_vec()),
        ("tag", b"a: !!python/object:os.system x\n".to_vec()),
        ("include", b"a: !include ../../etc/passwd\n".to_vec()),
        (
            "deep",
            format!("a: {}{}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes(),
        ),
        (
            "duplicate key",
            with("kind: Stack\n", "kind: Stack\nkind: Stack\n"),
        ),
        (
            "unknown field",
            with("move: snapshot", "move: snapshot, kmskey: x"),
        ),
        ("mistyped field", with("objectives:", "objectivs:")),
        ("missing field", with("name: shop\n", "")),
        ("no apiVersion", with("apiVersion: drtool/v1\n", "")),
        ("another apiVersion", with("drtool/v1", "drtool/v2")),
        ("another kind", with("kind: Stack", "kind: Deployment")),
        ("unquoted account", with("\"111122223333\"", "012345678901")),
        ("short account", with("111122223333", "11112222333")),
        (
            "digits of another script",
            with("111122223333", "٠١٢٣٤٥٦٧٨٩٠١"),
        ),
        (
            "region that is a truth value",
            with("region: us-west-2", "region: no"),
        ),
        ("region in capitals", with("us-west-2", "US-WEST-2")),
        (
            "duration without unit",
            with("acceptDataLoss: 0s", "acceptDataLoss: 5"),
        ),
        (
            "negative duration",
            with("acceptDataLoss: 0s", "acceptDataLoss: -5m"),
        ),
        ("from and to the same", with("eu-west-1:", "us-west-2:")),
        ("another partition", with("eu-west-1:", "cn-north-1:")),
        (
            "a block with host bits",
            with("10.20.0.0/16", "10.20.0.1/16"),
        ),
        ("a small block", with("10.20.0.0/16", "10.20.0.0/28")),
        (
            "made and adopted",
            with("cidr: 10.20.0.0/16", "cidr: 10.20.0.0/16, vpc: vpc-1"),
        ),
        (
            "wildcard",
            with("{ cidr: 10.20.0.0/16 }", "{ vpc: \"vpc-*\" }"),
        ),
        ("name with a path", with("name: shop\n", "name: ../x\n")),
        (
            "name with a look-alike letter",
            with("name: shop\n", "name: shоp\n"),
        ),
        (
            "two databases of one name",
            with(
                "  - { name: main, instance: shop-db, move: snapshot }\n",
                "  - { name: main, instance: a, move: snapshot }\n  - { name: main, instance: b, move: snapshot }\n",
            ),
        ),
        (
            "no bound on loss",
            with("objectives: { acceptDataLoss: 0s }\n", ""),
        ),
        ("no probe", with("probe: { image: postgres }\n", "")),
        ("a way not offered", with("move: snapshot", "move: global")),
        ("a way unknown", with("move: snapshot", "move: snapshots")),
        (
            "instance name",
            with("instance: shop-db", "instance: shop--db"),
        ),
        (
            "secret in the environment",
            with(
                "DB_HOST: \"${database.main.endpoint}\"",
                "DB_PASSWORD: hunter2",
            ),
        ),
        (
            "unknown reference",
            with("${database.main.endpoint}", "${file(\\\"/etc/passwd\\\")}"),
        ),
        (
            "mistyped reference",
            with("${database.main.endpoint}", "${database.main.endpont}"),
        ),
        (
            "reference to nothing",
            with("${database.main.endpoint}", "${database.mian.endpoint}"),
        ),
        ("record to nothing", with("to: web", "to: wbe")),
        (
            "record outside its zone",
            with("record: shop.example.org", "record: shop.example.com"),
        ),
        (
            "wildcard record",
            with("record: shop.example.org", "record: \"*.example.org\""),
        ),
        (
            "DNS without a check",
            with("checks:\n  - { http: { path: /, expect: 200 } }\n", ""),
        ),
        (
            "check of two kinds",
            with(
                "{ http: { path: /, expect: 200 } }",
                "{ http: { path: /, expect: 200 }, tcp: { service: web, port: 80 } }",
            ),
        ),
        (
            "check that expects failure",
            with("expect: 200", "expect: 500"),
        ),
        (
            "check elsewhere",
            with("path: /,", "path: \"http://169.254.169.254/\","),
        ),
        (
            "check of an address",
            with("path: /,", "host: 169.254.169.254, path: /,"),
        ),
        (
            "check that writes",
            with(
                "http: { path: /, expect: 200 }",
                "sql: { database: main, query: \"delete from users\" }",
            ),
        ),
        (
            "health check",
            with(
                "service: shop/web,",
                "service: shop/web, healthCheck: { interval: 1s },",
            ),
        ),
        (
            "service without cluster",
            with("service: shop/web", "service: web"),
        ),
        (
            "terminal escapes",
            with("name: shop\n", "name: \"\\e[2Jshop\\u202e\"\n"),
        ),
    ];
    let mut told_all = String::new();
    for (name, bytes) in cases {
        let told = told(&bytes);
        assert_ne!(told, "accepted\n", "{name}");
        assert!(!told.contains('\u{1b}'), "{name}");
        told_all.push_str(&format!("── {name}\n{told}\n"));
    }
    snapshot("bad-manifests", &told_all);
}

#[test]
fn a_manifest_over_one_mebibyte_is_refused_before_it_is_parsed() {
    let mut bytes = vec![b'#'; yaml::LARGEST + 1];
    bytes[0] = b'a';
    assert!(told(&bytes).contains("larger than 1 MiB"));
}

#[test]
fn the_schema_knows_every_field_and_says_what_it_is_for() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    for name in [
        "apiVersion",
        "source",
        "targets",
        "databases",
        "acceptedLoss",
        "allowSourceRegionIn",
    ] {
        assert!(properties.contains_key(name), "{name}");
        assert!(properties[name]["description"].is_string(), "{name}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn what_may_be_a_bare_name_is_one_in_the_schema_too() {
    let schema = schema();
    for kind in ["Secret", "Image"] {
        let either = &schema["$defs"][kind]["anyOf"];
        assert_eq!(either[0]["type"], "string", "{kind}: {either}");
        assert_eq!(either[1]["additionalProperties"], false, "{kind}: {either}");
    }
}
