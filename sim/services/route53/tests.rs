//! Route 53's promises, without a wire.

use super::*;
use crate::clock::{MINUTE, SECOND};
use std::net::Ipv4Addr;

const ACCOUNT: &str = "111122223333";

fn world() -> World {
    let mut world = World::new(7);
    world.settings.read_lag = 0;
    world.settings.throttle = false;
    world
}

fn call(world: &mut World, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, "us-east-1", ServiceId::Route53, operation, input)
}

fn zone(world: &mut World, name: &str) -> String {
    let out = call(
        world,
        "CreateHostedZone",
        json!({"Name": name, "CallerReference": name}),
    )
    .unwrap();
    bare(out["HostedZone"]["Id"].as_str().unwrap()).to_owned()
}

fn settled(world: &mut World, name: &str) -> String {
    let id = zone(world, name);
    pass(world, 2 * MINUTE);
    id
}

fn pass(world: &mut World, time: Nanos) {
    world.advance_to(world.now() + time);
}

fn batch(world: &mut World, zone: &str, changes: Value) -> Result<Value, AwsError> {
    let input =
        json!({"HostedZoneId": zone, "ChangeBatch": {"Comment": "why", "Changes": changes}});
    call(world, "ChangeResourceRecordSets", input)
}

fn set(action: &str, name: &str, rtype: &str, ttl: u64, values: &[&str]) -> Value {
    let rows: Vec<Value> = values.iter().map(|v| json!({"Value": v})).collect();
    json!({"Action": action, "ResourceRecordSet": {"Name": name, "Type": rtype, "TTL": ttl, "ResourceRecords": rows}})
}

fn routed(name: &str, identifier: &str, value: &str, more: Value) -> Value {
    let mut change = set("CREATE", name, "A", 60, &[value]);
    change["ResourceRecordSet"]["SetIdentifier"] = json!(identifier);
    for (key, value) in more.as_object().unwrap() {
        change["ResourceRecordSet"][key] = value.clone();
    }
    change
}

fn alias(name: &str, zone: &str, target: &str) -> Value {
    let target = json!({"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": true});
    json!({"Action": "CREATE", "ResourceRecordSet": {"Name": name, "Type": "A", "AliasTarget": target}})
}

fn refusal(result: Result<Value, AwsError>) -> (String, String) {
    let error = result.unwrap_err();
    (error.code, error.message)
}

fn answers(world: &World, name: &str) -> Vec<String> {
    match lookup(world, name, "A", None) {
        Lookup::Records { records, .. } => records,
        _ => vec![],
    }
}

