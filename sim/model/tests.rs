use super::*;
use std::collections::BTreeSet;

#[test]
fn every_model_parses_and_holds_the_operations_that_are_listed() {
    let mut listed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in include_str!("operations.txt").lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        if let Some((service, names)) = line.split_once(':') {
            listed
                .entry(service.trim())
                .or_default()
                .extend(names.split_whitespace());
        }
    }
    for id in ServiceId::ALL {
        let held: BTreeSet<&str> = id.model().operations.keys().map(String::as_str).collect();
        assert_eq!(
            Some(&held),
            listed.get(id.id()),
            "{}: run sim/model/generate.py",
            id.id()
        );
    }
    assert_eq!(listed.len(), ServiceId::ALL.len());
}

#[test]
fn an_error_is_found_by_its_wire_code_and_knows_its_status() {
    let rds = ServiceId::Rds.model();
    let error = rds.error("DBInstanceNotFound").unwrap();
    assert_eq!(error.name, "DBInstanceNotFoundFault");
    assert_eq!(error.exception.as_ref().unwrap().status, Some(404));
}

#[test]
fn a_uri_template_is_taken_apart() {
    let put = ServiceId::S3
        .model()
        .operation("CreateMultipartUpload")
        .unwrap();
    assert_eq!(
        put.uri.segments,
        [
            Segment::Label("Bucket".into()),
            Segment::Greedy("Key".into())
        ]
    );
    assert_eq!(put.uri.query, [("uploads".into(), None)]);
}
