"""Versions and aliases: what is frozen, what moves, and what AWS says about either."""

from helpers import invoke, make_function, wait_active, zip_of
from test_20_lambda_control import CODE, create, fn, refused


def code(answer):
    return f"def handler(event, context):\n    return {answer!r}\n"


def two_versions(lam, name):
    make_function(lam, name, code("one"))
    lam.publish_version(FunctionName=name)
    lam.update_function_code(FunctionName=name, ZipFile=zip_of(code("two")))
    wait_active(lam, name)
    lam.publish_version(FunctionName=name)


def test_publish_freezes(server, lam, name):
    make_function(lam, name, code("one"))
    first = lam.publish_version(FunctionName=name, Description="first")
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (first["Version"], first["FunctionArn"]) == ("1", fn(server, name, "1"))
    assert (first["State"], first["LastUpdateStatus"], first["Description"]) == ("Active", "Successful", "first")
    again = lam.publish_version(FunctionName=name, Description="again")
    assert (again["Version"], again["RevisionId"]) == ("1", first["RevisionId"])
    lam.update_function_code(FunctionName=name, ZipFile=zip_of(code("two")))
    wait_active(lam, name)
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    assert invoke(lam, name, Qualifier="1").payload == "one"
    assert invoke(lam, name, Qualifier="2").payload == "two"
    versions = lam.list_versions_by_function(FunctionName=name)["Versions"]
    assert [v["FunctionArn"] for v in versions] == [fn(server, name, q) for q in ("$LATEST", "1", "2")]


def test_publish_checks_code_and_revision(lam, name):
    made = make_function(lam, name, CODE)
    message = refused("InvalidParameterValueException", 400, lam.publish_version, FunctionName=name, CodeSha256="x=")
    assert message == (
        f"CodeSHA256 (x=) is different from current CodeSHA256 in $LATEST ({made['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    refused("PreconditionFailedException", 412, lam.publish_version, FunctionName=name, RevisionId=made["RevisionId"])


def test_version_numbers_are_not_used_again(lam, name):
    two_versions(lam, name)
    lam.delete_function(FunctionName=name, Qualifier="2")
    lam.delete_function(FunctionName=name, Qualifier="77")  # a missing version: fine
    lam.update_function_configuration(FunctionName=name, Timeout=9)
    wait_active(lam, name)
    assert lam.publish_version(FunctionName=name)["Version"] == "3"
    lam.delete_function(FunctionName=name)
    make_function(lam, name, "def handler(event, context): return 'anew'")
    assert lam.publish_version(FunctionName=name)["Version"] == "4"


def test_alias_lives(server, lam, name):
    two_versions(lam, name)
    made = lam.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["AliasArn"] == fn(server, name, "prod")
    assert (made["Description"], made["FunctionVersion"], "RoutingConfig" in made) == ("", "1", False)
    assert invoke(lam, name, Qualifier="prod").payload == "one"
    moved = lam.update_alias(FunctionName=name, Name="prod", FunctionVersion="2", Description="moved")
    assert moved["RevisionId"] != made["RevisionId"]
    answer = invoke(lam, name, Qualifier="prod")
    assert (answer.payload, answer.version) == ("two", "2")
    got = lam.get_function_configuration(FunctionName=name, Qualifier="prod")
    assert (got["FunctionArn"], got["Version"]) == (fn(server, name, "prod"), "2")
    lam.create_alias(FunctionName=name, Name="stage", FunctionVersion="$LATEST")
    assert [a["Name"] for a in lam.list_aliases(FunctionName=name)["Aliases"]] == ["prod", "stage"]
    assert [a["Name"] for a in lam.list_aliases(FunctionName=name, FunctionVersion="2")["Aliases"]] == ["prod"]
    for _ in range(2):  # missing: fine
        assert lam.delete_alias(FunctionName=name, Name="prod")["ResponseMetadata"]["HTTPStatusCode"] == 204
    message = refused("ResourceNotFoundException", 404, lam.get_alias, FunctionName=name, Name="prod")
    assert message == f"Cannot find alias arn: {fn(server, name, 'prod')}"
    message = refused("ResourceNotFoundException", 404, lam.update_alias, FunctionName=name, Name="prod")
    assert message == f"Alias not found: {fn(server, name, 'prod')}"


def test_weights_split(lam, name):
    two_versions(lam, name)
    made = lam.create_alias(
        FunctionName=name,
        Name="canary",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    seen = {invoke(lam, name, Qualifier="canary").payload for _ in range(40)}
    assert seen == {"one", "two"}
    cleared = lam.update_alias(FunctionName=name, Name="canary", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in cleared


def test_alias_faults(server, lam, name):
    two_versions(lam, name)

    def fault(error, status, **alias):
        alias = {"FunctionName": name, "Name": "a", "FunctionVersion": "1"} | alias
        return refused(error, status, lam.create_alias, **alias)

    def weights(**weights):
        return {"AdditionalVersionWeights": weights}

    lam.create_alias(FunctionName=name, Name="taken", FunctionVersion="1")
    message = fault("ResourceConflictException", 409, Name="taken")
    assert message == f"Alias already exists: {fn(server, name, 'taken')}"
    message = fault("ValidationException", 400, Name="2024")
    assert message == (
        "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
    )
    message = fault("InvalidParameterValueException", 400, RoutingConfig=weights(**{"2": 0.1, "3": 0.1}))
    assert message == "Number of items in AdditionalVersionWeights cannot be greater than 1"
    message = fault("ValidationException", 400, RoutingConfig=weights(**{"2": 2.0}))
    assert message == (
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must "
        "have value greater than or equal to 0.0, Member must not be null]"
    )
    message = fault("ValidationException", 400, RoutingConfig=weights(**{"$LATEST": 0.1}))
    assert message.endswith(
        "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have length "
        "greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"
    )
    message = fault("InvalidParameterValueException", 400, RoutingConfig=weights(**{"1": 0.1}))
    assert message == (
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )
    message = fault("InvalidParameterValueException", 400, FunctionVersion="$LATEST", RoutingConfig=weights(**{"1": 0.1}))
    assert message == "$LATEST is not supported for an alias pointing to more than 1 version"
    message = fault("ResourceNotFoundException", 404, FunctionVersion="10")
    assert message == f"Function not found: {fn(server, name, '10')}"


def test_deletes_that_aws_refuses(lam, name):
    create(lam, name)
    message = refused("InvalidParameterValueException", 400, lam.delete_function, FunctionName=name, Qualifier="$LATEST")
    assert message == "$LATEST version cannot be deleted without deleting the function."
    message = refused("InvalidParameterValueException", 400, lam.delete_function, FunctionName=name, Qualifier="prod")
    assert message == "Deletion of aliases is not currently supported."


def test_an_unknown_alias_is_a_function_that_is_not_found(server, lam, name):
    make_function(lam, name, CODE)
    for call in (lam.get_function, lam.get_function_configuration, lam.invoke):
        message = refused("ResourceNotFoundException", 404, call, FunctionName=name, Qualifier="nope")
        assert message == f"Function not found: {fn(server, name, 'nope')}"
