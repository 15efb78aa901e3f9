//! The DNS records that lead users to the stack: their time to live, and the cut.

use crate::expand::Expansion;
use crate::manifest::RecordKind;
use crate::steps;
use drtool_engine::plan::Milestone;
use drtool_engine::step::Effect;

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
    let kind = match record {
        r if r.failover.is_some() => RecordKind::Failover,
        r if r.alias.is_some() => RecordKind::Alias,
        _ => RecordKind::Cname,
    };
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
    Some((record, kind))
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

/// The record, pointed at the target.
pub(in crate::expand) fn cut(e: &mut Expansion<'_>, index: usize) {
    let Some((record, kind)) = record(e, index) else {
        return;
    };
    let wanted = &e.manifest.dns[index];
    let Some(balancer) = e.balancer(wanted.to.as_str()) else {
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
        return;
    };
    let balancer = balancer.to_owned();
    let destination = steps::dns_cut::Destination {
        dns_name: e.of(&format!("{balancer}#dnsName"), "the balancer"),
        zone_id: e.of(&format!("{balancer}#zoneId"), "the balancer"),
    };
    let lowered = wanted
        .lower_ttl_to
        .as_ref()
        .map(|l| l.as_secs() as u32)
        .filter(|_| record.ttl.is_some());
    let mut now = record.clone();
    now.ttl = lowered.or(now.ttl);
    let from = record
        .alias
        .as_ref()
        .map_or_else(|| record.values.join(", "), |a| a.dns_name.clone());
    let field = format!("record {} ({})", record.name, kind_word(kind));
    let to = crate::composed::Composed(vec![destination.dns_name.clone()]);
    e.rewriter.note(&field, &from, &to, "the cut");
    let title = format!(
        "{} {} ({}) → the balancer in {}",
        record.kind,
        record.name,
        kind_word(kind),
        e.asked.to
    );
    e.step(
        "",
        steps::dns_cut::KIND,
        "global",
        Effect::Cuts,
        title,
        &steps::dns_cut::DnsCut {
            record: now,
            to: destination,
        },
    );
    let confirm = e.confirm(format!(
        "Point {} at {}? The source is fenced; after this there is no way back but another move.",
        record.name, e.asked.to
    ));
    let step = e.last();
    step.confirm = confirm;
    step.milestone = Some(Milestone::Cut);
    // Records are cut one after the other: a crash between two leaves a known half.
    let before: Vec<_> = e
        .steps
        .iter()
        .rev()
        .skip(1)
        .filter(|s| s.kind == steps::dns_cut::KIND)
        .map(|s| s.id.clone())
        .take(1)
        .collect();
    for id in before {
        e.need(id);
        // The first answer is for all of them.
        e.last().confirm = None;
    }
}
