use super::*;
use serde_json::json;

fn request(
    method: &str,
    host: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request {
    Request {
        method: method.into(),
        host: host.into(),
        target: target.into(),
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
        body: Bytes::from(body.to_owned()),
    }
}

fn decoded(request: &Request) -> Result<(String, Value), AwsError> {
    let address = address::find(request, address::scope(request).as_ref()).unwrap();
    let model = address.service.model();
    let dialect = dialect(address.service, model, request);
    match decode(&dialect, model, request, address.bucket.as_deref()) {
        Ok(d) => Ok((d.operation.name.clone(), d.input.value)),
        Err(Undecoded::Refused(error)) => Err(error),
        Err(Undecoded::NotSimulated(name)) => {
            Err(AwsError::not_simulated(address.service.id(), &name))
        }
    }
}

fn encoded(service: ServiceId, operation: &str, value: Value) -> String {
    let model = service.model();
    let plain = request("POST", "localhost", "/", &[], "");
    let dialect = dialect(service, model, &plain);
    let envelope = answer::Envelope {
        request_id: "id-1".into(),
        now: 1_800_000_000.0,
    };
    let operation = model.operation(operation).unwrap();
    let response = answer::output(&dialect, model, operation, value.into(), &envelope);
    String::from_utf8(response.body.to_vec()).unwrap()
}

fn refused(service: ServiceId, error: AwsError) -> (u16, String) {
    let model = service.model();
    let plain = request("POST", "localhost", "/", &[], "");
    let dialect = dialect(service, model, &plain);
    let envelope = answer::Envelope {
        request_id: "id-1".into(),
        now: 1_800_000_000.0,
    };
    let response = answer::error(&dialect, Some(model), &error, &envelope);
    (
        response.status,
        String::from_utf8(response.body.to_vec()).unwrap(),
    )
}

#[test]
fn a_query_request_becomes_lists_and_structures() {
    let body = "Action=DescribeDBInstances&Version=2014-10-31&DBInstanceIdentifier=db-1&MaxRecords=20\
                &Filters.Filter.1.Name=engine&Filters.Filter.1.Values.Value.1=postgres&Filters.Filter.1.Values.Value.2=a%20b";
    let found = decoded(&request(
        "POST",
        "rds.eu-west-1.amazonaws.com",
        "/",
        &[],
        body,
    ))
    .unwrap();
    let expected = json!({
        "DBInstanceIdentifier": "db-1",
        "Filters": [{"Name": "engine", "Values": ["postgres", "a b"]}],
        "MaxRecords": 20,
    });
    assert_eq!(found, ("DescribeDBInstances".to_owned(), expected));
}

#[test]
fn members_of_lists_are_taken_in_the_order_of_their_numbers() {
    let tags: String = (1..=11)
        .map(|n| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v"))
        .collect();
    let body = format!("Action=AddTags&ResourceArns.member.1=arn{tags}");
    let (_, value) = decoded(&request(
        "POST",
        "elasticloadbalancing.eu-west-1.amazonaws.com",
        "/",
        &[],
        &body,
    ))
    .unwrap();
    let keys: Vec<&str> = value["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["Key"].as_str())
        .collect();
    assert_eq!(keys[9..], ["k10", "k11"]);
}

#[test]
fn an_ec2_request_uses_its_own_names() {
    let body = "Action=CreateSecurityGroup&GroupDescription=d&GroupName=g&VpcId=vpc-1\
                &TagSpecification.1.ResourceType=security-group&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    let (_, value) = decoded(&request(
        "POST",
        "ec2.eu-west-1.amazonaws.com",
        "/",
        &[],
        body,
    ))
    .unwrap();
    let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "k", "Value": "v"}]}]);
    assert_eq!(value["TagSpecifications"], tags);
    assert_eq!(value["Description"], "d");
}