fn names(world: &mut World, zone: &str) -> Vec<String> {
    let out = call(
        world,
        "ListResourceRecordSets",
        json!({"HostedZoneId": zone}),
    )
    .unwrap();
    out["ResourceRecordSets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| format!("{} {}", r["Name"], r["Type"]).replace('"', ""))
        .collect()
}

#[test]
fn a_zone_is_born_with_four_servers_and_its_ns_and_soa() {
    let mut world = world();
    let out = call(
        &mut world,
        "CreateHostedZone",
        json!({"Name": "Example.com", "CallerReference": "1"}),
    )
    .unwrap();
    assert_eq!(out["HostedZone"]["Name"], "example.com.");
    assert_eq!(out["HostedZone"]["ResourceRecordSetCount"], 2);
    assert_eq!(
        out["DelegationSet"]["NameServers"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(out["ChangeInfo"]["Status"], "PENDING");
    let id = bare(out["HostedZone"]["Id"].as_str().unwrap()).to_owned();
    assert_eq!(
        names(&mut world, &id),
        ["example.com. NS", "example.com. SOA"]
    );
}

#[test]
fn a_caller_reference_makes_one_zone() {
    let mut world = world();
    zone(&mut world, "example.com");
    let again = call(
        &mut world,
        "CreateHostedZone",
        json!({"Name": "example.org", "CallerReference": "example.com"}),
    );
    let error = again.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.status),
        ("HostedZoneAlreadyExists", Some(409))
    );
}

#[test]
fn a_zone_with_records_of_its_own_is_not_deleted() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    assert_eq!(
        refusal(call(&mut world, "DeleteHostedZone", json!({"Id": id}))).0,
        "HostedZoneNotEmpty"
    );
    batch(
        &mut world,
        &id,
        json!([set("DELETE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    call(&mut world, "DeleteHostedZone", json!({"Id": id})).unwrap();
    assert_eq!(
        refusal(call(&mut world, "GetHostedZone", json!({"Id": id}))).0,
        "NoSuchHostedZone"
    );
}

#[test]
fn a_batch_is_applied_wholly_or_not_at_all() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let (code, message) = refusal(batch(
        &mut world,
        &id,
        json!([
            set("CREATE", "good.example.com", "A", 60, &["192.0.2.1"]),
            set("DELETE", "absent.example.com", "A", 60, &["192.0.2.1"]),
        ]),
    ));
    assert_eq!(code, "InvalidChangeBatch");
    assert_eq!(
        message,
        "[Tried to delete resource record set [name='absent.example.com.', type='A'] but it was not found]"
    );
    assert_eq!(names(&mut world, &id).len(), 2);
}

#[test]
fn create_refuses_what_exists_and_delete_what_differs() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let www = |action: &str, ttl, values: &[&str]| {
        json!([set(action, "www.example.com", "A", ttl, values)])
    };
    batch(
        &mut world,
        &id,
        www("CREATE", 60, &["192.0.2.1", "192.0.2.2"]),
    )
    .unwrap();
    assert_eq!(
        refusal(batch(&mut world, &id, www("CREATE", 60, &["192.0.2.9"]))).1,
        "[Tried to create resource record set [name='www.example.com.', type='A'] but it already exists]"
    );
    let differs = "[Tried to delete resource record set [name='www.example.com.', type='A'] but the values provided do \
                   not match the current values]";
    assert_eq!(
        refusal(batch(&mut world, &id, www("DELETE", 60, &["192.0.2.1"]))).1,
        differs
    );
    assert_eq!(
        refusal(batch(
            &mut world,
            &id,
            www("DELETE", 61, &["192.0.2.1", "192.0.2.2"])
        ))
        .1,
        differs
    );
    batch(
        &mut world,
        &id,
        www("DELETE", 60, &["192.0.2.2", "192.0.2.1"]),
    )
    .unwrap();
    batch(&mut world, &id, www("UPSERT", 60, &["192.0.2.3"])).unwrap();
    batch(&mut world, &id, www("UPSERT", 30, &["192.0.2.4"])).unwrap();
}

#[test]
fn delete_and_create_in_one_batch_swap_a_record_only_if_it_is_as_expected() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let swap = |old: &str, new: &str| {
        json!([
            set("DELETE", "www.example.com", "A", 60, &[old]),
            set("CREATE", "www.example.com", "A", 60, &[new])
        ])
    };
    batch(&mut world, &id, swap("192.0.2.1", "192.0.2.2")).unwrap();
    assert_eq!(
        refusal(batch(&mut world, &id, swap("192.0.2.1", "192.0.2.3"))).0,
        "InvalidChangeBatch"
    );
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "www.example.com"), ["192.0.2.2"]);
}

#[test]
fn a_cname_stands_alone_and_never_at_the_apex() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let apex = batch(
        &mut world,
        &id,
        json!([set(
            "CREATE",
            "example.com",
            "CNAME",
            60,
            &["other.example.org"]
        )]),
    );
    assert_eq!(
        refusal(apex).1,
        "[RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.]"
    );
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let beside = batch(
        &mut world,
        &id,
        json!([set(
            "CREATE",
            "www.example.com",
            "CNAME",
            60,
            &["x.example.org"]
        )]),
    );
    assert_eq!(refusal(beside).0, "InvalidChangeBatch");
    batch(
        &mut world,
        &id,
        json!([set(
            "CREATE",
            "c.example.com",
            "CNAME",
            60,
            &["x.example.org"]
        )]),
    )
    .unwrap();
    let beside = batch(
        &mut world,
        &id,
        json!([set("CREATE", "c.example.com", "TXT", 60, &["\"t\""])]),
    );
    assert_eq!(refusal(beside).0, "InvalidChangeBatch");
}

#[test]
fn a_ttl_belongs_to_values_and_never_to_an_alias() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let mut bare_set = set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"]);
    bare_set["ResourceRecordSet"]
        .as_object_mut()
        .unwrap()
        .remove("TTL");
    let (code, message) = refusal(batch(&mut world, &id, json!([bare_set])));
    assert_eq!(code, "InvalidInput");
    assert_eq!(
        message,
        "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
         TrafficPolicyInstanceId], but found none in Change with [Action=CREATE, Name=www.example.com, Type=A, \
         SetIdentifier=null]"
    );
    let mut both = alias("www.example.com", &id, "example.com");
    both["ResourceRecordSet"]["TTL"] = json!(60);
    assert!(
        refusal(batch(&mut world, &id, json!([both])))
            .1
            .contains("found more than one")
    );
}

