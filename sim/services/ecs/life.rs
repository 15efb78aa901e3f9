//! The life of a task, from PROVISIONING to STOPPED.

use super::tasks::Task;
use super::{Scope, definitions, rows, scheduler, start, text};
use crate::clock::{HOUR, Nanos, Pert, SECOND};
use crate::plane::tasks::Process;
use crate::services::{ec2, elbv2};
use crate::world::World;
use serde_json::{Value, json};

/// The next step in the life of a task; `detail` is the version for which it was scheduled.
pub(super) fn step(world: &mut World, scope: &Scope, key: &str, detail: &Value) {
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    if detail.as_u64() != Some(task.version) {
        return;
    }
    match task.last_status.as_str() {
        "PROVISIONING" => provision(world, scope, task),
        "PENDING" => pull(world, scope, task),
        "ACTIVATING" => enter(world, scope, key, "RUNNING", None),
        "DEACTIVATING" => end_processes(world, scope, task),
        "STOPPING" => deprovision(world, scope, task),
        "DEPROVISIONING" => finish(world, scope, task),
        _ => {}
    }
}

/// Puts a task into a status, and schedules its next step.
fn enter(world: &mut World, scope: &Scope, key: &str, status: &str, next: Option<Nanos>) {
    let now = world.now();
    let mut version = 0;
    scope.state(world).tasks.settle(key, |task| {
        task.last_status = status.to_owned();
        task.version += 1;
        version = task.version;
        if status == "RUNNING" {
            task.started = Some(now);
        }
    });
    if let Some(after) = next {
        scope.later(world, after, "task", key, json!(version));
    }
    if let Some(task) = scope.state(world).tasks.get(key).cloned() {
        scheduler::task_changed(world, scope, &task);
    }
}

fn provision(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let groups: Vec<String> = rows(&task.network, "securityGroups")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let public = task.network["assignPublicIp"] == "ENABLED";
    let description = format!(
        "arn:aws:ecs:{}:{}:attachment/{}",
        scope.region, scope.account, task.attachment
    );
    let attached = ec2::attach_interface(
        world,
        &scope.account,
        &scope.region,
        &task.subnet,
        &groups,
        &description,
        "ecs",
        public,
    );
    match attached {
        Ok(interface) => {
            let now = world.now();
            let address = (interface.vpc_id.clone(), interface.private_address.clone());
            let state = scope.state(world);
            state.addresses.insert(address, key.clone());
            state.tasks.settle(&key, |task| {
                task.interface = Some(interface);
                task.connected = Some(now);
                task.pull_started = Some(now + SECOND);
            });
            // What will fail by silence takes long to say so.
            let Some(task) = scope.state(world).tasks.get(&key).cloned() else {
                return;
            };
            let after = match start::check(world, scope, &task) {
                Err(failed) if failed.silent => {
                    world.sample(Pert(90.0, 150.0, 240.0), &key, "pull-in-vain")
                }
                Err(_) => world.sample(Pert(5.0, 12.0, 40.0), &key, "fail"),
                Ok(ready) => {
                    let transfer = (ready.bytes as f64 / 50_000_000.0 * SECOND as f64) as Nanos;
                    world.sample(Pert(8.0, 18.0, 60.0), &key, "pull") + transfer
                }
            };
            enter(world, scope, &key, "PENDING", Some(after));
        }
        Err(error) => {
            let reason = format!(
                "Unexpected EC2 error while attempting to create network interface: {}",
                error.message
            );
            fail(world, scope, &key, &reason, None);
        }
    }
}

