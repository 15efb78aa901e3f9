//! Classes, versions and copies, judged.

use super::*;

fn settings(multi_az: bool) -> Settings {
    let example: serde_json::Value =
        crate::manifest::yaml::plain(steps::db_instance::EXAMPLE).unwrap();
    let mut settings: Settings =
        serde_json::from_value(example["with"]["settings"].clone()).unwrap();
    settings.multi_az = multi_az;
    settings
}

fn offer(zones: &[&str], multi_az: bool, storage: &str) -> ClassOffer {
    ClassOffer {
        zones: zones.iter().map(|z| (*z).to_owned()).collect(),
        multi_az,
        storage: storage.into(),
    }
}

fn judged(offers: &[(&str, ClassOffer)], multi_az: bool) -> Report {
    let classes: Vec<String> = ["db.t4g.medium", "db.m6g.large"].map(str::to_owned).into();
    let zones = ["eu-west-1a", "eu-west-1b"].map(str::to_owned).into();
    let settings = settings(multi_az);
    let wanted = Wanted {
        identifier: "redmine-db",
        settings: &settings,
        classes: &classes,
        zones: &zones,
    };
    let mut all: BTreeMap<String, Vec<ClassOffer>> = BTreeMap::new();
    for (class, offer) in offers {
        all.entry((*class).to_owned())
            .or_default()
            .push(offer.clone());
    }
    let mut report = Report::default();
    judge_class("eu-west-1", &wanted, &all, &mut report);
    report
}

#[test]
fn the_class_itself_comes_first_then_the_alternatives() {
    let both = ["eu-west-1a", "eu-west-1b"];
    let own = judged(&[("db.t4g.medium", offer(&both, true, "gp3"))], true);
    assert!(!own.refuses() && own.notes.is_empty());
    let other = judged(&[("db.m6g.large", offer(&both, true, "gp3"))], true);
    assert!(!other.refuses());
    assert!(other.notes[0].contains("db.m6g.large will be taken"));
    let none = judged(&[], true);
    assert_eq!(none.findings[0].code, "E2060");
}

#[test]
fn a_class_is_no_use_elsewhere_or_without_its_storage() {
    let one = [("db.t4g.medium", offer(&["eu-west-1a"], true, "gp3"))];
    assert!(judged(&one, true).refuses(), "Multi-AZ wants two zones");
    assert!(!judged(&one, false).refuses());
    let elsewhere = [("db.t4g.medium", offer(&["eu-west-1c"], true, "gp3"))];
    assert!(judged(&elsewhere, false).refuses());
    let both = ["eu-west-1a", "eu-west-1b"];
    let slow = [("db.t4g.medium", offer(&both, true, "io1"))];
    assert!(judged(&slow, true).refuses());
    let single = [("db.t4g.medium", offer(&both, false, "gp3"))];
    assert!(judged(&single, true).refuses());
}

#[test]
fn a_version_must_be_offered_and_its_family_fit() {
    let version = EngineVersion {
        family: "postgres15".into(),
        major: "15".into(),
        status: "available".into(),
    };
    let of = |found: Option<&EngineVersion>, family: &str| {
        let mut report = Report::default();
        let families = [("redmine".to_owned(), family.to_owned())];
        judge_version(
            "eu-west-1",
            "postgres",
            "15.7",
            found,
            &families,
            &mut report,
        );
        report.findings.first().map(|f| f.code)
    };
    assert_eq!(of(Some(&version), "postgres15"), None);
    assert_eq!(of(Some(&version), "postgres14"), Some("E2062"));
    assert_eq!(of(None, "postgres15"), Some("E2061"));
}

#[test]
fn one_copy_must_still_fit() {
    for (busy, refused) in [(0, false), (19, false), (20, true), (21, true)] {
        let mut report = Report::default();
        judge_copies("eu-west-1", busy, &mut report);
        assert_eq!(report.refuses(), refused, "{busy}");
    }
}
