//! What is answered, to whom, and when; and what health checks have to do with it.

use super::*;

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
