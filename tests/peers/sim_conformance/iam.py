"""IAM: principals, policies, and calls that are allowed or not, as AWS documents them."""

import json

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from world import ACCOUNT

EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def document(action, resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(**principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ECS = trust(Service="ecs-tasks.amazonaws.com")


def checks(world):
    iam = world.client("iam", "us-east-1")
    roles(world, iam)
    policies(world, iam)
    profiles(world, iam)
    users(world, iam)
    linked(world, iam)
    simulated(world, iam)
    authorized(world, iam)
    account(world, iam)


def roles(world, iam):
    made = iam.create_role(RoleName="app", AssumeRolePolicyDocument=ECS, Description="tasks", MaxSessionDuration=7200,
                           Tags=[{"Key": "stack", "Value": "redmine"}])["Role"]
    world.same("a role's ARN", made["Arn"], f"arn:aws:iam::{ACCOUNT}:role/app")
    world.that("a role's id", made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 20, made["RoleId"])
    seen = iam.get_role(RoleName="app")["Role"]
    world.same("the trust policy comes back as it was", seen["AssumeRolePolicyDocument"], json.loads(ECS))
    world.same("the session's length", seen["MaxSessionDuration"], 7200)
    world.same("tags of a role", iam.list_role_tags(RoleName="app")["Tags"], [{"Key": "stack", "Value": "redmine"}])
    world.refused("a role twice", "EntityAlreadyExists", iam.create_role, 409, RoleName="app", AssumeRolePolicyDocument=ECS)
    world.refused("a role not there", "NoSuchEntity", iam.get_role, 404, RoleName="none")
    world.refused("a trust policy that is no JSON", "MalformedPolicyDocument", iam.create_role, 400,
                  RoleName="bad", AssumeRolePolicyDocument="{")
    world.refused("a trust policy that names a resource", "MalformedPolicyDocument", iam.create_role,
                  RoleName="bad", AssumeRolePolicyDocument=document("sts:AssumeRole"))
    world.refused("a session too long", "ValidationError", iam.update_role, RoleName="app", MaxSessionDuration=90000)
    iam.update_role(RoleName="app", Description="other", MaxSessionDuration=3600)
    world.same("an updated description", iam.get_role(RoleName="app")["Role"]["Description"], "other")
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=trust(Service="ec2.amazonaws.com"))
    seen = iam.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    world.same("an updated trust policy", seen["Statement"][0]["Principal"], {"Service": "ec2.amazonaws.com"})
    for n in range(5):
        iam.create_role(RoleName=f"page-{n}", Path="/pages/", AssumeRolePolicyDocument=ECS)
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/pages/", PaginationConfig={"PageSize": 2})
    pages = list(pages)
    world.same("pages of two", [len(page["Roles"]) for page in pages], [2, 2, 1])
    for n in range(5):
        iam.delete_role(RoleName=f"page-{n}")
    iam.untag_role(RoleName="app", TagKeys=["stack"])
    world.same("no tags left", iam.list_role_tags(RoleName="app")["Tags"], [])


def policies(world, iam):
    iam.put_role_policy(RoleName="app", PolicyName="inline", PolicyDocument=document("s3:GetObject"))
    world.same("inline policies", iam.list_role_policies(RoleName="app")["PolicyNames"], ["inline"])
    seen = iam.get_role_policy(RoleName="app", PolicyName="inline")["PolicyDocument"]
    world.same("an inline policy comes back as it was", seen, json.loads(document("s3:GetObject")))
    world.refused("an inline policy not there", "NoSuchEntity", iam.get_role_policy, 404, RoleName="app", PolicyName="none")
    world.refused("a policy without a statement", "MalformedPolicyDocument", iam.put_role_policy, 400,
                  RoleName="app", PolicyName="bad", PolicyDocument="{}")
    arn = iam.create_policy(PolicyName="move", PolicyDocument=document("rds:*"))["Policy"]["Arn"]
    world.same("a policy's ARN", arn, f"arn:aws:iam::{ACCOUNT}:policy/move")
    world.refused("a policy twice", "EntityAlreadyExists", iam.create_policy, 409, PolicyName="move",
                  PolicyDocument=document("rds:*"))
    iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    iam.attach_role_policy(RoleName="app", PolicyArn=arn)
    iam.attach_role_policy(RoleName="app", PolicyArn=EXECUTION)
    attached = iam.list_attached_role_policies(RoleName="app")["AttachedPolicies"]
    world.same("attached policies", {p["PolicyName"] for p in attached}, {"move", "AmazonECSTaskExecutionRolePolicy"})
    world.refused("a policy not there", "NoSuchEntity", iam.attach_role_policy, 404, RoleName="app",
                  PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/none")
    for n in range(2, 6):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(f"ecs:{n}"), SetAsDefault=n == 3)
    world.refused("a sixth version", "LimitExceeded", iam.create_policy_version, 409, PolicyArn=arn,
                  PolicyDocument=document("ecs:6"))
    world.same("the default version", iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"], "v3")
    seen = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]
    world.same("the document of a version", seen["Document"]["Statement"][0]["Action"], "ecs:3")
    world.refused("the default version is kept", "DeleteConflict", iam.delete_policy_version, 409, PolicyArn=arn, VersionId="v3")
    world.refused("an attached policy is kept", "DeleteConflict", iam.delete_policy, 409, PolicyArn=arn)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    world.same("who has a policy", [r["RoleName"] for r in entities["PolicyRoles"]], ["app"])
    world.refused("a role with policies is kept", "DeleteConflict", iam.delete_role, 409, RoleName="app")
    iam.detach_role_policy(RoleName="app", PolicyArn=arn)
    world.refused("detached twice", "NoSuchEntity", iam.detach_role_policy, 404, RoleName="app", PolicyArn=arn)
    for version in ("v1", "v2", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.delete_policy(PolicyArn=arn)
    world.refused("a deleted policy", "NoSuchEntity", iam.get_policy, 404, PolicyArn=arn)
    world.same("AWS's policies are there", iam.get_policy(PolicyArn=EXECUTION)["Policy"]["Path"], "/service-role/")
    world.same("no policy of ours is left", iam.list_policies(Scope="Local")["Policies"], [])


def profiles(world, iam):
    iam.create_instance_profile(InstanceProfileName="app")
    iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="app")
    seen = iam.get_instance_profile(InstanceProfileName="app")["InstanceProfile"]
    world.same("the role of a profile", [r["RoleName"] for r in seen["Roles"]], ["app"])
    world.refused("a second role", "LimitExceeded", iam.add_role_to_instance_profile, 409,
                  InstanceProfileName="app", RoleName="app")
    world.refused("a profile with a role is kept", "DeleteConflict", iam.delete_instance_profile, 409, InstanceProfileName="app")
    world.same("profiles of a role", len(iam.list_instance_profiles_for_role(RoleName="app")["InstanceProfiles"]), 1)
    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="app")
    world.refused("a profile not there", "NoSuchEntity", iam.get_instance_profile, 404, InstanceProfileName="app")