#[test]
fn what_the_model_does_not_know_is_refused_and_not_guessed() {
    let rds = |body: &str| {
        decoded(&request(
            "POST",
            "rds.eu-west-1.amazonaws.com",
            "/",
            &[],
            body,
        ))
        .unwrap_err()
    };
    assert_eq!(
        rds("Action=DescribeDBInstances&Colour=red").code,
        "MalformedInput"
    );
    assert_eq!(rds("Action=DescribeColours").code, "InvalidAction");
    assert_eq!(rds("Action=CreateDBProxy").status, Some(501));
    assert_eq!(rds("Version=1").code, "MissingAction");
    let ecs = [("x-amz-target", "AmazonEC2ContainerServiceV20141113.Nothing")];
    let unknown = decoded(&request(
        "POST",
        "ecs.eu-west-1.amazonaws.com",
        "/",
        &ecs,
        "{}",
    ))
    .unwrap_err();
    assert_eq!(unknown.code, "UnknownOperationException");
}

#[test]
fn s3_paths_queries_and_headers_choose_the_operation() {
    let host = "s3.eu-west-1.amazonaws.com";
    let name = |method: &str, target: &str, headers: &[(&str, &str)]| match decoded(&request(
        method, host, target, headers, "",
    )) {
        Ok((name, _)) => name,
        Err(error) => error.message,
    };
    assert_eq!(name("GET", "/", &[]), "ListBuckets");
    assert_eq!(
        name("GET", "/b?list-type=2&prefix=x%2F", &[]),
        "ListObjectsV2"
    );
    assert_eq!(name("GET", "/b/", &[]), "ListObjects");
    assert_eq!(name("GET", "/b?location", &[]), "GetBucketLocation");
    assert_eq!(name("PUT", "/b/k/l", &[]), "PutObject");
    assert_eq!(
        name("PUT", "/b/k", &[("x-amz-copy-source", "/c/k")]),
        "CopyObject"
    );
    assert_eq!(
        name("PUT", "/b/k?partNumber=1&uploadId=u", &[]),
        "UploadPart"
    );
    assert_eq!(
        name(
            "PUT",
            "/b/k?partNumber=1&uploadId=u",
            &[("x-amz-copy-source", "/c/k")]
        ),
        "UploadPartCopy"
    );
    assert_eq!(name("GET", "/b/k?uploadId=u", &[]), "ListParts");
    assert_eq!(
        name("DELETE", "/b/k?uploadId=u", &[]),
        "AbortMultipartUpload"
    );
    assert_eq!(name("POST", "/b?delete", &[]), "DeleteObjects");
    assert_eq!(name("HEAD", "/b/k", &[]), "HeadObject");
    assert_eq!(name("GET", "/b/k?versionId=v", &[]), "GetObject");
    assert_eq!(
        name("GET", "/b/k?torrent", &[]),
        "s3 GetObjectTorrent is not simulated"
    );
    let hosted = request("GET", "b.s3.eu-west-1.amazonaws.com", "/a//b/", &[], "");
    assert_eq!(
        decoded(&hosted).unwrap(),
        (
            "GetObject".to_owned(),
            json!({"Bucket": "b", "Key": "a//b/"})
        )
    );
}

#[test]
fn a_route_53_id_may_carry_its_prefix() {
    let host = "route53.amazonaws.com";
    for path in [
        "/2013-04-01/hostedzone/Z1/rrset",
        "/2013-04-01/hostedzone//hostedzone/Z1/rrset",
        "/2013-04-01/hostedzone/%2Fhostedzone%2FZ1/rrset",
    ] {
        let found = decoded(&request("GET", host, path, &[], "")).unwrap();
        assert_eq!(
            found,
            (
                "ListResourceRecordSets".to_owned(),
                json!({"HostedZoneId": "Z1"})
            )
        );
    }
    let one = decoded(&request("GET", host, "/2013-04-01/hostedzone/Z1", &[], "")).unwrap();
    assert_eq!(one.0, "GetHostedZone");
}

#[test]
fn a_route_53_batch_is_read_from_xml() {
    let body = r#"<?xml version="1.0"?><ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
        <ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a.example</Name><Type>A</Type><TTL>60</TTL>
        <ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>
        </ChangeResourceRecordSetsRequest>"#;
    let (_, value) = decoded(&request(
        "POST",
        "route53.amazonaws.com",
        "/2013-04-01/hostedzone/Z1/rrset/",
        &[],
        body,
    ))
    .unwrap();
    let set = &value["ChangeBatch"]["Changes"][0]["ResourceRecordSet"];
    assert_eq!(set["TTL"], 60);
    assert_eq!(set["ResourceRecords"], json!([{"Value": "192.0.2.1"}]));
}