#[test]
fn values_are_checked_by_type() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    for (rtype, good, bad) in [
        ("A", "192.0.2.1", "192.0.2.256"),
        ("AAAA", "2001:db8::1", "2001:db8::g"),
        ("CNAME", "a.example.org.", "a b"),
        ("MX", "10 mail.example.org", "mail.example.org"),
        ("TXT", "\"one\" \"two\"", "bare"),
        ("SRV", "1 2 443 a.example.org", "1 2 a.example.org"),
        ("CAA", "0 issue \"amazon.com\"", "0 issue"),
        ("NS", "ns.example.org", "ns one"),
        ("DS", "1 2 3 AB", "1 2 3 ABC"),
        ("NAPTR", "1 2 \"u\" \"\" \"\" .", "1 2"),
    ] {
        let name = format!("t-{}.example.com", rtype.to_ascii_lowercase());
        let refused = refusal(batch(
            &mut world,
            &id,
            json!([set("CREATE", &name, rtype, 60, &[bad])]),
        ));
        assert_eq!(refused.0, "InvalidChangeBatch", "{rtype}");
        assert!(
            refused
                .1
                .starts_with("[Invalid Resource Record: 'FATAL problem: "),
            "{}",
            refused.1
        );
        batch(
            &mut world,
            &id,
            json!([set("CREATE", &name, rtype, 60, &[good])]),
        )
        .unwrap();
    }
    let twice = batch(
        &mut world,
        &id,
        json!([set(
            "CREATE",
            "d.example.com",
            "A",
            60,
            &["192.0.2.1", "192.0.2.1"]
        )]),
    );
    assert_eq!(refusal(twice).1, "[Duplicate Resource Record: '192.0.2.1']");
}

#[test]
fn names_are_lower_case_escaped_and_inside_the_zone() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "*.Example.COM", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    assert!(names(&mut world, &id).contains(&"\\\\052.example.com. A".to_owned()));
    let outside = batch(
        &mut world,
        &id,
        json!([set("CREATE", "notexample.com", "A", 60, &["192.0.2.1"])]),
    );
    assert_eq!(
        refusal(outside).1,
        "[RRSet with DNS name notexample.com. is not permitted in zone example.com.]"
    );
    batch(
        &mut world,
        &id,
        json!([set("DELETE", "\\052.example.com.", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
}

#[test]
fn a_batch_has_bounds_and_an_upsert_counts_twice() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let many = |action: &str, count: usize| -> Value {
        (0..count)
            .map(|n| {
                set(
                    action,
                    &format!("n{n}.example.com"),
                    "A",
                    60,
                    &["192.0.2.1"],
                )
            })
            .collect()
    };
    assert_eq!(
        refusal(batch(&mut world, &id, many("UPSERT", 501))).1,
        "[Number of records limit of 1000 exceeded.]"
    );
    batch(&mut world, &id, many("UPSERT", 500)).unwrap();
    let long = "x".repeat(250);
    let text = format!("\"{long}\"");
    let texts: Value = (0..65)
        .map(|n| set("UPSERT", &format!("t{n}.example.com"), "TXT", 60, &[&text]))
        .collect();
    assert_eq!(
        refusal(batch(&mut world, &id, texts)).1,
        "[Number of characters limit of 32000 exceeded.]"
    );
}

#[test]
fn a_change_is_pending_until_every_server_answers_by_it() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let out = batch(
        &mut world,
        &id,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let change = out["ChangeInfo"]["Id"].as_str().unwrap().to_owned();
    let submitted = world.now();
    let mut early = 0;
    loop {
        let info = call(&mut world, "GetChange", json!({"Id": change})).unwrap();
        let seen = (0..4).filter(|server| {
            let asker = Asker {
                server: Some(*server),
                ..Asker::default()
            };
            matches!(
                lookup_as(&world, "www.example.com", "A", &asker),
                Lookup::Records { .. }
            )
        });
        let seen = seen.count();
        if info["ChangeInfo"]["Status"] == "INSYNC" {
            assert_eq!(seen, 4);
            break;
        }
        early = early.max(seen);
        assert!(seen < 4 || world.now() > submitted);
        pass(&mut world, SECOND / 4);
    }
    let taken = world.now() - submitted;
    assert!((10 * SECOND..=61 * SECOND).contains(&taken), "{taken}");
    assert!(early > 0, "some server answers before the last one");
    assert_eq!(
        refusal(call(&mut world, "GetChange", json!({"Id": "C0"}))).0,
        "NoSuchChange"
    );
}

#[test]
fn a_batch_right_behind_another_is_refused_and_nothing_changes() {
    let mut world = world();
    world.settings.throttle = true;
    let id = settled(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "a.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let next = batch(
        &mut world,
        &id,
        json!([set("CREATE", "b.example.com", "A", 60, &["192.0.2.1"])]),
    );
    assert_eq!(refusal(next).0, "PriorRequestNotComplete");
    pass(&mut world, SECOND);
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "b.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
}

#[test]
fn record_sets_are_listed_by_reversed_name_and_paged_from_anywhere() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let changes: Value = ["b.a.example.com", "z.example.com", "a.example.com"]
        .iter()
        .map(|n| set("CREATE", n, "A", 60, &["192.0.2.1"]))
        .collect();
    batch(&mut world, &id, changes).unwrap();
    let whole = names(&mut world, &id);
    assert_eq!(
        whole,
        [
            "example.com. NS",
            "example.com. SOA",
            "a.example.com. A",
            "b.a.example.com. A",
            "z.example.com. A"
        ]
    );
    let (mut got, mut input) = (Vec::new(), json!({"HostedZoneId": id, "MaxItems": "1"}));
    loop {
        let page = call(&mut world, "ListResourceRecordSets", input.clone()).unwrap();
        let row = &page["ResourceRecordSets"][0];
        got.push(format!(
            "{} {}",
            row["Name"].as_str().unwrap(),
            row["Type"].as_str().unwrap()
        ));
        if page["IsTruncated"] == json!(false) {
            break;
        }
        input["StartRecordName"] = page["NextRecordName"].clone();
        input["StartRecordType"] = page["NextRecordType"].clone();
    }
    assert_eq!(got, whole);
}

#[test]
fn routed_record_sets_need_an_identifier_and_one_policy() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    let mut nameless = routed("w.example.com", "x", "192.0.2.1", json!({"Weight": 1}));
    nameless["ResourceRecordSet"]
        .as_object_mut()
        .unwrap()
        .remove("SetIdentifier");
    assert!(
        refusal(batch(&mut world, &id, json!([nameless])))
            .1
            .contains("Missing field 'SetIdentifier'")
    );
    let none = routed("w.example.com", "x", "192.0.2.1", json!({}));
    assert!(
        refusal(batch(&mut world, &id, json!([none])))
            .1
            .contains("but found none")
    );
    let two = routed(
        "w.example.com",
        "x",
        "192.0.2.1",
        json!({"Weight": 1, "Region": "eu-west-1"}),
    );
    assert!(
        refusal(batch(&mut world, &id, json!([two])))
            .1
            .contains("but found more than one")
    );
}

