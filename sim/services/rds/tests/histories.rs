//! Whatever is asked in whatever order, the state holds together.

use super::*;
use crate::clock::Dice;
use crate::services::rds::Content;
use std::collections::BTreeMap;

const NAMES: &[&str] = &["a", "b", "c"];

/// One random history: the operations may be refused, the state may not be wrong.
struct History {
    ground: Ground,
    dice: Dice,
    step: u64,
    /// What was acknowledged, by resource id: the instant and the number.
    written: BTreeMap<String, Vec<(Nanos, u64)>>,
    done: u32,
}

impl History {
    fn draw(&mut self, n: usize) -> usize {
        self.step += 1;
        (self.dice.hash(&["history"], self.step) % n as u64) as usize
    }

    fn act(&mut self) {
        let region = [SOURCE, TARGET][self.draw(2)];
        let other = if region == SOURCE { TARGET } else { SOURCE };
        let (name, snapshot) = (NAMES[self.draw(3)], NAMES[self.draw(3)]);
        let kind = self.draw(14);
        let from = json!(format!("arn:aws:rds:{other}:{ACCOUNT}:snapshot:{snapshot}"));
        let (operation, input) = match kind {
            0 => (
                "CreateDBInstance",
                json!({
                    "DBInstanceIdentifier": name, "DBInstanceClass": "db.t4g.medium", "Engine": "postgres",
                    "EngineVersion": "15", "AllocatedStorage": 20, "MasterUsername": "redmine",
                    "MasterUserPassword": "correct-horse", "DBSubnetGroupName": "isolated",
                    "BackupRetentionPeriod": self.draw(3),
                }),
            ),
            1 => (
                "CreateDBSnapshot",
                json!({ "DBInstanceIdentifier": name, "DBSnapshotIdentifier": snapshot }),
            ),
            2 => (
                "CopyDBSnapshot",
                json!({ "SourceDBSnapshotIdentifier": from, "TargetDBSnapshotIdentifier": snapshot }),
            ),
            3 => (
                "RestoreDBInstanceFromDBSnapshot",
                json!({
                    "DBInstanceIdentifier": name, "DBSnapshotIdentifier": snapshot, "DBSubnetGroupName": "isolated",
                }),
            ),
            4 => (
                "DeleteDBInstance",
                json!({ "DBInstanceIdentifier": name, "SkipFinalSnapshot": true }),
            ),
            5 => (
                "DeleteDBSnapshot",
                json!({ "DBSnapshotIdentifier": snapshot }),
            ),
            6 => ("RebootDBInstance", json!({ "DBInstanceIdentifier": name })),
            7 => (
                "CreateDBInstanceReadReplica",
                json!({
                    "DBInstanceIdentifier": name, "DBSubnetGroupName": "isolated",
                    "SourceDBInstanceIdentifier": format!("arn:aws:rds:{other}:{ACCOUNT}:db:{snapshot}"),
                }),
            ),
            8 => (
                "PromoteReadReplica",
                json!({ "DBInstanceIdentifier": name }),
            ),
            9 => (
                "ModifyDBInstance",
                json!({
                    "DBInstanceIdentifier": name, "BackupRetentionPeriod": self.draw(3), "ApplyImmediately": true,
                }),
            ),
            10 => ("StopDBInstance", json!({ "DBInstanceIdentifier": name })),
            11 => ("StartDBInstance", json!({ "DBInstanceIdentifier": name })),
            12 => (
                "ModifyDBInstance",
                json!({
                    "DBInstanceIdentifier": name, "NewDBInstanceIdentifier": snapshot, "ApplyImmediately": true,
                }),
            ),
            _ => (
                "RestoreDBInstanceToPointInTime",
                json!({
                    "SourceDBInstanceIdentifier": name, "TargetDBInstanceIdentifier": snapshot,
                    "UseLatestRestorableTime": true, "DBSubnetGroupName": "isolated",
                }),
            ),
        };
        self.done += u32::from(self.ground.call(region, operation, input).is_ok());
        for (region, name) in [(SOURCE, NAMES[self.draw(3)]), (TARGET, NAMES[self.draw(3)])] {
            let number = self.step;
            if self.ground.write(region, name, number).is_ok() {
                let instances = &self.ground.world.place(ACCOUNT, region).rds.instances;
                let resource = instances.get(name).unwrap().resource.clone();
                self.written
                    .entry(resource)
                    .or_default()
                    .push((self.ground.world.now(), number));
            }
        }
        let wait = [SECOND, MINUTE, 10 * MINUTE, HOUR][self.draw(4)];
        self.ground.pass(wait);
        self.check();
    }

