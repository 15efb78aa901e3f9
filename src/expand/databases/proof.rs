//! That the restored database is the source's: every setting, every row count, and that it takes a write.

use super::probe::task;
use super::settings::DEFERRED;
use super::{captured, task_log_group};
use crate::composed::Composed;
use crate::expand::{Expansion, questions, shown};
use crate::steps;
use drtool_engine::plan::{Milestone, Proof};
use drtool_engine::step::{Effect, Value};

/// The restored database, compared with the source: every setting, every row count, and that it takes a write.
pub(in crate::expand) fn verify(e: &mut Expansion<'_>, index: usize) {
    let Some((database, source)) = captured(e, index) else {
        return;
    };
    let to = e.asked.to.to_string();
    let name = &database.name.value;
    let Some(restored) = e.roles.get(&format!("restore {name}")).cloned() else {
        return;
    };
    let key = e.key(&source.kms_key);
    let group = e
        .capture
        .parameter_groups
        .iter()
        .find(|g| g.name == source.settings.parameter_group);
    let mut parameters: std::collections::BTreeMap<String, String> = group
        .map(|g| {
            g.parameters
                .iter()
                .map(|(n, p)| (n.clone(), p.value.clone()))
                .collect()
        })
        .unwrap_or_default();
    parameters.extend(database.parameters.clone());
    // Groups have the target's names, which in a drill are the run's own; what is in them is compared by itself.
    let mut settings = source.settings.clone();
    match group.filter(|g| g.is_default()) {
        // A default group cannot be changed: parameters of the manifest's make one of its own.
        Some(group) if !database.parameters.is_empty() => {
            let own = format!("{}-{}", e.manifest.name.value, group.family);
            settings.parameter_group = e.name(&own, 255);
        }
        Some(_) => {}
        None => settings.parameter_group = e.name(&settings.parameter_group, 255),
    }
    if !settings.option_group.starts_with("default:") {
        settings.option_group = e.name(&settings.option_group, 255);
    }
    e.step(
        "settings",
        steps::settings_diff::KIND,
        &to,
        Effect::Reads,
        format!("settings of {} are the source's", shown(name)),
        &steps::settings_diff::SettingsDiff {
            instance: Value::later(restored.clone(), "identifier"),
            settings,
            kms_key: key,
            parameters,
            class_alternatives: database
                .class_alternatives
                .iter()
                .map(|c| c.value.clone())
                .collect(),
            accepted: database
                .accept_difference
                .iter()
                .map(|a| a.setting.clone())
                .collect(),
            deferred: DEFERRED.iter().map(|s| (*s).to_owned()).collect(),
        },
    );
    e.last().proof = Some(Proof::Data);

    let mut asked = questions::of_target(&source.settings.engine);
    let mut own: Vec<(String, Option<String>)> = vec![];
    for (number, check) in e.manifest.checks.iter().enumerate() {
        if let Some(sql) = &check.sql
            && sql.database.value == *name
        {
            let question = format!("check-{}", number + 1);
            asked.insert(
                question.clone(),
                sql.query.trim().trim_end_matches(';').to_owned(),
            );
            own.push((question, sql.expect.clone()));
        }
    }
    let Some(task) = task(e, database, source, &to, "target", asked) else {
        return;
    };
    let groups = vec![e.of(
        &format!("{}#probeGroup", source.arn),
        "the probe's security group beside",
    )];
    let probe = e.step(
        "probe",
        steps::probe_task::KIND,
        &to,
        Effect::Adds,
        format!("a probe beside {}, in {to}", shown(name)),
        &steps::probe_task::ProbeTask {
            security_groups: groups,
            host: Composed::later(restored, "endpoint"),
            ..task
        },
    );
    e.role(format!("target probe {name}"), &probe);
    let asks = |question: &str, expect: Option<Value<String>>, log_group: String| {
        steps::sql_check::SqlCheck {
            probe: Value::later(probe.clone(), "taskArn"),
            log_group,
            log_stream: Value::later(probe.clone(), "logStream"),
            question: question.to_owned(),
            expect,
            moment: None,
        }
    };
    let log_group = task_log_group(e, database)
        .map(|group| e.name(&group, 512))
        .unwrap_or_default();
    e.step(
        "alive",
        steps::sql_check::KIND,
        &to,
        Effect::Reads,
        format!("{} answers", shown(name)),
        &asks(
            questions::ALIVE,
            Some(Value::Known("1".into())),
            log_group.clone(),
        ),
    );
    e.last().proof = Some(Proof::Data);
    if let Some(watermark) = e.roles.get(&format!("watermark {name}")).cloned() {
        let mark = Value::later(watermark.clone(), "content");
        let mut compared = asks(questions::CONTENT, Some(mark), log_group.clone());
        compared.moment = Some(Value::later(watermark, "at"));
        e.step(
            "nothing-lost",
            steps::sql_check::KIND,
            &to,
            Effect::Reads,
            format!("every row that {} had at the fence is there", shown(name)),
            &compared,
        );
        e.last().proof = Some(Proof::Data);
        // Only this shows up to where data is kept: what the snapshot says of itself is its service's word.
        e.last().milestone = Some(Milestone::RecoveryPoint);
        // Without a fence there is no last write to compare with.
        e.hold_in_drill(serde_json::json!({ "answer": "not compared: a drill sets no fence" }));
    }
    e.step(
        "writable",
        steps::sql_check::KIND,
        &to,
        Effect::Reads,
        format!("{} takes a write", shown(name)),
        &asks(questions::WRITE, None, log_group.clone()),
    );
    e.last().proof = Some(Proof::Data);
    for (question, expect) in own {
        let title = format!(
            "{}: {}",
            shown(name),
            e.manifest
                .checks
                .get(
                    question
                        .trim_start_matches("check-")
                        .parse::<usize>()
                        .unwrap_or(1)
                        - 1
                )
                .and_then(|c| c.sql.as_ref())
                .map_or("", |s| s.query.value.as_str())
        );
        e.step(
            &question,
            steps::sql_check::KIND,
            &to,
            Effect::Reads,
            title,
            &asks(&question, expect.map(Value::Known), log_group.clone()),
        );
        e.last().proof = Some(Proof::Data);
    }
}
