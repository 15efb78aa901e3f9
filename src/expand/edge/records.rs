//! The DNS records that lead users to the stack: their time to live, and the cut.

use crate::expand::Expansion;
use crate::manifest::RecordKind;
use crate::steps;
use drtool_engine::plan::Milestone;
use drtool_engine::step::{Effect, Value};

/// The captured records that a manifest's record stands for: the set itself, or the primary of a pair.
pub(in crate::expand) fn captured<'a>(
    e: &Expansion<'a>,
    index: usize,
) -> Option<&'a crate::capture::Record> {
    let wanted = &e.manifest.dns[index];
    let named = |r: &&crate::capture::Record| {
        r.name == wanted.record.as_str()
            && r.zone == wanted.zone.as_str()
            && r.private == wanted.private
            && ["A", "CNAME"].contains(&r.kind.as_str())
    };
    let all: Vec<&crate::capture::Record> = e.capture.records.iter().filter(named).collect();
    all.iter()
        .find(|r| r.failover.as_deref() == Some("PRIMARY"))
        .or_else(|| all.first())
        .copied()
}

/// What a record is, or a refusal at the manifest's line.
pub(super) fn record<'a>(
    e: &mut Expansion<'a>,
    index: usize,
) -> Option<(&'a crate::capture::Record, RecordKind)> {
    let wanted = &e.manifest.dns[index];
    let Some(record) = captured(e, index) else {
        let message = format!(
            "zone {} has no record {}",
            wanted.zone.value, wanted.record.value
        );
        e.fault(
            "E1103",
            wanted.record.at,
            message,
            "listed here",
            "a cut changes records that are there; `drtool capture` refreshes the capture",
        );
        return None;
    };
    if record.weight.is_some() || record.set_identifier.is_some() && record.failover.is_none() {
        let message = format!(
            "{} is one of several records by weight, latency or place: this version cuts simple records and failover pairs",
            record.name
        );
        e.fault("E1036", wanted.record.at, message, "this record", "");
        return None;
    }
    let kind = record_kind(record);
    if let Some(said) = &wanted.kind
        && said.value != kind
    {
        e.fault(
            "E1037",
            said.at,
            format!(
                "{} is {}, not {}",
                record.name,
                kind_word(kind),
                kind_word(said.value)
            ),
            "said here",
            "the zone decides: correct the manifest",
        );
        return None;
    }
    if record.kind == "A" && record.alias.is_none() {
        e.fault(
            "E1036",
            wanted.record.at,
            format!(
                "{} holds addresses, which a balancer does not keep",
                record.name
            ),
            "this record",
            "make it an alias of the balancer first",
        );
        return None;
    }
    if wanted.private {
        e.fault(
            "E1036",
            wanted.record.at,
            format!(
                "{} is a private zone: nobody outside it can show that its names lead to the target, so this version cuts public zones only",
                wanted.zone.value
            ),
            "this record",
            "leave it out, and change it by hand after the move",
        );
        return None;
    }
    leads_to_balancer(e, index, record).then_some((record, kind))
}

/// Only a record that leads to the service's balancer is cut: another one leads users somewhere that this plan knows nothing of.
fn leads_to_balancer(e: &mut Expansion<'_>, index: usize, record: &crate::capture::Record) -> bool {
    let wanted = &e.manifest.dns[index];
    let balancer = e.balancer(wanted.to.as_str()).map(str::to_owned);
    let balancer = e
        .capture
        .balancers
        .iter()
        .find(|b| Some(&b.arn) == balancer.as_ref());
    // A service without a balancer is refused by the cut itself.
    let Some(balancer) = balancer else {
        return true;
    };
    let leads: Vec<&str> = match &record.alias {
        Some(alias) => vec![alias.dns_name.as_str()],
        None => record.values.iter().map(String::as_str).collect(),
    };
    let bare = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        name.strip_prefix("dualstack.")
            .map(str::to_owned)
            .unwrap_or(name)
    };
    if leads
        .iter()
        .all(|name| bare(name) == bare(&balancer.dns_name))
    {
        return true;
    }
    let message = format!(
        "{} leads to {}, which is not the balancer of {} ({})",
        record.name,
        leads.join(", "),
        wanted.to.value,
        balancer.dns_name
    );
    e.fault(
        "E1036",
        wanted.record.at,
        message,
        "this record",
        "name the record that leads to the balancer, or correct `to`",
    );
    false
}

/// The address record of the other family under the same name, if there is one: cut alone, a name would lead to both regions.
fn other_family<'a>(
    e: &Expansion<'a>,
    record: &crate::capture::Record,
) -> Option<&'a crate::capture::Record> {
    e.capture.records.iter().find(|r| {
        r.zone_id == record.zone_id
            && r.name == record.name
            && r.set_identifier == record.set_identifier
            && record.kind == "A"
            && r.kind == "AAAA"
    })
}

