//! ACM's promises, without a wire.

use super::*;
use crate::clock::{MINUTE, SECOND};

const ACCOUNT: &str = "111122223333";

fn world() -> World {
    let mut world = World::new(3);
    world.settings.read_lag = 0;
    world.settings.throttle = false;
    let zone = json!({"Name": "example.com", "CallerReference": "z"});
    world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Route53,
            "CreateHostedZone",
            zone,
        )
        .unwrap();
    world.advance_to(2 * MINUTE);
    world
}

fn call(world: &mut World, region: &str, operation: &str, input: Value) -> Result<Value, AwsError> {
    world.invoke(ACCOUNT, region, ServiceId::Acm, operation, input)
}

fn requested(world: &mut World, region: &str, names: &[&str]) -> String {
    let mut input = json!({"DomainName": names[0], "ValidationMethod": "DNS"});
    if names.len() > 1 {
        input["SubjectAlternativeNames"] = json!(&names[1..]);
    }
    call(world, region, "RequestCertificate", input).unwrap()["CertificateArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn described(world: &mut World, arn: &str) -> Value {
    let region = place_of(arn).unwrap().1.to_owned();
    call(
        world,
        &region,
        "DescribeCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap()["Certificate"]
        .clone()
}

fn put_record(world: &mut World, name: &Value, rtype: &str, value: &Value) {
    let zones = world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Route53,
            "ListHostedZones",
            json!({}),
        )
        .unwrap();
    let set =
        json!({"Name": name, "Type": rtype, "TTL": 60, "ResourceRecords": [{"Value": value}]});
    let changes = json!([{"Action": "UPSERT", "ResourceRecordSet": set}]);
    let zone = zones["HostedZones"][0]["Id"].as_str().unwrap();
    let zone = zone.trim_start_matches("/hostedzone/");
    let input = json!({"HostedZoneId": zone, "ChangeBatch": {"Changes": changes}});
    world
        .invoke(
            ACCOUNT,
            "us-east-1",
            ServiceId::Route53,
            "ChangeResourceRecordSets",
            input,
        )
        .unwrap();
}

fn pass(world: &mut World, time: Nanos) {
    world.advance_to(world.now() + time);
}

fn prove(world: &mut World, arn: &str) {
    pass(world, 10 * SECOND);
    for option in described(world, arn)["DomainValidationOptions"]
        .as_array()
        .unwrap()
    {
        put_record(
            world,
            &option["ResourceRecord"]["Name"],
            "CNAME",
            &option["ResourceRecord"]["Value"],
        );
    }
}

#[test]
fn a_certificate_waits_for_its_record_in_public_dns() {
    let mut world = world();
    let arn = requested(&mut world, "eu-west-1", &["www.example.com"]);
    assert!(
        described(&mut world, &arn)["DomainValidationOptions"][0]["ResourceRecord"].is_null(),
        "shown later"
    );
    pass(&mut world, HOUR);
    assert_eq!(described(&mut world, &arn)["Status"], "PENDING_VALIDATION");
    let early = call(
        &mut world,
        "eu-west-1",
        "GetCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap_err();
    assert_eq!(early.code, "RequestInProgressException");
    prove(&mut world, &arn);
    pass(&mut world, 30 * SECOND);
    assert_eq!(described(&mut world, &arn)["Status"], "PENDING_VALIDATION");
    pass(&mut world, 17 * MINUTE);
    let facts = described(&mut world, &arn);
    assert_eq!(facts["Status"], "ISSUED");
    assert_eq!(
        facts["DomainValidationOptions"][0]["ValidationStatus"],
        "SUCCESS"
    );
    let text = call(
        &mut world,
        "eu-west-1",
        "GetCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap();
    assert!(
        text["Certificate"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----\n")
    );
}

#[test]
fn one_record_proves_a_name_in_every_region_and_its_wildcard() {
    let mut world = world();
    let one = requested(&mut world, "us-west-2", &["example.com", "*.example.com"]);
    let two = requested(&mut world, "eu-west-1", &["example.com"]);
    prove(&mut world, &one);
    let record =
        |facts: &Value, n: usize| facts["DomainValidationOptions"][n]["ResourceRecord"].clone();
    let (a, b) = (described(&mut world, &one), described(&mut world, &two));
    assert_eq!(record(&a, 0), record(&b, 0));
    assert_eq!(record(&a, 0), record(&a, 1));
    pass(&mut world, 20 * MINUTE);
    assert_eq!(certificate(&world, &one).unwrap().status, "ISSUED");
    assert_eq!(certificate(&world, &two).unwrap().status, "ISSUED");
}

#[test]
fn a_token_makes_one_certificate_for_an_hour() {
    let mut world = world();
    let input =
        json!({"DomainName": "example.com", "ValidationMethod": "DNS", "IdempotencyToken": "t"});
    let first = call(&mut world, "eu-west-1", "RequestCertificate", input.clone()).unwrap();
    pass(&mut world, HOUR - SECOND);
    assert_eq!(
        call(&mut world, "eu-west-1", "RequestCertificate", input.clone()).unwrap(),
        first
    );
    pass(&mut world, 2 * SECOND);
    assert_ne!(
        call(&mut world, "eu-west-1", "RequestCertificate", input).unwrap(),
        first
    );
}

#[test]
fn a_request_without_its_record_times_out_after_three_days() {
    let mut world = world();
    let arn = requested(&mut world, "eu-west-1", &["www.example.com"]);
    pass(&mut world, 72 * HOUR - SECOND);
    assert_eq!(
        certificate(&world, &arn).unwrap().status,
        "PENDING_VALIDATION"
    );
    pass(&mut world, 2 * SECOND);
    assert_eq!(
        certificate(&world, &arn).unwrap().status,
        "VALIDATION_TIMED_OUT"
    );
}

#[test]
fn a_caa_record_for_another_authority_fails_the_request() {
    let mut world = world();
    put_record(
        &mut world,
        &json!("example.com"),
        "CAA",
        &json!("0 issue \"ca.example.net\""),
    );
    let arn = requested(&mut world, "eu-west-1", &["www.example.com"]);
    prove(&mut world, &arn);
    pass(&mut world, 20 * MINUTE);
    let facts = described(&mut world, &arn);
    assert_eq!(
        (&facts["Status"], &facts["FailureReason"]),
        (&json!("FAILED"), &json!("CAA_ERROR"))
    );
    put_record(
        &mut world,
        &json!("example.com"),
        "CAA",
        &json!("0 issue \"amazon.com\""),
    );
    pass(&mut world, 2 * MINUTE);
    let arn = requested(&mut world, "eu-west-1", &["www.example.com"]);
    pass(&mut world, 20 * MINUTE);
    assert_eq!(certificate(&world, &arn).unwrap().status, "ISSUED");
}

#[test]
fn a_wildcard_covers_one_label() {
    let mut world = world();
    let arn = requested(
        &mut world,
        "eu-west-1",
        &["example.com", "*.app.example.com"],
    );
    let certificate = certificate(&world, &arn).unwrap();
    for (name, covered) in [
        ("example.com", true),
        ("Example.COM.", true),
        ("www.example.com", false),
        ("a.app.example.com", true),
        ("app.example.com", false),
        ("a.b.app.example.com", false),
    ] {
        assert_eq!(covers(certificate, name), covered, "{name}");
    }
}

#[test]
fn a_certificate_is_seen_in_its_own_region_only() {
    let mut world = world();
    let arn = requested(&mut world, "eu-west-1", &["example.com"]);
    let elsewhere = call(
        &mut world,
        "us-west-2",
        "DescribeCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap_err();
    assert_eq!(elsewhere.code, "ResourceNotFoundException");
    let odd = call(
        &mut world,
        "us-west-2",
        "DescribeCertificate",
        json!({"CertificateArn": "arn:aws:iam::111122223333:role/odd"}),
    )
    .unwrap_err();
    assert_eq!(odd.code, "InvalidArnException");
    call(
        &mut world,
        "eu-west-1",
        "DeleteCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap();
    let listed = call(&mut world, "eu-west-1", "ListCertificates", json!({})).unwrap();
    assert_eq!(listed["CertificateSummaryList"], json!([]));
}

#[test]
fn tags_are_added_and_removed_by_key_and_value() {
    let mut world = world();
    let arn = requested(&mut world, "eu-west-1", &["example.com"]);
    let tags = json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]);
    call(
        &mut world,
        "eu-west-1",
        "AddTagsToCertificate",
        json!({"CertificateArn": arn, "Tags": tags}),
    )
    .unwrap();
    let gone = json!([{"Key": "a", "Value": "other"}, {"Key": "b"}]);
    call(
        &mut world,
        "eu-west-1",
        "RemoveTagsFromCertificate",
        json!({"CertificateArn": arn, "Tags": gone}),
    )
    .unwrap();
    let left = call(
        &mut world,
        "eu-west-1",
        "ListTagsForCertificate",
        json!({"CertificateArn": arn}),
    )
    .unwrap();
    assert_eq!(left["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let own = json!([{"Key": "aws:x", "Value": "1"}]);
    let refused = call(
        &mut world,
        "eu-west-1",
        "AddTagsToCertificate",
        json!({"CertificateArn": arn, "Tags": own}),
    );
    assert_eq!(refused.unwrap_err().code, "InvalidTagException");
}

#[test]
fn an_unused_certificate_expires() {
    let mut world = world();
    let arn = requested(&mut world, "eu-west-1", &["example.com"]);
    prove(&mut world, &arn);
    pass(&mut world, 20 * MINUTE);
    assert_eq!(certificate(&world, &arn).unwrap().status, "ISSUED");
    pass(&mut world, VALIDITY);
    assert_eq!(certificate(&world, &arn).unwrap().status, "EXPIRED");
}

#[test]
fn an_import_is_read_for_its_names() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut world = world();
    // The parts of a certificate that are read: two times, and the names 2.5.29.17.
    let mut der = vec![0x30, 0x10, 0x17, 0x0d];
    der.extend(b"260101000000Z");
    der.extend([0x17, 0x0d]);
    der.extend(b"280101000000Z");
    der.extend([
        0x06, 0x03, 0x55, 0x1d, 0x11, 0x04, 0x0f, 0x30, 0x0d, 0x82, 0x0b,
    ]);
    der.extend(b"example.com");
    let text = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(&der)
    );
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let input = json!({"Certificate": STANDARD.encode(&text), "PrivateKey": STANDARD.encode(key)});
    let arn = call(&mut world, "eu-west-1", "ImportCertificate", input).unwrap()["CertificateArn"]
        .clone();
    let imported = certificate(&world, arn.as_str().unwrap()).unwrap();
    assert_eq!(
        (imported.names.as_slice(), imported.kind),
        (&["example.com".to_owned()][..], "IMPORTED")
    );
    assert_eq!(imported.not_after, 1_830_297_600.0);
    let bad = json!({"Certificate": STANDARD.encode("no"), "PrivateKey": STANDARD.encode(key)});
    assert_eq!(
        call(&mut world, "eu-west-1", "ImportCertificate", bad)
            .unwrap_err()
            .code,
        "ValidationException"
    );
}
