//! What a task needs before it runs: a role that ECS may assume, secrets, log groups, images, and a way to them.
//!
//! Everything is looked at when the task starts; the words are those that ECS writes into `stoppedReason`.

use super::tasks::Task;
use super::{Scope, container, definitions, rows, text};
use crate::plane;
use crate::services::{ecr, iam, logs, secrets, ssm};
use crate::world::World;
use serde_json::Value;
use std::collections::BTreeMap;

/// A container that may start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Prepared {
    pub image: String,
    /// Baked into the image, given, overridden and secret: the later wins.
    pub environment: BTreeMap<String, String>,
    /// `entryPoint` and `command`, as far as they are given.
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    /// Account, region, group and stream.
    pub log: Option<(String, String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ready {
    pub containers: Vec<Prepared>,
    pub digests: Vec<Option<String>>,
    /// To be transferred, compressed.
    pub bytes: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failed {
    pub reason: String,
    /// The container whose fault it is.
    pub container: Option<String>,
    /// It failed because nothing answered: minutes, not seconds.
    pub silent: bool,
}

fn failed(reason: String) -> Failed {
    Failed {
        reason,
        container: None,
        silent: false,
    }
}

/// Some address on the internet.
const PUBLIC: &str = "3.89.0.1";

const SECRETS: &str = "ResourceInitializationError: unable to pull secrets or registry auth: ";

/// What would come of starting the task's containers now.
pub(super) fn check(world: &World, scope: &Scope, task: &Task) -> Result<Ready, Failed> {
    let gone =
        || failed("ResourceInitializationError: the task definition could not be read".into());
    let definition = definitions::by_arn(world, scope, &task.definition).ok_or_else(gone)?;
    let role = match text(&task.overrides, "executionRoleArn") {
        "" => definition.execution_role().unwrap_or("").to_owned(),
        role => role.to_owned(),
    };
    let attempt = Attempt {
        world,
        scope,
        task,
        role,
    };
    let (mut containers, mut digests, mut bytes) = (vec![], vec![], 0);
    for given in definition.containers() {
        attempt.check_role(given)?;
        let mut environment = pairs(rows(given, "environment"));
        for secret in rows(given, "secrets") {
            let (name, from) = (text(secret, "name"), text(secret, "valueFrom"));
            environment.insert(name.to_owned(), attempt.secret(from)?);
        }
        let overridden = rows(&task.overrides, "containerOverrides")
            .iter()
            .find(|o| text(o, "name") == text(given, "name"));
        let mut command = strings(given, "command");
        if let Some(overridden) = overridden {
            environment.extend(pairs(rows(overridden, "environment")));
            if !rows(overridden, "command").is_empty() {
                command = strings(overridden, "command");
            }
        }
        let log = attempt.log(given)?;
        let pulled = attempt.image(given)?;
        digests.push(Some(pulled.digest));
        bytes += pulled.size;
        for (name, value) in pulled.environment {
            environment.entry(name).or_insert(value);
        }
        containers.push(Prepared {
            image: text(given, "image").to_owned(),
            environment,
            entry_point: strings(given, "entryPoint"),
            command,
            log,
        });
    }
    Ok(Ready {
        containers,
        digests,
        bytes,
    })
}

fn pairs(list: &[Value]) -> BTreeMap<String, String> {
    list.iter()
        .map(|e| (text(e, "name").to_owned(), text(e, "value").to_owned()))
        .collect()
}

fn strings(value: &Value, member: &str) -> Vec<String> {
    rows(value, member)
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

struct Pulled {
    digest: String,
    size: u64,
    environment: BTreeMap<String, String>,
}

struct Attempt<'a> {
    world: &'a World,
    scope: &'a Scope,
    task: &'a Task,
    role: String,
}

impl Attempt<'_> {
    /// Whether the task reaches an AWS service in a region: through an endpoint in its VPC, or over the internet.
    fn reaches(&self, service: &str, region: &str) -> Result<(), String> {
        let Some(interface) = &self.task.interface else {
            return Err("the task has no network interface".into());
        };
        let from = plane::From::Interface {
            account: self.scope.account.clone(),
            region: self.scope.region.clone(),
            id: interface.id.clone(),
        };
        let reached = if region == self.scope.region && service != "internet" {
            plane::reach_service(self.world, &from, service)
        } else {
            // No endpoint leads to another region: its addresses are on the internet.
            plane::reach(self.world, &from, &plane::To::Address(PUBLIC.into()), 443)
        };
        reached.map_err(|blocked| blocked.to_string())
    }

    fn check_role(&self, container: &Value) -> Result<(), Failed> {
        let needs = !rows(container, "secrets").is_empty()
            || container::is_private_ecr(text(container, "image"))
            || text(&container["logConfiguration"], "logDriver") == "awslogs";
        if needs && !iam::trusts(self.world, &self.role, "ecs-tasks.amazonaws.com") {
            return Err(failed(format!(
                "{SECRETS}unable to assume role '{}': the role does not exist or does not trust ecs-tasks.amazonaws.com",
                self.role
            )));
        }
        Ok(())
    }

    /// Who the execution role is when ECS acts as it.
    fn assumed(&self) -> String {
        let name = self.role.rsplit('/').next().unwrap_or("");
        format!(
            "arn:aws:sts::{}:assumed-role/{name}/{}",
            self.scope.account, self.task.id
        )
    }

    fn may(&self, action: &str, resource: &str, region: &str) -> bool {
        iam::role_allows(self.world, &self.role, action, resource, region)
    }

    fn denied(&self, action: &str, resource: &str) -> String {
        format!(
            "AccessDeniedException: User: {} is not authorized to perform: {action} on resource: {resource} because no \
             identity-based policy allows the {action} action status code: 400",
            self.assumed()
        )
    }

    fn secret(&self, from: &str) -> Result<String, Failed> {
        if from.contains(":secretsmanager:") {
            self.manager_secret(from)
        } else {
            self.parameter(from)
        }
    }

    fn manager_secret(&self, from: &str) -> Result<String, Failed> {
        let mut parts = from.splitn(8, ':');
        let region = parts.nth(3).unwrap_or("").to_owned();
        // The ARN proper: seven parts; a JSON key, a stage and a version may follow.
        let arn = from.split(':').take(7).collect::<Vec<_>>().join(":");
        let prefix = format!(
            "{SECRETS}execution resource retrieval failed: unable to retrieve secret from asm: "
        );
        if let Err(why) = self.reaches("secretsmanager", &region) {
            return Err(Failed {
                reason: format!(
                    "{prefix}service call has been retried 5 time(s): failed to fetch secret {arn} from secrets manager: \
                     RequestCanceled: request context canceled caused by: context deadline exceeded. Please check your \
                     task network configuration. ({why})"
                ),
                container: None,
                silent: true,
            });
        }
        // As the role's session: its policies, the secret's own policy and the key's have a say.
        secrets::read_as(self.world, &self.assumed(), from).map_err(|reason| {
            // Who may not read it does not learn that it is not there.
            let absent = reason.contains("ResourceNotFoundException");
            let reason = if absent && !self.may("secretsmanager:GetSecretValue", &arn, &region) {
                let denied = self.denied("secretsmanager:GetSecretValue", &arn);
                format!("failed to fetch secret {arn} from secrets manager: {denied}")
            } else {
                reason
            };
            failed(format!(
                "{prefix}service call has been retried 1 time(s): {reason}"
            ))
        })
    }

    /// By ARN, or by name in the task's own region.
    fn parameter(&self, from: &str) -> Result<String, Failed> {
        let (account, region) = match super::arn_place(from) {
            Some((account, region)) => (account.to_owned(), region.to_owned()),
            None => (self.scope.account.clone(), self.scope.region.clone()),
        };
        let prefix = format!(
            "{SECRETS}execution resource retrieval failed: unable to retrieve secrets from ssm: "
        );
        if let Err(why) = self.reaches("ssm", &region) {
            return Err(Failed {
                reason: format!(
                    "{prefix}service call has been retried 5 time(s): RequestCanceled: request context canceled caused \
                     by: context deadline exceeded. Please check your task network configuration. ({why})"
                ),
                container: None,
                silent: true,
            });
        }
        ssm::read_as(self.world, &self.assumed(), &account, &region, from).map_err(|reason| {
            failed(format!(
                "{prefix}service call has been retried 1 time(s): {reason}"
            ))
        })
    }

    /// Region, group and stream of the container's log, if it goes to CloudWatch Logs.
    fn log(&self, container: &Value) -> Result<Option<(String, String, String)>, Failed> {
        let log = &container["logConfiguration"];
        if text(log, "logDriver") != "awslogs" {
            return Ok(None);
        }
        let option = |name: &str| text(&log["options"], name).to_owned();
        let (group, prefix) = (option("awslogs-group"), option("awslogs-stream-prefix"));
        let region = match option("awslogs-region").as_str() {
            "" => self.scope.region.clone(),
            region => region.to_owned(),
        };
        let stream = format!("{prefix}/{}/{}", text(container, "name"), self.task.id);
        let start = "ResourceInitializationError: failed to validate logger args: ";
        if let Err(why) = self.reaches("logs", &region) {
            return Err(Failed {
                reason: format!(
                    "{start}: signal: killed: failed to create Cloudwatch log stream: RequestCanceled: request context \
                     canceled caused by: context deadline exceeded ({why})"
                ),
                container: None,
                silent: true,
            });
        }
        let arn = format!(
            "arn:aws:logs:{region}:{}:log-group:{group}:log-stream:{stream}",
            self.scope.account
        );
        if !self.may("logs:CreateLogStream", &arn, &region) {
            return Err(failed(format!(
                "{start}create stream has been retried 1 times: failed to create Cloudwatch log stream: {}: exit status 1",
                self.denied("logs:CreateLogStream", &arn)
            )));
        }
        if !logs::group_exists(self.world, &self.scope.account, &region, &group) {
            let creates = option("awslogs-create-group") == "true";
            let arn = format!(
                "arn:aws:logs:{region}:{}:log-group:{group}",
                self.scope.account
            );
            if !creates {
                return Err(failed(format!(
                    "{start}create stream has been retried 1 times: failed to create Cloudwatch log stream: \
                     ResourceNotFoundException: The specified log group does not exist.: exit status 1"
                )));
            }
            if !self.may("logs:CreateLogGroup", &arn, &region) {
                return Err(failed(format!(
                    "{start}create log group has been retried 1 times: failed to create Cloudwatch log group: {}: exit \
                     status 1",
                    self.denied("logs:CreateLogGroup", &arn)
                )));
            }
        }
        Ok(Some((region, group, stream)))
    }

    /// What a task gets of a container's image.
    fn image(&self, container: &Value) -> Result<Pulled, Failed> {
        let (name, image) = (text(container, "name"), text(container, "image"));
        let cannot = |reason: String, silent: bool| Failed {
            reason: format!("CannotPullContainerError: {reason}"),
            container: Some(name.to_owned()),
            silent,
        };
        if !container::is_private_ecr(image) {
            return match self.reaches("internet", &self.scope.region) {
                Ok(()) => Ok(Pulled {
                    digest: plane::tasks::public_digest(image),
                    size: 60_000_000,
                    environment: BTreeMap::new(),
                }),
                Err(why) => Err(cannot(
                    format!(
                        "pull image manifest has been retried 5 time(s): failed to resolve ref {image}: failed to do \
                         request: dial tcp: i/o timeout ({why})"
                    ),
                    true,
                )),
            };
        }
        let host = image.split('/').next().unwrap_or("");
        let region = host.split('.').nth(3).unwrap_or("").to_owned();
        if let Err(why) = self.reaches("ecr.api", &region) {
            return Err(Failed {
                reason: format!(
                    "{SECRETS}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the \
                     task and Amazon ECR. Check your task network configuration. RequestError: send request failed \
                     caused by: Post \"https://api.ecr.{region}.amazonaws.com/\": dial tcp: i/o timeout ({why})"
                ),
                container: None,
                silent: true,
            });
        }
        if !self.may("ecr:GetAuthorizationToken", "*", &region) {
            return Err(failed(format!(
                "{SECRETS}The task cannot pull registry auth from Amazon ECR: {}",
                self.denied("ecr:GetAuthorizationToken", "*")
            )));
        }
        for (service, what) in [("ecr.dkr", "manifest"), ("s3", "layer")] {
            if let Err(why) = self.reaches(service, &region) {
                return Err(cannot(
                    format!(
                        "pull image {what} has been retried 5 time(s): failed to resolve ref {image}: dial tcp: i/o \
                         timeout ({why})"
                    ),
                    true,
                ));
            }
        }
        match ecr::pull(self.world, &self.role, &self.scope.region, image) {
            Ok(pulled) => Ok(Pulled {
                digest: pulled.digest,
                size: pulled.size,
                environment: pulled.environment,
            }),
            Err(reason) => Err(cannot(reason, false)),
        }
    }
}

/// The awslogs driver makes groups that are absent where it is told to.
pub(super) fn make_log_groups(world: &mut World, scope: &Scope, task: &Task) {
    let Some(definition) = definitions::by_arn(world, scope, &task.definition).cloned() else {
        return;
    };
    for container in definition.containers() {
        let options = &container["logConfiguration"]["options"];
        let group = text(options, "awslogs-group");
        let region = match text(options, "awslogs-region") {
            "" => scope.region.clone(),
            region => region.to_owned(),
        };
        if text(options, "awslogs-create-group") == "true"
            && !logs::group_exists(world, &scope.account, &region, group)
        {
            let input = serde_json::json!({ "logGroupName": group });
            // Somebody else may have made it in this instant: then it is there, which is all that matters.
            let _ = world.invoke(
                &scope.account,
                &region,
                crate::services::ServiceId::Logs,
                "CreateLogGroup",
                input,
            );
        }
    }
}