/// Everything that a start needs is looked at when it is needed, not before.
fn pull(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    match start::check(world, scope, &task) {
        Err(failed) => fail(
            world,
            scope,
            &key,
            &failed.reason,
            failed.container.as_deref(),
        ),
        Ok(ready) => {
            start::make_log_groups(world, scope, &task);
            let mut runtime = vec![];
            for _ in &task.containers {
                runtime.push(format!(
                    "{}-{}",
                    task.id,
                    scope.cx(world, "runtime").hex("runtime", 10)
                ));
            }
            scope.state(world).tasks.settle(&key, |task| {
                task.pull_stopped = Some(now);
                for ((container, digest), runtime) in
                    task.containers.iter_mut().zip(ready.digests).zip(runtime)
                {
                    container.digest = digest;
                    container.last_status = "RUNNING".into();
                    container.runtime_id = Some(runtime);
                }
            });
            for (container, prepared) in ready.containers.into_iter().enumerate() {
                crate::plane::tasks::begin(world, scope, &key, container, prepared);
            }
            let registered = !task.targets.is_empty();
            if registered {
                register(world, scope, &key);
                let after = world.sample(Pert(1.0, 3.0, 8.0), &key, "activate");
                enter(world, scope, &key, "ACTIVATING", Some(after));
            } else {
                enter(world, scope, &key, "RUNNING", None);
            }
        }
    }
}

fn register(world: &mut World, scope: &Scope, key: &str) {
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    for target in &task.targets {
        let done = elbv2::register(
            world,
            &scope.account,
            &scope.region,
            &target.group,
            &task.ip(),
            target.port,
        );
        let what = match done {
            Ok(()) => format!("registered 1 targets in (target-group {})", target.group),
            Err(error) => format!(
                "was unable to register targets in (target-group {}): {error}",
                target.group
            ),
        };
        tell_service(world, scope, &task, &what);
    }
}

fn tell_service(world: &mut World, scope: &Scope, task: &Task, what: &str) {
    let Some(name) = &task.service else { return };
    let key = format!("{}/{name}", task.cluster);
    if let Some(mut service) = scope.state(world).services.get(&key).cloned() {
        scheduler::say(
            world,
            scope,
            &mut service,
            format!("(service {name}) {what}"),
        );
        scope
            .state(world)
            .services
            .settle(&key, |old| *old = service);
    }
}

/// A task that never ran.
fn fail(world: &mut World, scope: &Scope, key: &str, reason: &str, container: Option<&str>) {
    let now = world.now();
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some("TaskFailedToStart".into());
        task.stopped_reason = Some(reason.to_owned());
        task.stopping = Some(now);
        task.execution_stopped = Some(now);
        for c in &mut task.containers {
            c.last_status = "STOPPED".into();
            if Some(c.name.as_str()) == container {
                c.reason = Some(reason.to_owned());
            }
        }
    });
    let after = world.sample(Pert(5.0, 10.0, 25.0), key, "deprovision");
    enter(world, scope, key, "DEPROVISIONING", Some(after));
    if let Some(task) = scope.state(world).tasks.get(key).cloned() {
        scheduler::task_ended(world, scope, &task, false);
    }
}

/// Begins to stop a task, unless it is being stopped.
pub(super) fn begin_stop(world: &mut World, scope: &Scope, key: &str, code: &str, reason: &str) {
    let now = world.now();
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    if task.desired_status == "STOPPED" {
        return;
    }
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some(code.to_owned());
        task.stopped_reason = Some(reason.to_owned());
        task.stopping = Some(now);
    });
    match task.last_status.as_str() {
        "PROVISIONING" | "PENDING" => {
            scope.state(world).tasks.settle(key, |task| {
                for c in &mut task.containers {
                    c.last_status = "STOPPED".into();
                }
            });
            let after = world.sample(Pert(5.0, 10.0, 25.0), key, "deprovision");
            enter(world, scope, key, "DEPROVISIONING", Some(after));
        }
        _ => {
            let drained = deregister(world, scope, &task);
            let after = if task.is_up() { drained } else { SECOND };
            enter(world, scope, key, "DEACTIVATING", Some(after.max(SECOND)));
        }
    }
}

/// Takes a task out of its target groups; answers how long they drain.
fn deregister(world: &mut World, scope: &Scope, task: &Task) -> Nanos {
    let mut longest = 0;
    for target in &task.targets {
        let delay = elbv2::target_group(world, &target.group)
            .and_then(|g| g.attributes.get("deregistration_delay.timeout_seconds"))
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(300);
        longest = longest.max(delay * SECOND);
        elbv2::deregister(
            world,
            &scope.account,
            &scope.region,
            &target.group,
            &task.ip(),
            target.port,
        );
        tell_service(
            world,
            scope,
            task,
            &format!("deregistered 1 targets in (target-group {})", target.group),
        );
    }
    longest
}

