"""Parameter Store: versions, labels, paths, secure strings, as AWS documents them."""

from world import ACCOUNT


def absent(world, ssm, what, call, **arguments):
    """Refused with ParameterNotFound, of which AWS says no more than the code."""
    try:
        call(**arguments)
        world.that(what, False)
    except ssm.exceptions.ParameterNotFound as error:
        world.same(what, error.response["ResponseMetadata"]["HTTPStatusCode"], 400)


def checks(world):
    ssm = world.client("ssm")
    values(world, ssm)
    refusals(world, ssm)
    secure(world, ssm)
    paths(world, ssm)
    labels_and_tags(world, ssm)
    removal(world, ssm)
    code, output, errors = world.cli("ssm", "get-parameter", "--name", "/app/url")
    world.that("the command line reads a parameter", code == 0 and output["Parameter"]["Value"] == "two", errors)


def values(world, ssm):
    made = ssm.put_parameter(Name="/app/url", Value="one", Type="String", Description="where", Tags=[{"Key": "stack", "Value": "redmine"}])
    world.same("a first version", [made["Version"], made["Tier"]], [1, "Standard"])
    world.same("a second", ssm.put_parameter(Name="/app/url", Value="two", Overwrite=True)["Version"], 2)
    seen = ssm.get_parameter(Name="/app/url")["Parameter"]
    world.same("the latest", [seen["Value"], seen["Version"], seen["Type"], seen["ARN"], seen["DataType"]],
               ["two", 2, "String", f"arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/app/url", "text"])
    older = ssm.get_parameter(Name="/app/url:1")["Parameter"]
    world.same("an older one", [older["Value"], older["Selector"]], ["one", ":1"])
    world.same("by ARN", ssm.get_parameter(Name=seen["ARN"])["Parameter"]["Value"], "two")
    absent(world, ssm, "not there", ssm.get_parameter, Name="/app/none")
    absent(world, ssm, "not in another region", world.client("ssm", "eu-west-1").get_parameter, Name="/app/url")
    world.refused("a version not there", "ParameterVersionNotFound", ssm.get_parameter, 400, Name="/app/url:9")
    history = ssm.get_parameter_history(Name="/app/url")["Parameters"]
    world.same("history", [row["Value"] for row in history], ["one", "two"])
    world.same("a description stays", history[1]["Description"], "where")
    got = ssm.get_parameters(Names=["/app/url", "/app/none"])
    world.same("several", [len(got["Parameters"]), got["InvalidParameters"]], [1, ["/app/none"]])
    listed = ssm.put_parameter(Name="/app/hosts", Value="a,b", Type="StringList")
    world.same("a list", listed["Version"], 1)


def refusals(world, ssm):
    put = ssm.put_parameter
    world.refused("again without overwrite", "ParameterAlreadyExists", put, 400, Name="/app/url", Value="x", Type="String")
    world.refused("another type", "HierarchyTypeMismatchException", put, 400, Name="/app/url", Value="x", Type="SecureString",
                  Overwrite=True)
    world.refused("tags with overwrite", "ValidationException", put, 400, Name="/app/url", Value="x", Overwrite=True,
                  Tags=[{"Key": "a", "Value": "b"}])
    world.refused("no type", "ValidationException", put, 400, Name="/new", Value="x")
    world.refused("not fully qualified", "ValidationException", put, 400, Name="a/b", Value="x", Type="String")
    world.refused("a reserved prefix", "ValidationException", put, 400, Name="/aws/x", Value="x", Type="String")
    world.refused("too deep", "HierarchyLevelLimitExceededException", put, 400, Name="/a" * 16, Value="x", Type="String")
    world.refused("too large", "ValidationException", put, 400, Name="/new", Value="x" * 4097, Type="String")
    world.refused("against its pattern", "ParameterPatternMismatchException", put, 400, Name="/new", Value="x", Type="String",
                  AllowedPattern="^\\d+$")
    put(Name="/new", Value="42", Type="String", AllowedPattern="^\\d+$")
    world.refused("against the kept pattern", "ParameterPatternMismatchException", put, 400, Name="/new", Value="x", Overwrite=True)
    world.same("a large one in the advanced tier",
               put(Name="/large", Value="x" * 5000, Type="String", Tier="Intelligent-Tiering")["Tier"], "Advanced")
    world.refused("no way back", "ValidationException", put, 400, Name="/large", Value="x", Tier="Standard", Overwrite=True)


