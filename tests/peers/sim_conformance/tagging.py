"""Resource Groups Tagging: what carries a tag over all services, as AWS documents it."""

OURS = [{"Key": "stack", "Values": ["redmine"]}]


def checks(world):
    tagging = world.client("resourcegroupstaggingapi")
    tag = [{"Key": "stack", "Value": "redmine"}]
    world.client("secretsmanager").create_secret(Name="redmine/db", SecretString="x", Tags=tag)
    world.client("ssm").put_parameter(Name="/redmine/url", Value="x", Type="String", Tags=tag)
    world.client("kms").create_key(Tags=[{"TagKey": "stack", "TagValue": "redmine"}])
    world.client("logs").create_log_group(logGroupName="/ecs/redmine", tags={"stack": "redmine"})
    world.client("ecs").create_cluster(clusterName="redmine", tags=[{"key": "stack", "value": "redmine"}])
    world.client("ecr").create_repository(repositoryName="redmine", tags=tag)
    world.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tag}])
    world.client("rds").create_db_parameter_group(DBParameterGroupName="redmine", DBParameterGroupFamily="postgres15",
                                                  Description="redmine", Tags=tag)
    world.client("ssm").put_parameter(Name="/other", Value="x", Type="String", Tags=[{"Key": "stack", "Value": "other"}])
    world.wait(10)

    def arns(**more):
        rows = [row for page in tagging.get_paginator("get_resources").paginate(**more) for row in page["ResourceTagMappingList"]]
        return [row["ResourceARN"] for row in rows]

    found = arns(TagFilters=OURS)
    world.same("all services", sorted({arn.split(":")[2] for arn in found}),
               ["ec2", "ecr", "ecs", "kms", "logs", "rds", "secretsmanager", "ssm"])
    world.same("by type", [arn.split(":")[5] for arn in arns(TagFilters=OURS, ResourceTypeFilters=["ecs:cluster"])],
               ["cluster/redmine"])
    world.same("by key alone", len(arns(TagFilters=[{"Key": "stack"}])), 9)
    world.same("page by page", arns(TagFilters=OURS, PaginationConfig={"PageSize": 3}), found)
    world.same("none elsewhere", world.client("resourcegroupstaggingapi", "eu-west-1").get_resources()["ResourceTagMappingList"], [])
    world.same("keys", tagging.get_tag_keys()["TagKeys"], ["stack"])
    world.same("values", tagging.get_tag_values(Key="stack")["TagValues"], ["other", "redmine"])
    done = tagging.tag_resources(ResourceARNList=found, Tags={"run": "7f3a"})
    world.same("tagged through their services", done["FailedResourcesMap"], {})
    world.same("seen", arns(TagFilters=[{"Key": "run", "Values": ["7f3a"]}]), found)
    tagging.untag_resources(ResourceARNList=found, TagKeys=["run"])
    world.same("untagged", arns(TagFilters=[{"Key": "run"}]), [])
    missing = "arn:aws:secretsmanager:us-west-2:111122223333:secret:none-AbCdEf"
    failed = tagging.tag_resources(ResourceARNList=[missing], Tags={"a": "b"})["FailedResourcesMap"]
    world.same("one that is not there", failed[missing]["ErrorCode"], "InvalidParameterException")
    world.refused("two ways to choose", "InvalidParameterException", tagging.get_resources, 400, ResourceARNList=found, TagFilters=OURS)