    fn check(&self) {
        let world = &self.ground.world;
        for ((account, region), place) in &world.places {
            for (id, instance) in place.rds.instances.iter() {
                let at = format!("{region} {id} {}", instance.status);
                assert_eq!(id, instance.id, "{at}");
                assert!(
                    place.rds.subnet_groups.contains(&instance.subnet_group),
                    "{at}: subnet group"
                );
                assert!(
                    place
                        .rds
                        .parameter_groups
                        .contains(&instance.parameter_group),
                    "{at}: parameter group"
                );
                assert!(
                    place.rds.option_groups.contains(&instance.option_group),
                    "{at}: option group"
                );
                let endpoint = instance.endpoint.as_ref().unwrap();
                let interface = place.ec2.interfaces.get(&endpoint.interface);
                assert!(
                    interface.is_some_and(|i| !i.released && i.private_address == endpoint.ip),
                    "{at}: interface"
                );
                match (&instance.source, place.rds.contents.get(&instance.contents)) {
                    (None, Some(Content::Own(_))) => {}
                    (Some(source), Some(Content::Follows(_))) => {
                        let there = world
                            .seen_place(account, &source.region)
                            .and_then(|p| p.rds.instances.get(&source.id));
                        let named = |r: &String| *r == instance.id || *r == instance.arn;
                        assert!(
                            there.is_some_and(|there| there.replicas.iter().any(named)),
                            "{at}: source"
                        );
                    }
                    (source, content) => panic!("{at}: {source:?} with {}", content.is_some()),
                }
                assert!(
                    instance.status != "stopped" || instance.automatic_restart.is_some(),
                    "{at}"
                );
                self.check_rows(region, id, &instance.resource);
            }
            for key in place.rds.contents.keys() {
                assert!(
                    place.rds.instances.iter().any(|(_, i)| i.contents == *key),
                    "{region}: {key} is nobody's"
                );
            }
            for (id, snapshot) in place.rds.snapshots.iter() {
                assert_eq!(
                    snapshot.status == "available",
                    snapshot.content.is_some()
                        && snapshot.status != "creating"
                        && snapshot.status != "pending",
                    "{region} {id} {}",
                    snapshot.status
                );
                let (Some(content), Some(time)) = (&snapshot.content, snapshot.database_time)
                else {
                    continue;
                };
                // Of what was written to its source itself, a snapshot holds what was committed by its instant.
                let held = content.history.rows().remove("user-1").unwrap_or_default();
                for (at, number) in self.written.get(&snapshot.resource).into_iter().flatten() {
                    assert_eq!(
                        held.contains(number),
                        *at <= time,
                        "{region} {id}: {number}"
                    );
                }
            }
        }
    }

    /// Nothing that was acknowledged is lost, and nothing is there twice.
    fn check_rows(&self, region: &str, id: &str, resource: &str) {
        let rows = self.ground.rows(region, id);
        let mut once = rows.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), rows.len(), "{region} {id}");
        for (_, number) in self.written.get(resource).into_iter().flatten() {
            assert!(rows.contains(number), "{region} {id} has lost {number}");
        }
    }
}

#[test]
fn random_histories_hold_together() {
    let mut done = 0;
    for seed in 0..24 {
        let mut history = History {
            ground: Ground::new(),
            dice: Dice(seed),
            step: 0,
            written: BTreeMap::new(),
            done: 0,
        };
        for _ in 0..120 {
            history.act();
        }
        done += history.done;
    }
    assert!(done > 500, "{done} operations went through");
}

#[test]
fn what_is_removed_leaves_nothing() {
    let mut ground = Ground::new();
    ground.ready("a", json!({ "CopyTagsToSnapshot": true }));
    ground.ok(
        TARGET,
        "CreateDBInstanceReadReplica",
        json!({
            "DBInstanceIdentifier": "b", "DBSubnetGroupName": "isolated",
            "SourceDBInstanceIdentifier": format!("arn:aws:rds:us-west-2:{ACCOUNT}:db:a"),
        }),
    );
    ground.until(TARGET, "b", "available");
    for (region, id) in [(SOURCE, "a"), (TARGET, "b")] {
        ground.ok(
            region,
            "DeleteDBInstance",
            json!({ "DBInstanceIdentifier": id, "SkipFinalSnapshot": true }),
        );
        ground.gone(region, id);
    }
    ground.pass(HOUR);
    for region in [SOURCE, TARGET] {
        let place = ground.world.seen_place(ACCOUNT, region).unwrap();
        assert!(
            place.rds.contents.is_empty()
                && place.rds.snapshots.is_empty()
                && place.rds.sessions.is_empty()
        );
        assert!(
            place.ec2.interfaces.is_empty(),
            "{region}: interfaces are left"
        );
    }
    assert_eq!(
        ground.world.next_event(),
        None,
        "nothing is to happen any more"
    );
}