def users(world, iam):
    iam.create_user(UserName="ann", Path="/team/")
    world.same("a user's ARN", iam.get_user(UserName="ann")["User"]["Arn"], f"arn:aws:iam::{ACCOUNT}:user/team/ann")
    keys = [iam.create_access_key(UserName="ann")["AccessKey"] for _ in range(2)]
    world.refused("a third key", "LimitExceeded", iam.create_access_key, 409, UserName="ann")
    world.same("keys listed", len(iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]), 2)
    world.refused("a user with keys is kept", "DeleteConflict", iam.delete_user, 409, UserName="ann")
    iam.create_group(GroupName="ops")
    iam.add_user_to_group(GroupName="ops", UserName="ann")
    world.same("members of a group", [u["UserName"] for u in iam.get_group(GroupName="ops")["Users"]], ["ann"])
    world.same("groups of a user", [g["GroupName"] for g in iam.list_groups_for_user(UserName="ann")["Groups"]], ["ops"])
    world.refused("a group with members is kept", "DeleteConflict", iam.delete_group, 409, GroupName="ops")
    iam.remove_user_from_group(GroupName="ops", UserName="ann")
    iam.delete_group(GroupName="ops")
    for key in keys:
        iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ann")
    world.refused("a user not there", "NoSuchEntity", iam.get_user, 404, UserName="ann")