#[test]
fn every_protocol_writes_its_own_answer() {
    let rds = encoded(
        ServiceId::Rds,
        "DescribeDBSnapshots",
        json!({"DBSnapshots": [{"DBSnapshotIdentifier": "s<1>", "SnapshotCreateTime": 1_800_000_000.5, "PercentProgress": 7, "Encrypted": true}]}),
    );
    assert!(
        rds.contains("<DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot>"),
        "{rds}"
    );
    assert!(
        rds.contains("<DBSnapshotIdentifier>s&lt;1&gt;</DBSnapshotIdentifier>"),
        "{rds}"
    );
    assert!(
        rds.contains("<SnapshotCreateTime>2027-01-15T08:00:00.500Z</SnapshotCreateTime>"),
        "{rds}"
    );
    assert!(
        rds.contains("<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"),
        "{rds}"
    );
    let ec2 = encoded(
        ServiceId::Ec2,
        "DescribeVpcs",
        json!({"Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "k", "Value": "v"}]}]}),
    );
    assert!(
        ec2.contains("<vpcSet><item>")
            && ec2.contains("<tagSet><item><key>k</key><value>v</value></item></tagSet>"),
        "{ec2}"
    );
    let ecs = encoded(
        ServiceId::Ecs,
        "ListClusters",
        json!({"clusterArns": ["a"], "nextToken": null}),
    );
    assert_eq!(ecs, r#"{"clusterArns":["a"]}"#);
    let s3 = encoded(
        ServiceId::S3,
        "ListObjectsV2",
        json!({"Contents": [{"Key": "a"}, {"Key": "b"}], "KeyCount": 2}),
    );
    assert!(
        s3.contains("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"),
        "{s3}"
    );
    assert!(
        s3.contains("<Contents><Key>a</Key></Contents><Contents><Key>b</Key></Contents>"),
        "{s3}"
    );
    let location = encoded(
        ServiceId::S3,
        "GetBucketLocation",
        json!({"LocationConstraint": "eu-west-1"}),
    );
    assert!(
        location.ends_with(">eu-west-1</LocationConstraint>"),
        "{location}"
    );
}

#[test]
fn every_protocol_writes_its_own_errors() {
    let (status, rds) = refused(
        ServiceId::Rds,
        AwsError::new("DBInstanceNotFound", "no & none"),
    );
    assert_eq!(status, 404);
    assert!(
        rds.contains(
            "<Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>no &amp; none</Message>"
        ),
        "{rds}"
    );
    let (status, ec2) = refused(ServiceId::Ec2, AwsError::new("InvalidVpcID.NotFound", "x"));
    assert_eq!(status, 400);
    assert!(
        ec2.contains("<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code>")
            && ec2.contains("<RequestID>"),
        "{ec2}"
    );
    let (status, kms) = refused(ServiceId::Kms, AwsError::new("NotFoundException", "x"));
    assert_eq!(
        (status, kms.as_str()),
        (400, r#"{"__type":"NotFoundException","message":"x"}"#)
    );
    let (status, s3) = refused(
        ServiceId::S3,
        AwsError::new("NoSuchKey", "x")
            .status(404)
            .field("Key", "k"),
    );
    assert_eq!(status, 404);
    assert!(
        s3.contains("<Error><Code>NoSuchKey</Code><Message>x</Message><Key>k</Key><RequestId>"),
        "{s3}"
    );
}

#[test]
fn a_signature_is_that_of_the_published_example() {
    // The worked example in AWS's documentation of SigV4 (GET of an object with a range).
    let authorization = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let headers = [
        ("Authorization", authorization),
        ("Range", "bytes=0-9"),
        ("x-amz-content-sha256", empty),
        ("x-amz-date", "20130524T000000Z"),
    ];
    let request = request(
        "GET",
        "examplebucket.s3.amazonaws.com",
        "/test.txt",
        &headers,
        "",
    );
    let scope = address::scope(&request).unwrap();
    let signed = signature::signed(&request).unwrap();
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    assert_eq!(
        signature::expected(&request, ServiceId::S3, &scope, &signed, secret),
        signed.signature
    );
}
