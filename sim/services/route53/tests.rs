//! Route 53's promises, without a wire.

mod answers;

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