def linked(world, iam):
    made = iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")["Role"]
    world.same("a service-linked role", made["Arn"],
               f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS")
    world.refused("the same again", "InvalidInput", iam.create_service_linked_role, 400, AWSServiceName="rds.amazonaws.com")
    world.refused("of no service", "InvalidInput", iam.create_service_linked_role, 400, AWSServiceName="none.amazonaws.com")
    world.refused("not ours to delete", "UnmodifiableEntity", iam.delete_role, 400, RoleName="AWSServiceRoleForRDS")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForRDS")["DeletionTaskId"]
    world.same("deletion takes time", iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "IN_PROGRESS")
    world.wait(60)
    world.same("and ends", iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"], "SUCCEEDED")
    world.refused("the role is gone", "NoSuchEntity", iam.get_role, 404, RoleName="AWSServiceRoleForRDS")


def simulated(world, iam):
    arn = f"arn:aws:iam::{ACCOUNT}:role/app"
    only = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    iam.put_role_policy(RoleName="app", PolicyName="inline", PolicyDocument=document("rds:*", Condition=only))
    bare = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["rds:CopyDBSnapshot"])["EvaluationResults"][0]
    world.same("without its condition key", bare["EvalDecision"], "implicitDeny")
    world.same("the key that was lacking", bare["MissingContextValues"], ["aws:RequestedRegion"])
    entry = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyType": "string", "ContextKeyValues": ["eu-west-1"]}]
    told = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["rds:CopyDBSnapshot"], ContextEntries=entry)
    told = told["EvaluationResults"][0]
    world.same("with it", told["EvalDecision"], "allowed")
    world.same("the statement that allows", told["MatchedStatements"][0]["SourcePolicyId"], "role_app_inline")
    results = iam.simulate_custom_policy(
        PolicyInputList=[document("s3:*", "arn:aws:s3:::mine/*"), document("s3:Delete*", effect="Deny")],
        ActionNames=["s3:GetObject", "s3:DeleteObject"], ResourceArns=["arn:aws:s3:::mine/a"])["EvaluationResults"]
    world.same("a custom policy", [r["EvalDecision"] for r in results], ["allowed", "explicitDeny"])
    world.refused("nobody's policies", "NoSuchEntity", iam.simulate_principal_policy, 404,
                  PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/none", ActionNames=["s3:GetObject"])
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
    world.same("the keys that policies ask for", keys, ["aws:RequestedRegion"])


def authorized(world, iam):
    """A user's calls, through its own key."""
    iam.create_user(UserName="bob")
    key = iam.create_access_key(UserName="bob")["AccessKey"]

    def client(service, region="us-west-2", **more):
        return boto3.client(service, region_name=region, endpoint_url=world.endpoint,
                            aws_access_key_id=more.get("key", key["AccessKeyId"]),
                            aws_secret_access_key=more.get("secret", key["SecretAccessKey"]),
                            aws_session_token=more.get("token"),
                            config=Config(retries={"max_attempts": 1, "mode": "standard"}))

    who = client("sts").get_caller_identity()
    world.same("who calls", who["Arn"], f"arn:aws:iam::{ACCOUNT}:user/bob")
    world.refused("query: not allowed", "AccessDenied", client("rds").describe_db_instances, 403)
    world.refused("ec2: not allowed", "UnauthorizedOperation", client("ec2").describe_vpcs, 403)
    world.refused("json: not allowed", "AccessDeniedException", client("ecs").list_clusters, 400)
    world.refused("rest-xml: not allowed", "AccessDenied", client("route53").list_hosted_zones, 403)
    iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    world.that("a read is allowed then", client("rds").describe_db_instances() is not None)
    world.refused("a write is still not", "AccessDenied", client("rds").delete_db_instance, 403, DBInstanceIdentifier="x")
    deny = document("rds:*", effect="Deny", Condition={"StringNotEquals": {"aws:RequestedRegion": "us-west-2"}})
    iam.put_user_policy(UserName="bob", PolicyName="regions", PolicyDocument=deny)
    world.that("in the one region", client("rds").describe_db_instances() is not None)
    try:
        client("rds", "eu-west-1").describe_db_instances()
        world.that("not in the other", False)
    except ClientError as error:
        world.that("a deny says so", "explicit deny in an identity-based policy" in error.response["Error"]["Message"],
                   error.response["Error"]["Message"])
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{ACCOUNT}:user/bob"))
    iam.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document("ecs:*"))
    session = client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="run")["Credentials"]
    as_role = dict(key=session["AccessKeyId"], secret=session["SecretAccessKey"], token=session["SessionToken"])
    world.same("who the session is", client("sts", **as_role).get_caller_identity()["Arn"],
               f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/run")
    world.same("what the session may", client("ecs", **as_role).list_clusters()["clusterArns"], [])
    world.refused("what it may not", "AccessDenied", client("rds", **as_role).describe_db_instances, 403)
    world.refused("a role that does not trust", "AccessDenied", client("sts").assume_role, 403,
                  RoleArn=f"arn:aws:iam::{ACCOUNT}:role/app", RoleSessionName="run")


def account(world, iam):
    summary = iam.get_account_summary()["SummaryMap"]
    world.same("roles counted", summary["Roles"], 2)
    details = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    world.same("roles in detail", {r["RoleName"] for r in details}, {"app", "worker"})
    iam.create_account_alias(AccountAlias="infracourse")
    world.same("the account's alias", iam.list_account_aliases()["AccountAliases"], ["infracourse"])
    code, output, errors = world.cli("iam", "get-role", "--role-name", "app")
    world.that("the command line reads a role", code == 0 and output["Role"]["RoleName"] == "app", errors)