#[test]
fn simple_and_routed_record_sets_do_not_mix() {
    let mut world = world();
    let id = zone(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "w.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let weighted = routed("w.example.com", "x", "192.0.2.1", json!({"Weight": 1}));
    assert!(
        refusal(batch(&mut world, &id, json!([weighted])))
            .1
            .contains("because a non-weighted RRSet")
    );
    let swap = json!([
        set("DELETE", "w.example.com", "A", 60, &["192.0.2.1"]),
        routed("w.example.com", "x", "192.0.2.1", json!({"Weight": 1})),
        routed("w.example.com", "y", "192.0.2.2", json!({"Weight": 0})),
    ]);
    batch(&mut world, &id, swap).unwrap();
    let simple = batch(
        &mut world,
        &id,
        json!([set("CREATE", "w.example.com", "A", 60, &["192.0.2.3"])]),
    );
    assert!(
        refusal(simple)
            .1
            .contains("cannot be created as other RRSets exist")
    );
    let latency = routed(
        "w.example.com",
        "z",
        "192.0.2.1",
        json!({"Region": "eu-west-1"}),
    );
    assert!(
        refusal(batch(&mut world, &id, json!([latency])))
            .1
            .contains("because a non-latency RRSet")
    );
    pass(&mut world, 2 * MINUTE);
    assert_eq!(
        answers(&world, "w.example.com"),
        ["192.0.2.1"],
        "weight zero is not drawn"
    );
}

#[test]
fn weights_share_the_answers() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let sets = json!([
        routed("w.example.com", "x", "192.0.2.1", json!({"Weight": 3})),
        routed("w.example.com", "y", "192.0.2.2", json!({"Weight": 1})),
    ]);
    batch(&mut world, &id, sets).unwrap();
    pass(&mut world, 2 * MINUTE);
    let first = (0..1_000).filter(|draw| {
        let asker = Asker {
            draw: *draw,
            ..Asker::default()
        };
        lookup_as(&world, "w.example.com", "A", &asker)
            == Lookup::Records {
                rtype: "A".into(),
                records: vec!["192.0.2.1".into()],
                ttl: 60,
            }
    });
    let first = first.count();
    assert!((690..810).contains(&first), "{first}");
}

