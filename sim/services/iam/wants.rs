//! Which permissions IAM's own operations need.

use super::principal::Kind;
use crate::services::Wanted;
use crate::world::{Cx, Input};

pub fn wants(cx: &Cx<'_>, operation: &str, input: &Input) -> Vec<Wanted> {
    let account = &cx.caller.account;
    let state = cx.world.accounts.get(account).map(|a| &a.iam);
    let principal = |kind: Kind| {
        let name = input.str(kind.member()).unwrap_or_default();
        match state.and_then(|s| s.principal(kind, name)) {
            Some(found) => found.arn.clone(),
            None => {
                let path = input.str("Path").unwrap_or("/");
                format!("arn:aws:iam::{account}:{}{path}{name}", kind.word())
            }
        }
    };
    let profile = || {
        let name = input.str("InstanceProfileName").unwrap_or_default();
        match state.and_then(|s| s.profiles.get(name)) {
            Some(found) => found.arn.clone(),
            None => {
                let path = input.str("Path").unwrap_or("/");
                format!("arn:aws:iam::{account}:instance-profile{path}{name}")
            }
        }
    };
    let resource = match operation {
        "CreateServiceLinkedRole" => {
            let service = input.str("AWSServiceName").unwrap_or_default();
            format!("arn:aws:iam::{account}:role/aws-service-role/{service}/*")
        }
        "CreatePolicy" => {
            let (path, name) = (
                input.str("Path").unwrap_or("/"),
                input.str("PolicyName").unwrap_or_default(),
            );
            format!("arn:aws:iam::{account}:policy{path}{name}")
        }
        "SimulatePrincipalPolicy" | "GetContextKeysForPrincipalPolicy" => {
            input.str("PolicySourceArn").unwrap_or("*").to_owned()
        }
        "AddUserToGroup" | "RemoveUserFromGroup" => principal(Kind::Group),
        _ if input.has("InstanceProfileName") => profile(),
        _ if input.has("RoleName") => principal(Kind::Role),
        _ if input.has("UserName") => principal(Kind::User),
        _ if input.has("GroupName") => principal(Kind::Group),
        _ => input.str("PolicyArn").unwrap_or("*").to_owned(),
    };
    let mut context = Vec::new();
    if operation.starts_with("Attach") || operation.starts_with("Detach") {
        context.push((
            "iam:PolicyARN".to_owned(),
            input.str("PolicyArn").unwrap_or_default().to_owned(),
        ));
    }
    if let Some(service) = input.str("AWSServiceName") {
        context.push(("iam:AWSServiceName".to_owned(), service.to_owned()));
    }
    if let Some(boundary) = input.str("PermissionsBoundary") {
        context.push(("iam:PermissionsBoundary".to_owned(), boundary.to_owned()));
    }
    for tag in input.list("Tags") {
        let key = tag["Key"].as_str().unwrap_or_default().to_owned();
        context.push((
            format!("aws:RequestTag/{key}"),
            tag["Value"].as_str().unwrap_or_default().to_owned(),
        ));
        context.push(("aws:TagKeys".to_owned(), key));
    }
    let holder = Kind::Role.key(input.str("RoleName").unwrap_or_default());
    if let Some(role) = state.and_then(|s| s.principals.get(&holder)) {
        for (key, value) in &role.tags {
            context.push((format!("aws:ResourceTag/{key}"), value.clone()));
            context.push((format!("iam:ResourceTag/{key}"), value.clone()));
        }
    }
    let mut wanted = vec![Wanted {
        action: format!("iam:{operation}"),
        resource: resource.clone(),
        context,
    }];
    if operation == "AddRoleToInstanceProfile" {
        wanted.push(Wanted {
            action: "iam:PassRole".to_owned(),
            resource: principal(Kind::Role),
            context: vec![(
                "iam:PassedToService".to_owned(),
                "ec2.amazonaws.com".to_owned(),
            )],
        });
    }
    wanted
}
