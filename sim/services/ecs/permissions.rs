//! What the operations of ECS need of IAM.

use super::{clusters, services};
use crate::services::Wanted;
use crate::world::{Cx, Input};
use serde_json::Value;

pub(super) fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let arn = |resource: String| cx.arn("ecs", &resource);
    let cluster = clusters::name_of(input.str("cluster"));
    let service = |member: &str| {
        arn(format!(
            "service/{}",
            services::key_of(&cluster, input.str(member).unwrap_or(""))
        ))
    };
    let resource = match operation {
        "CreateCluster" => arn(format!(
            "cluster/{}",
            input.str("clusterName").unwrap_or("default")
        )),
        "DeleteCluster"
        | "UpdateCluster"
        | "UpdateClusterSettings"
        | "PutClusterCapacityProviders" => arn(format!("cluster/{cluster}")),
        "CreateService" => service("serviceName"),
        "UpdateService"
        | "DeleteService"
        | "CreateTaskSet"
        | "UpdateServicePrimaryTaskSet"
        | "ListServiceDeployments" => service("service"),
        "DescribeServices" => match input.strings("services").as_slice() {
            [one] => arn(format!("service/{}", services::key_of(&cluster, one))),
            _ => "*".into(),
        },
        "RunTask" => definition(cx, input),
        "StopTask" => arn(format!(
            "task/{cluster}/{}",
            super::last(input.str("task").unwrap_or(""))
        )),
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            input.str("resourceArn").unwrap_or("*").to_owned()
        }
        _ => "*".into(),
    };
    let condition = vec![("ecs:cluster".to_owned(), arn(format!("cluster/{cluster}")))];
    let mut wanted = vec![Wanted {
        action: format!("ecs:{operation}"),
        resource,
        context: condition,
    }];
    // Tags on creation are an action of their own.
    let creates = matches!(
        operation,
        "CreateCluster" | "CreateService" | "RegisterTaskDefinition" | "RunTask" | "CreateTaskSet"
    );
    if creates && !input.list("tags").is_empty() {
        let context = vec![("ecs:CreateAction".to_owned(), operation.to_owned())];
        wanted.push(Wanted {
            action: "ecs:TagResource".into(),
            resource: "*".into(),
            context,
        });
    }
    let passed: Vec<&str> = match operation {
        "RegisterTaskDefinition" => ["executionRoleArn", "taskRoleArn"]
            .iter()
            .filter_map(|r| input.str(r))
            .collect(),
        "RunTask" => ["executionRoleArn", "taskRoleArn"]
            .iter()
            .filter_map(|r| {
                input
                    .value
                    .get("overrides")
                    .and_then(|o| o.get(*r))
                    .and_then(Value::as_str)
            })
            .collect(),
        _ => vec![],
    };
    for role in passed {
        let context = vec![(
            "iam:PassedToService".to_owned(),
            "ecs-tasks.amazonaws.com".to_owned(),
        )];
        wanted.push(Wanted {
            action: "iam:PassRole".into(),
            resource: role.to_owned(),
            context,
        });
    }
    wanted
}

fn definition(cx: &Cx<'_>, input: &Input) -> String {
    let given = input.str("taskDefinition").unwrap_or("");
    if given.starts_with("arn:") {
        given.to_owned()
    } else {
        cx.arn("ecs", &format!("task-definition/{given}"))
    }
}