/// The processes are told to end; those that do not are killed after the stop timeout.
fn end_processes(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let definition = definitions::by_arn(world, scope, &task.definition).cloned();
    let mut longest = SECOND;
    let mut codes = vec![];
    for container in &task.containers {
        let timeout = definition
            .as_ref()
            .and_then(|d| {
                d.containers()
                    .iter()
                    .find(|c| text(c, "name") == container.name)
            })
            .and_then(|c| c["stopTimeout"].as_u64())
            .unwrap_or(30)
            .min(120);
        let ending = container.process.as_ref().map(Process::ending);
        let (seconds, code) = match ending {
            Some((seconds, code)) if seconds <= timeout => (seconds, Some(code)),
            Some(_) => (timeout, Some(137)),
            None => (0, container.exit_code),
        };
        longest = longest.max(seconds * SECOND);
        codes.push(code);
    }
    scope.state(world).tasks.settle(&key, |task| {
        for (container, code) in task.containers.iter_mut().zip(codes) {
            container.exit_code = code;
        }
    });
    enter(world, scope, &key, "STOPPING", Some(longest));
}

fn deprovision(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    for container in 0..task.containers.len() {
        crate::plane::tasks::end(world, scope, &key, container);
    }
    scope.state(world).tasks.settle(&key, |task| {
        task.execution_stopped.get_or_insert(now);
        for container in &mut task.containers {
            container.last_status = "STOPPED".into();
            container.process = None;
        }
    });
    let after = world.sample(Pert(5.0, 10.0, 25.0), &key, "deprovision");
    enter(world, scope, &key, "DEPROVISIONING", Some(after));
}

fn finish(world: &mut World, scope: &Scope, task: Task) {
    let key = task.key();
    let now = world.now();
    if let Some(interface) = &task.interface {
        let address = (interface.vpc_id.clone(), interface.private_address.clone());
        let state = scope.state(world);
        if state.addresses.get(&address) == Some(&key) {
            state.addresses.remove(&address);
        }
        ec2::release_interface(world, &scope.account, &scope.region, &interface.id);
    }
    scope
        .state(world)
        .tasks
        .settle(&key, |task| task.stopped = Some(now));
    if let Some(service) = &task.service
        && let Some(members) = scope
            .state(world)
            .members
            .get_mut(&format!("{}/{service}", task.cluster))
    {
        members.remove(&key);
    }
    enter(world, scope, &key, "STOPPED", None);
    // ECS remembers stopped tasks for an hour.
    scope.later(world, HOUR, "task-gone", &key, Value::Null);
}

/// A process has ended by itself.
pub(crate) fn process_ended(
    world: &mut World,
    scope: &Scope,
    key: &str,
    container: usize,
    code: i64,
) {
    let now = world.now();
    crate::plane::tasks::end(world, scope, key, container);
    let mut essential = false;
    scope.state(world).tasks.settle(key, |task| {
        if let Some(container) = task.containers.get_mut(container) {
            container.process = None;
            container.exit_code = Some(code);
            container.last_status = "STOPPED".into();
            essential = container.essential;
        }
    });
    let Some(task) = scope.state(world).tasks.get(key).cloned() else {
        return;
    };
    let last_one = !task.is_up();
    if (!essential && !last_one) || task.desired_status == "STOPPED" {
        return;
    }
    scope.state(world).tasks.settle(key, |task| {
        task.desired_status = "STOPPED".into();
        task.stop_code = Some("EssentialContainerExited".into());
        task.stopped_reason = Some("Essential container in task exited".into());
        task.stopping = Some(now);
        task.execution_stopped = Some(now);
    });
    deregister(world, scope, &task);
    let after = world.sample(Pert(1.0, 3.0, 8.0), key, "stop");
    enter(world, scope, key, "DEACTIVATING", Some(after));
    scheduler::task_ended(world, scope, &task, task.started.is_some());
}