fn record_kind(record: &crate::capture::Record) -> RecordKind {
    match record {
        r if r.failover.is_some() => RecordKind::Failover,
        r if r.alias.is_some() => RecordKind::Alias,
        _ => RecordKind::Cname,
    }
}

fn kind_word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Alias => "an alias",
        RecordKind::Cname => "a CNAME",
        RecordKind::Failover => "a failover pair",
    }
}

/// The TTL of a record that has one.
pub(in crate::expand) fn lower_ttl(e: &mut Expansion<'_>, index: usize) {
    let Some((record, _)) = record(e, index) else {
        return;
    };
    let wanted = &e.manifest.dns[index];
    let Some(old) = record.ttl else {
        if let Some(lower) = &wanted.lower_ttl_to {
            e.fault(
                "E1038",
                lower.at,
                format!("{} is an alias and has no TTL of its own", record.name),
                "here",
                "leave `lowerTtlTo` out: an alias answers with its balancer's 60 seconds",
            );
        }
        return;
    };
    let Some(lower) = wanted.lower_ttl_to.as_ref().map(|l| l.as_secs() as u32) else {
        if old > 60 {
            e.lint(
                format!("record {}: TTL {old} s", record.name),
                format!("up to {old} s of downtime for users with an old answer"),
                "in the manifest, for this record: `lowerTtlTo: 60s`",
            );
        }
        return;
    };
    let title = format!(
        "TTL of {} {} s → {lower} s, then {old} s until old answers are gone",
        record.name, old
    );
    let step = e.step(
        "",
        steps::dns_ttl::KIND,
        "global",
        Effect::Changes,
        title,
        &steps::dns_ttl::DnsTtl {
            record: record.clone(),
            ttl: lower,
        },
    );
    e.role(format!("ttl {index}"), &step);
}

/// A manifest's record as it will be when it is cut, and where it will lead.
fn record_cut(e: &mut Expansion<'_>, index: usize) -> Vec<steps::dns_cut::RecordCut> {
    let Some((record, kind)) = record(e, index) else {
        return vec![];
    };
    let wanted = &e.manifest.dns[index];
    let Some(balancer) = e.balancer(wanted.to.as_str()).map(str::to_owned) else {
        e.fault(
            "E1103",
            wanted.to.at,
            format!(
                "service {} has no balancer that the capture knows",
                wanted.to.value
            ),
            "the record leads here",
            "",
        );
        return vec![];
    };
    let to = destination(e, &balancer);
    let lowered = wanted
        .lower_ttl_to
        .as_ref()
        .map(|l| l.as_secs() as u32)
        .filter(|_| record.ttl.is_some());
    let mut all = vec![record];
    if let Some(other) = other_family(e, record) {
        if !leads_to_balancer(e, index, other) {
            return vec![];
        }
        all.push(other);
    }
    all.into_iter()
        .map(|record| {
            let from = record
                .alias
                .as_ref()
                .map_or_else(|| record.values.join(", "), |a| a.dns_name.clone());
            let field = format!(
                "{} record {} ({})",
                record.kind,
                record.name,
                kind_word(kind)
            );
            let leads = crate::composed::Composed(vec![to.dns_name.clone()]);
            e.rewriter.note(&field, &from, &leads, "the cut");
            health_check(e, index, record);
            let mut now = record.clone();
            now.ttl = lowered.or(now.ttl);
            steps::dns_cut::RecordCut {
                record: now,
                to: to.clone(),
            }
        })
        .collect()
}

fn destination(e: &mut Expansion<'_>, balancer: &str) -> steps::dns_cut::Destination {
    steps::dns_cut::Destination {
        dns_name: e.of(&format!("{balancer}#dnsName"), "the balancer"),
        zone_id: e.of(&format!("{balancer}#zoneId"), "the balancer"),
    }
}

/// A health check stays with the source: the record is cut without it.
fn health_check(e: &mut Expansion<'_>, index: usize, record: &crate::capture::Record) {
    let Some(check) = &record.health_check_id else {
        return;
    };
    if record.alias.is_some() {
        e.notes.push(format!(
            "health check {check} watches the source and is taken off record {}: from the cut on its alias is as healthy as the target's balancer",
            record.name
        ));
        return;
    }
    let what = format!("route53/healthcheck/{check}");
    if !e
        .manifest
        .leave_behind
        .iter()
        .any(|l| l.what.as_str() == what)
    {
        e.fault(
            "E1111",
            e.manifest.dns[index].record.at,
            format!(
                "health check {check} of record {} watches the source and would not move: without it nothing switches to the secondary",
                record.name
            ),
            "this record",
            format!("make the primary an alias of the balancer; or, if it may go: `leaveBehind: [ {{ what: {what}, why: … }} ]`"),
        );
    }
}

/// The records of a zone that the manifest names, by their places in it.
fn of_zone(e: &Expansion<'_>, index: usize) -> Vec<usize> {
    let zone = &e.manifest.dns[index].zone.value;
    (0..e.manifest.dns.len())
        .filter(|other| e.manifest.dns[*other].zone.value == *zone)
        .collect()
}

