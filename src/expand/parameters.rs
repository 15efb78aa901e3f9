//! SSM parameters: copied with their values once the source is fenced, so that the last change is in the target too.

use drtool_engine::step::Effect;

use super::Expansion;
use crate::steps;

/// One parameter, with the source's value or the manifest's.
pub(super) fn parameter(e: &mut Expansion<'_>, index: usize) {
    let wanted = &e.manifest.parameters[index];
    // A `Located` has a `value` as well.
    let stated: &crate::manifest::Parameter = wanted;
    let name = stated.name.as_str();
    let Some(source) = e.capture.parameter(name) else {
        e.fault(
            "E1103",
            wanted.at,
            format!("the capture lacks parameter {name}"),
            "listed here",
            "`drtool capture` refreshes it",
        );
        return;
    };
    let secure = source.kind == "SecureString";
    if let Some(value) = stated.value.as_ref().filter(|_| secure) {
        e.fault(
            "E1050",
            value.at,
            format!("parameter {name} is a SecureString: its value would stand in the manifest and the plan"),
            "this value",
            "leave `value` out: it is copied inside the vault; members of its JSON can be `rewrite`-n",
        );
        return;
    }
    let field = format!("parameter {name}");
    let allowed = e
        .manifest
        .allow_source_region_in
        .iter()
        .any(|a| a.field.value == field);
    if source.names_source_region && stated.value.is_none() && stated.rewrite.is_empty() && !allowed
    {
        e.fault(
            "E1110",
            wanted.at,
            format!("{field} would still name {} in its value", e.capture.region),
            "listed here",
            format!("say `value:` for it, or if it is meant: `allowSourceRegionIn: [ {{ field: \"{field}\", why: … }} ]`"),
        );
    }
    if source.has_policies {
        e.lint(
            format!("{field} has policies"),
            "they do not move: in the target it does not expire and notifies nobody",
            "set them again after the move",
        );
    }
    let kms_key = e.key(&source.kms_key);
    let to = e.asked.to.to_string();
    let value = stated.value.as_ref().map(|text| e.text(text));
    if let Some(value) = &value {
        e.rewriter
            .note(&field, "the source's value", value, "the manifest");
    }
    let members: std::collections::BTreeMap<_, _> = stated
        .rewrite
        .iter()
        .map(|(member, text)| (member.clone(), e.text(text)))
        .collect();
    let words: Vec<&str> = members.keys().map(String::as_str).collect();
    let how = match (&value, words.is_empty()) {
        (Some(_), _) => "with the manifest's value".to_owned(),
        (None, true) => "with the source's value, which is read for this".to_owned(),
        (None, false) => format!(
            "with the source's value, which is read for this, {} written anew",
            words.join(", ")
        ),
    };
    let title = format!("parameter {name} ({}) {how}", source.kind);
    let params = steps::parameter::Parameter {
        name: name.to_owned(),
        source_region: e.capture.region.clone(),
        kind: source.kind.clone(),
        tier: source.tier.clone(),
        data_type: source.data_type.clone(),
        kms_key,
        description: source.description.clone(),
        allowed_pattern: source.allowed_pattern.clone(),
        value,
        members,
        tags: source.tags.clone(),
    };
    e.step(
        "",
        steps::parameter::KIND,
        &to,
        Effect::Adds,
        title,
        &params,
    );
    e.quota("SSM parameters", 1, 10_000);
}