fn manual_check(world: &mut World, reference: &str) -> String {
    let config = json!({"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80, "Disabled": true});
    let input = json!({"CallerReference": reference, "HealthCheckConfig": config});
    call(world, "CreateHealthCheck", input).unwrap()["HealthCheck"]["Id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn turn(world: &mut World, check: &str, down: bool) {
    call(
        world,
        "UpdateHealthCheck",
        json!({"HealthCheckId": check, "Inverted": down}),
    )
    .unwrap();
}

#[test]
fn failover_follows_a_check_turned_by_hand_and_falls_back_to_the_primary() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let (one, two) = (
        manual_check(&mut world, "one"),
        manual_check(&mut world, "two"),
    );
    let missing = routed(
        "f.example.com",
        "p",
        "192.0.2.1",
        json!({"Failover": "PRIMARY", "HealthCheckId": "no"}),
    );
    assert_eq!(
        refusal(batch(&mut world, &id, json!([missing]))).0,
        "NoSuchHealthCheck"
    );
    let sets = json!([
        routed(
            "f.example.com",
            "p",
            "192.0.2.1",
            json!({"Failover": "PRIMARY", "HealthCheckId": one})
        ),
        routed(
            "f.example.com",
            "s",
            "192.0.2.2",
            json!({"Failover": "SECONDARY", "HealthCheckId": two})
        ),
    ]);
    batch(&mut world, &id, sets).unwrap();
    let third = routed(
        "f.example.com",
        "q",
        "192.0.2.3",
        json!({"Failover": "PRIMARY", "HealthCheckId": one}),
    );
    assert_eq!(
        refusal(batch(&mut world, &id, json!([third]))).0,
        "InvalidChangeBatch"
    );
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "f.example.com"), ["192.0.2.1"]);
    turn(&mut world, &one, true);
    assert_eq!(answers(&world, "f.example.com"), ["192.0.2.2"]);
    turn(&mut world, &two, true);
    assert_eq!(
        answers(&world, "f.example.com"),
        ["192.0.2.1"],
        "nothing is healthy: the primary"
    );
}

#[test]
fn latency_and_geolocation_answer_by_where_one_asks() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let sets = json!([
        routed(
            "l.example.com",
            "us",
            "192.0.2.1",
            json!({"Region": "us-west-2"})
        ),
        routed(
            "l.example.com",
            "eu",
            "192.0.2.2",
            json!({"Region": "eu-west-1"})
        ),
        routed(
            "g.example.com",
            "fr",
            "192.0.2.3",
            json!({"GeoLocation": {"CountryCode": "FR"}})
        ),
        routed(
            "g.example.com",
            "eu",
            "192.0.2.4",
            json!({"GeoLocation": {"ContinentCode": "EU"}})
        ),
        routed(
            "m.example.com",
            "1",
            "192.0.2.5",
            json!({"MultiValueAnswer": true})
        ),
        routed(
            "m.example.com",
            "2",
            "192.0.2.6",
            json!({"MultiValueAnswer": true})
        ),
    ]);
    batch(&mut world, &id, sets).unwrap();
    pass(&mut world, 2 * MINUTE);
    let from = |name: &str, asker: Asker| match lookup_as(&world, name, "A", &asker) {
        Lookup::Records { mut records, .. } => {
            records.sort();
            records
        }
        _ => vec![],
    };
    let near = |region: &str| Asker {
        region: Some(region.into()),
        ..Asker::default()
    };
    assert_eq!(from("l.example.com", near("us-west-1")), ["192.0.2.1"]);
    assert_eq!(from("l.example.com", near("eu-central-1")), ["192.0.2.2"]);
    let country = |c: &str| Asker {
        country: Some(c.into()),
        continent: Some("EU".into()),
        ..Asker::default()
    };
    assert_eq!(from("g.example.com", country("FR")), ["192.0.2.3"]);
    assert_eq!(from("g.example.com", country("DE")), ["192.0.2.4"]);
    assert_eq!(lookup(&world, "g.example.com", "A", None), Lookup::NoData);
    assert_eq!(
        from("m.example.com", Asker::default()),
        ["192.0.2.5", "192.0.2.6"]
    );
}

#[test]
fn addresses_choose_by_cidr() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let made = call(
        &mut world,
        "CreateCidrCollection",
        json!({"Name": "c", "CallerReference": "c"}),
    )
    .unwrap();
    let collection = made["Collection"]["Id"].as_str().unwrap().to_owned();
    let changes =
        json!([{"LocationName": "office", "Action": "PUT", "CidrList": ["198.51.100.0/24"]}]);
    call(
        &mut world,
        "ChangeCidrCollection",
        json!({"Id": collection, "Changes": changes}),
    )
    .unwrap();
    let place =
        |l: &str| json!({"CidrRoutingConfig": {"CollectionId": collection, "LocationName": l}});
    let sets = json!([
        routed("i.example.com", "o", "192.0.2.1", place("office")),
        routed("i.example.com", "d", "192.0.2.2", place("*")),
    ]);
    batch(&mut world, &id, sets).unwrap();
    pass(&mut world, 2 * MINUTE);
    let asker = Asker {
        address: Some(Ipv4Addr::new(198, 51, 100, 7)),
        ..Asker::default()
    };
    let Lookup::Records { records, .. } = lookup_as(&world, "i.example.com", "A", &asker) else {
        panic!()
    };
    assert_eq!(records, ["192.0.2.1"]);
    assert_eq!(answers(&world, "i.example.com"), ["192.0.2.2"]);
    assert_eq!(
        refusal(call(
            &mut world,
            "DeleteCidrCollection",
            json!({"Id": collection})
        ))
        .0,
        "CidrCollectionInUseException"
    );
}