def secure(world, ssm):
    kms = world.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="/app/password", Value="pw", Type="SecureString", KeyId=key)
    world.that("not shown", ssm.get_parameter(Name="/app/password")["Parameter"]["Value"] != "pw")
    shown = ssm.get_parameter(Name="/app/password", WithDecryption=True)["Parameter"]["Value"]
    world.same("shown when decrypted", shown, "pw")
    kms.disable_key(KeyId=key)
    world.refused("not with a disabled key", "InvalidKeyId", ssm.get_parameter, 400, Name="/app/password", WithDecryption=True)
    kms.enable_key(KeyId=key)
    world.refused("nor with one not there", "InvalidKeyId", ssm.put_parameter, 400, Name="/x", Value="x", Type="SecureString",
                  KeyId="alias/none")
    ssm.put_parameter(Name="/app/token", Value="t", Type="SecureString")
    rows = ssm.describe_parameters(ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}])["Parameters"]
    world.same("their keys", {row["Name"]: row["KeyId"] for row in rows}, {"/app/password": key, "/app/token": "alias/aws/ssm"})


def paths(world, ssm):
    ssm.put_parameter(Name="/app/deep/one", Value="1", Type="String")
    names = lambda **more: [p["Name"] for p in ssm.get_parameters_by_path(Path="/app", **more)["Parameters"]]
    world.same("one level", names(), ["/app/hosts", "/app/password", "/app/token", "/app/url"])
    world.same("all levels", len(names(Recursive=True)), 5)
    world.refused("no path", "ValidationException", ssm.get_parameters_by_path, 400, Path="app")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/app", Recursive=True, PaginationConfig={"PageSize": 2})
    world.same("pages of two", [len(p["Parameters"]) for p in pages], [2, 2, 1])
    rows = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/app/d"]}])["Parameters"]
    world.same("by the beginning of a name", [row["Name"] for row in rows], ["/app/deep/one"])
    rows = ssm.describe_parameters(ParameterFilters=[{"Key": "tag:stack", "Values": ["redmine"]}])["Parameters"]
    world.same("by tag", [row["Name"] for row in rows], ["/app/url"])


def labels_and_tags(world, ssm):
    done = ssm.label_parameter_version(Name="/app/url", ParameterVersion=1, Labels=["good", "9bad"])
    world.same("a label that may not be", done["InvalidLabels"], ["9bad"])
    world.same("by label", ssm.get_parameter(Name="/app/url:good")["Parameter"]["Value"], "one")
    ssm.label_parameter_version(Name="/app/url", Labels=["good"])
    world.same("a label moves", ssm.get_parameter(Name="/app/url:good")["Parameter"]["Value"], "two")
    ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/app/url", Tags=[{"Key": "a", "Value": "1"}])
    ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/app/url", TagKeys=["stack"])
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/app/url")["TagList"]
    world.same("tags", tags, [{"Key": "a", "Value": "1"}])
    world.refused("tags of nothing", "InvalidResourceId", ssm.list_tags_for_resource, 400, ResourceType="Parameter",
                  ResourceId="/none")


def removal(world, ssm):
    ssm.delete_parameter(Name="/large")
    absent(world, ssm, "deleted twice", ssm.delete_parameter, Name="/large")
    done = ssm.delete_parameters(Names=["/new", "/none"])
    world.same("several", [done["DeletedParameters"], done["InvalidParameters"]], [["/new"], ["/none"]])