/// The records of a zone, pointed at the target in one batch: a zone is cut as a whole or not at all.
pub(in crate::expand) fn cut(e: &mut Expansion<'_>, index: usize) {
    let together = of_zone(e, index);
    if together.first() != Some(&index) {
        return;
    }
    let mut records = vec![];
    for other in &together {
        records.extend(record_cut(e, *other));
    }
    let Some(first) = records.first().map(|r| r.record.clone()) else {
        return;
    };
    let names: Vec<&str> = together
        .iter()
        .map(|other| e.manifest.dns[*other].record.as_str())
        .collect();
    let together_named = names.join(", ");
    let title = match names.as_slice() {
        [name] => format!(
            "{} {name} ({}) → the balancer in {}",
            first.kind,
            kind_word(record_kind(&first)),
            e.asked.to
        ),
        _ => format!(
            "zone {}, in one batch: {} → the balancer in {}",
            first.zone, together_named, e.asked.to
        ),
    };
    // Zones are cut one after the other: a crash between two leaves a known half.
    let earlier: Vec<usize> = (0..e.steps.len())
        .filter(|at| e.steps[*at].kind == steps::dns_cut::KIND)
        .collect();
    let after = (0..index)
        .filter(|other| !together.contains(other))
        .map(|other| e.manifest.dns[other].zone.to_string())
        .fold(vec![], |mut zones: Vec<String>, zone| {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
            zones
        });
    // The first zone is cut only while those after it are as planned.
    for at in &earlier {
        let then = serde_json::to_value(&records).unwrap_or_default();
        if let (Some(params), Some(more)) = (e.steps[*at].params.as_object_mut(), then.as_array())
            && let Some(list) = params
                .entry("then")
                .or_insert_with(|| serde_json::json!([]))
                .as_array_mut()
        {
            list.extend(more.iter().cloned());
        }
    }
    let step = e.step(
        "",
        steps::dns_cut::KIND,
        "global",
        Effect::Cuts,
        title,
        &steps::dns_cut::DnsCut {
            zone_id: first.zone_id.clone(),
            zone: first.zone.clone(),
            records,
            after,
            then: vec![],
        },
    );
    for other in &together {
        e.role(format!("cut {other}"), &step);
    }
    let confirm = match earlier.last() {
        Some(last) => {
            let before = e.steps[*last].id.clone();
            e.need(before);
            None
        }
        // One answer for all zones, so it names the records of all of them.
        None => {
            let every: Vec<&str> = e.manifest.dns.iter().map(|r| r.record.as_str()).collect();
            let question = format!(
                "Point {} at {}? The source is fenced; after this there is no way back but another move.",
                every.join(", "),
                e.asked.to
            );
            e.confirm(question)
        }
    };
    let step = e.last();
    step.confirm = confirm;
    step.milestone = Some(Milestone::Cut);
}

/// The zone's change, on every name server.
pub(in crate::expand) fn in_sync(e: &mut Expansion<'_>, index: usize) {
    if of_zone(e, index).first() != Some(&index) {
        return;
    }
    let Some(cut) = e.roles.get(&format!("cut {index}")).cloned() else {
        return;
    };
    let title = format!(
        "zone {}: the change is on every name server",
        e.manifest.dns[index].zone.value
    );
    e.step(
        "",
        steps::dns_in_sync::KIND,
        "global",
        Effect::Reads,
        title,
        &steps::dns_in_sync::DnsInSync {
            change: Value::later(cut, "changeId"),
        },
    );
    e.hold_in_drill(serde_json::json!({ "changeId": "" }));
}

/// The TTL that was lowered for the cut, as it was before: users are in the target and stay there.
pub(in crate::expand) fn restore_ttl(e: &mut Expansion<'_>, index: usize) {
    if !e.roles.contains_key(&format!("ttl {index}")) {
        return;
    }
    let wanted = &e.manifest.dns[index];
    let (Some(record), Some(balancer)) = (
        captured(e, index),
        e.balancer(wanted.to.as_str()).map(str::to_owned),
    ) else {
        return;
    };
    let lowered = wanted
        .lower_ttl_to
        .as_ref()
        .map_or(0, |l| l.as_secs() as u32);
    let to = destination(e, &balancer);
    let title = format!(
        "TTL of {} back to {} s",
        record.name,
        record.ttl.unwrap_or_default()
    );
    e.step(
        "",
        steps::dns_ttl_restored::KIND,
        "global",
        Effect::Changes,
        title,
        &steps::dns_ttl_restored::DnsTtlRestored {
            record: record.clone(),
            to,
            lowered,
        },
    );
    e.hold_in_drill(serde_json::json!({ "ttl": record.ttl.unwrap_or_default() }));
    if let Some(cut) = e.roles.get(&format!("cut {index}")).cloned() {
        e.need(cut);
    }
}