#[test]
fn an_alias_needs_a_target_in_the_zone_it_names() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let missing = batch(
        &mut world,
        &id,
        json!([alias("example.com", &id, "www.example.com")]),
    );
    assert!(
        refusal(missing)
            .1
            .ends_with("but that target was not found]")
    );
    let elsewhere = batch(
        &mut world,
        &id,
        json!([alias("example.com", &id, "a.b.elb.amazonaws.com")]),
    );
    assert!(
        refusal(elsewhere)
            .1
            .contains("but the alias target name does not lie within the target zone")
    );
    batch(
        &mut world,
        &id,
        json!([
            set("CREATE", "www.example.com", "A", 33, &["192.0.2.1"]),
            alias("example.com", &id, "www.example.com")
        ]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "example.com"), ["192.0.2.1"]);
    let foreign = alias(
        "a.example.com",
        "Z32O12XQLNTSW2",
        "absent-1.eu-west-1.elb.amazonaws.com",
    );
    assert!(
        refusal(batch(&mut world, &id, json!([foreign])))
            .1
            .contains("but that target was not found")
    );
}

#[test]
fn wildcards_cover_what_does_not_exist_and_nothing_below_what_does() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let sets = json!([
        set("CREATE", "*.example.com", "A", 60, &["192.0.2.1"]),
        set("CREATE", "a.b.example.com", "A", 60, &["192.0.2.2"]),
        set("CREATE", "t.example.com", "TXT", 60, &["\"x\""]),
        set("CREATE", "c.example.com", "CNAME", 60, &["a.example.org"]),
    ]);
    batch(&mut world, &id, sets).unwrap();
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "any.example.com"), ["192.0.2.1"]);
    assert_eq!(answers(&world, "deep.er.example.com"), ["192.0.2.1"]);
    assert_eq!(lookup(&world, "b.example.com", "A", None), Lookup::NoData);
    assert_eq!(
        lookup(&world, "x.b.example.com", "A", None),
        Lookup::NxDomain
    );
    assert_eq!(lookup(&world, "t.example.com", "A", None), Lookup::NoData);
    let Lookup::Records { rtype, records, .. } = lookup(&world, "c.example.com", "A", None) else {
        panic!()
    };
    assert_eq!(
        (rtype.as_str(), records[0].as_str()),
        ("CNAME", "a.example.org")
    );
    assert_eq!(
        lookup(&world, "www.example.net", "A", None),
        Lookup::NxDomain
    );
}

#[test]
fn a_zone_below_another_answers_only_when_it_is_delegated_to() {
    let mut world = world();
    let above = settled(&mut world, "example.com");
    let out = call(
        &mut world,
        "CreateHostedZone",
        json!({"Name": "sub.example.com", "CallerReference": "s"}),
    )
    .unwrap();
    let below = bare(out["HostedZone"]["Id"].as_str().unwrap()).to_owned();
    batch(
        &mut world,
        &below,
        json!([set(
            "CREATE",
            "www.sub.example.com",
            "A",
            60,
            &["192.0.2.1"]
        )]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    assert_eq!(
        lookup(&world, "www.sub.example.com", "A", None),
        Lookup::NxDomain
    );
    let servers: Vec<&str> = out["DelegationSet"]["NameServers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    batch(
        &mut world,
        &above,
        json!([set("CREATE", "sub.example.com", "NS", 60, &servers)]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "www.sub.example.com"), ["192.0.2.1"]);
}

#[test]
fn the_elder_of_two_zones_of_one_name_answers() {
    let mut world = world();
    let first = settled(&mut world, "example.com");
    let out = call(
        &mut world,
        "CreateHostedZone",
        json!({"Name": "example.com", "CallerReference": "2"}),
    )
    .unwrap();
    let second = bare(out["HostedZone"]["Id"].as_str().unwrap()).to_owned();
    batch(
        &mut world,
        &second,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.2"])]),
    )
    .unwrap();
    batch(
        &mut world,
        &first,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    assert_eq!(answers(&world, "www.example.com"), ["192.0.2.1"]);
}

#[test]
fn a_health_check_is_made_once_per_reference_and_changed_by_version() {
    let mut world = world();
    let config = json!({"Type": "HTTPS", "FullyQualifiedDomainName": "example.com"});
    let input = json!({"CallerReference": "r", "HealthCheckConfig": config});
    let made = call(&mut world, "CreateHealthCheck", input.clone()).unwrap();
    assert_eq!(made["HealthCheck"]["HealthCheckConfig"]["Port"], 443);
    assert_eq!(
        call(&mut world, "CreateHealthCheck", input.clone()).unwrap(),
        made
    );
    let mut other = input.clone();
    other["HealthCheckConfig"]["ResourcePath"] = json!("/up");
    assert_eq!(
        refusal(call(&mut world, "CreateHealthCheck", other)).0,
        "HealthCheckAlreadyExists"
    );
    let id = made["HealthCheck"]["Id"].clone();
    let stale = json!({"HealthCheckId": id, "HealthCheckVersion": 9, "Port": 8443});
    assert_eq!(
        refusal(call(&mut world, "UpdateHealthCheck", stale)).0,
        "HealthCheckVersionMismatch"
    );
    let fresh = json!({"HealthCheckId": id, "HealthCheckVersion": 1, "Port": 8443});
    assert_eq!(
        call(&mut world, "UpdateHealthCheck", fresh).unwrap()["HealthCheck"]["HealthCheckVersion"],
        2
    );
    call(
        &mut world,
        "DeleteHealthCheck",
        json!({"HealthCheckId": id}),
    )
    .unwrap();
    assert_eq!(
        refusal(call(&mut world, "CreateHealthCheck", input)).0,
        "HealthCheckAlreadyExists"
    );
}

#[test]
fn a_check_of_a_dead_endpoint_turns_after_its_threshold() {
    let mut world = world();
    let config = json!({"Type": "HTTP", "IPAddress": "203.0.113.77", "RequestInterval": 10, "FailureThreshold": 3});
    let made = call(
        &mut world,
        "CreateHealthCheck",
        json!({"CallerReference": "r", "HealthCheckConfig": config}),
    )
    .unwrap();
    let id = made["HealthCheck"]["Id"].as_str().unwrap().to_owned();
    pass(&mut world, 21 * SECOND);
    assert!(is_healthy(&world, ACCOUNT, &id));
    pass(&mut world, 10 * SECOND);
    assert!(!is_healthy(&world, ACCOUNT, &id));
    let out = call(
        &mut world,
        "GetHealthCheckStatus",
        json!({"HealthCheckId": id}),
    )
    .unwrap();
    assert_eq!(out["HealthCheckObservations"].as_array().unwrap().len(), 8);
    let calculated = json!({"Type": "CALCULATED", "ChildHealthChecks": [id], "HealthThreshold": 1});
    let made = call(
        &mut world,
        "CreateHealthCheck",
        json!({"CallerReference": "c", "HealthCheckConfig": calculated}),
    );
    assert!(!is_healthy(
        &world,
        ACCOUNT,
        made.unwrap()["HealthCheck"]["Id"].as_str().unwrap()
    ));
}

#[test]
fn zones_are_listed_by_name_and_tagged() {
    let mut world = world();
    let id = zone(&mut world, "b.org");
    zone(&mut world, "a.org");
    zone(&mut world, "z.com");
    let out = call(
        &mut world,
        "ListHostedZonesByName",
        json!({"MaxItems": "2"}),
    )
    .unwrap();
    let names: Vec<&str> = out["HostedZones"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|z| z["Name"].as_str())
        .collect();
    assert_eq!(names, ["z.com.", "a.org."]);
    assert_eq!(out["NextDNSName"], "b.org.");
    let tags = json!({"ResourceType": "hostedzone", "ResourceId": id, "AddTags": [{"Key": "k", "Value": "v"}]});
    call(&mut world, "ChangeTagsForResource", tags).unwrap();
    let out = call(
        &mut world,
        "ListTagsForResource",
        json!({"ResourceType": "hostedzone", "ResourceId": id}),
    )
    .unwrap();
    assert_eq!(
        out["ResourceTagSet"]["Tags"],
        json!([{"Key": "k", "Value": "v"}])
    );
}

#[test]
fn a_test_answer_says_what_one_server_would_say() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "www.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    let ask = |name: &str| json!({"HostedZoneId": id, "RecordName": name, "RecordType": "A"});
    let out = call(&mut world, "TestDNSAnswer", ask("www.example.com")).unwrap();
    assert_eq!(
        (&out["ResponseCode"], &out["RecordData"]),
        (&json!("NOERROR"), &json!(["192.0.2.1"]))
    );
    let out = call(&mut world, "TestDNSAnswer", ask("no.example.com")).unwrap();
    assert_eq!(out["ResponseCode"], "NXDOMAIN");
}

/// A VPC with two subnets behind an internet gateway.
fn network(world: &mut World, region: &str) -> (String, Vec<String>) {
    let mut ec2 = |operation: &str, input: Value| {
        world
            .invoke(ACCOUNT, region, ServiceId::Ec2, operation, input)
            .unwrap_or_else(|e| panic!("{operation}: {e}"))
    };
    let vpc = ec2("CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
    let gateway =
        ec2("CreateInternetGateway", json!({}))["InternetGateway"]["InternetGatewayId"].clone();
    ec2(
        "AttachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": vpc}),
    );
    let subnets = ["a", "b"].iter().enumerate().map(|(n, zone)| {
        let input = json!({
            "VpcId": vpc, "CidrBlock": format!("10.0.{n}.0/24"), "AvailabilityZone": format!("{region}{zone}"),
        });
        ec2("CreateSubnet", input)["Subnet"]["SubnetId"].as_str().unwrap().to_owned()
    });
    let subnets = subnets.collect();
    (vpc.as_str().unwrap().to_owned(), subnets)
}

#[test]
fn an_alias_to_a_balancer_answers_its_addresses_and_needs_its_regions_zone() {
    let mut world = world();
    let id = settled(&mut world, "example.com");
    let (_, subnets) = network(&mut world, "eu-west-1");
    let input = json!({"Name": "front", "Subnets": subnets});
    let made = world
        .invoke(
            ACCOUNT,
            "eu-west-1",
            ServiceId::Elbv2,
            "CreateLoadBalancer",
            input,
        )
        .unwrap();
    let balancer = &made["LoadBalancers"][0];
    let (zone, dns) = (
        balancer["CanonicalHostedZoneId"].as_str().unwrap(),
        balancer["DNSName"].as_str().unwrap(),
    );
    let elsewhere = batch(
        &mut world,
        &id,
        json!([alias("www.example.com", "Z35SXDOTRQ7X7K", dns)]),
    );
    assert!(
        refusal(elsewhere)
            .1
            .contains("does not lie within the target zone")
    );
    batch(
        &mut world,
        &id,
        json!([alias("www.example.com", zone, &format!("dualstack.{dns}"))]),
    )
    .unwrap();
    pass(&mut world, 10 * MINUTE);
    let Lookup::Records { records, ttl, .. } = lookup(&world, "www.example.com", "A", None) else {
        panic!()
    };
    assert_eq!((records.len(), ttl), (2, 60));
    assert!(records.iter().all(|r| r.parse::<Ipv4Addr>().is_ok()));
    let listed = call(
        &mut world,
        "ListResourceRecordSets",
        json!({"HostedZoneId": id}),
    )
    .unwrap();
    let target = &listed["ResourceRecordSets"][2]["AliasTarget"];
    assert_eq!(
        target["DNSName"],
        format!("dualstack.{}.", dns.to_ascii_lowercase())
    );
}

#[test]
fn a_private_zone_is_seen_from_its_vpcs_only_and_hides_the_public_one() {
    let mut world = world();
    let (vpc, _) = network(&mut world, "eu-west-1");
    let public = settled(&mut world, "example.com");
    batch(
        &mut world,
        &public,
        json!([set("CREATE", "only.example.com", "A", 60, &["192.0.2.1"])]),
    )
    .unwrap();
    let seat = json!({"VPCRegion": "eu-west-1", "VPCId": vpc});
    let input = json!({"Name": "example.com", "CallerReference": "p", "VPC": seat});
    let made = call(&mut world, "CreateHostedZone", input).unwrap();
    let id = bare(made["HostedZone"]["Id"].as_str().unwrap()).to_owned();
    assert_eq!(made["HostedZone"]["Config"]["PrivateZone"], true);
    batch(
        &mut world,
        &id,
        json!([set("CREATE", "db.example.com", "A", 60, &["10.0.0.9"])]),
    )
    .unwrap();
    pass(&mut world, 2 * MINUTE);
    let inside = |name: &str| lookup(&world, name, "A", Some(("eu-west-1", &vpc)));
    assert!(matches!(inside("db.example.com"), Lookup::Records { .. }));
    assert_eq!(inside("only.example.com"), Lookup::NxDomain);
    assert_eq!(
        lookup(&world, "db.example.com", "A", None),
        Lookup::NxDomain
    );
    let again = json!({"Name": "example.com", "CallerReference": "q", "VPC": seat});
    assert_eq!(
        refusal(call(&mut world, "CreateHostedZone", again)).0,
        "ConflictingDomainExists"
    );
    let missing = json!({"VPCRegion": "eu-west-1", "VPCId": "vpc-0"});
    let stranger = json!({"HostedZoneId": id, "VPC": missing});
    assert_eq!(
        refusal(call(&mut world, "AssociateVPCWithHostedZone", stranger)).0,
        "InvalidVPCId"
    );
    let last = json!({"HostedZoneId": id, "VPC": seat});
    assert_eq!(
        refusal(call(&mut world, "DisassociateVPCFromHostedZone", last)).0,
        "LastVPCAssociation"
    );
    let public_one = json!({"HostedZoneId": public, "VPC": seat});
    assert_eq!(
        refusal(call(&mut world, "AssociateVPCWithHostedZone", public_one)).0,
        "PublicZoneVPCAssociation"
    );
    let listed = call(
        &mut world,
        "ListHostedZonesByVPC",
        json!({"VPCId": vpc, "VPCRegion": "eu-west-1"}),
    )
    .unwrap();
    assert_eq!(listed["HostedZoneSummaries"][0]["HostedZoneId"], json!(id));
}
