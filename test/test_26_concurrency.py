"""Reserved and provisioned concurrency: figures, errors, and workers that are ready before they are called."""

import base64

import pytest
from botocore.exceptions import ClientError
from helpers import invoke, make_function, wait_active, wait_until
from test_20_lambda_control import fn, refused

CODE = "import os\n\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"
WRONG = "InvalidParameterValueException"
GONE = "ResourceNotFoundException"


def publish(lam, name, code=CODE, versions=1, **more):
    make_function(lam, name, code, **more)
    for number in range(1, versions + 1):
        lam.update_function_configuration(FunctionName=name, Description=str(number), Timeout=3 + number)
        wait_active(lam, name)
        assert lam.publish_version(FunctionName=name)["Version"] == str(number)


def put(lam, name, qualifier, number):
    return lam.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=number
    )


def get(lam, name, qualifier):
    return lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)


@pytest.fixture(autouse=True)
def nothing_stays_taken(lam, name):
    yield
    try:
        lam.delete_function(FunctionName=name)
    except ClientError:
        pass


def test_put_answers_as_aws_does(lam, name):
    publish(lam, name)
    made = put(lam, name, "1", 2)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["LastModified"].endswith("+0000")
    figures = {k: v for k, v in made.items() if k not in ("ResponseMetadata", "LastModified")}
    assert figures == {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
    }
    got = get(lam, name, "1")
    assert got["RequestedProvisionedConcurrentExecutions"] == 2
    assert got["Status"] in ("IN_PROGRESS", "READY")


def test_which_may_not_have_it(server, lam, name):
    publish(lam, name, versions=2)
    assert refused(WRONG, 400, put, lam=lam, name=name, qualifier="$LATEST", number=1) == (
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    delete = lam.delete_provisioned_concurrency_config
    message = "The function resource provided must be an alias or a published version."
    assert refused(WRONG, 400, get, lam=lam, name=name, qualifier="$LATEST") == message
    assert refused(WRONG, 400, delete, FunctionName=name, Qualifier="$LATEST") == message
    assert refused(GONE, 404, put, lam=lam, name=name, qualifier="9", number=1) == (
        f"Function not found: {fn(server, name, '9')}"
    )
    no_alias = f"Cannot find alias arn: {fn(server, name, 'no')}"
    assert refused(GONE, 404, put, lam=lam, name=name, qualifier="no", number=1) == no_alias
    assert refused(GONE, 404, get, lam=lam, name=name, qualifier="no") == no_alias
    assert refused(GONE, 404, delete, FunctionName=name, Qualifier="no") == no_alias
    assert refused("ProvisionedConcurrencyConfigNotFoundException", 404, get, lam=lam, name=name, qualifier="1") == (
        "No Provisioned Concurrency Config found for this function"
    )
    assert delete(FunctionName=name, Qualifier="1")["ResponseMetadata"]["HTTPStatusCode"] == 204
    unchecked = server.client("lambda", parameter_validation=False)
    message = refused("ValidationException", 400, put, lam=unchecked, name=name, qualifier="1", number=0)
    assert message == (
        "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_numbers_stay_within_what_there_is(lam, name):
    publish(lam, name, versions=2)
    put(lam, name, "1", 2)
    reserve = lambda n: lam.put_function_concurrency(  # noqa: E731
        FunctionName=name, ReservedConcurrentExecutions=n
    )
    assert refused(WRONG, 400, reserve, n=1) == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )
    unreserved = lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    assert unreserved == 998
    assert refused(WRONG, 400, put, lam=lam, name=name, qualifier="2", number=1000) == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."
    )
    assert refused(WRONG, 400, put, lam=lam, name=name, qualifier="2", number=899) == (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100]."
    )
    reserve(3)
    assert lam.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 997
    assert refused(WRONG, 400, put, lam=lam, name=name, qualifier="2", number=2) == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )
    assert refused(WRONG, 400, reserve, n=901) == (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100]."
    )


def test_reserving_is_for_whole_functions(server, lam, name):
    publish(lam, name)
    assert refused(
        WRONG, 400, lam.put_function_concurrency, FunctionName=f"{name}:1", ReservedConcurrentExecutions=1
    ) == (
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN."
    )


def test_a_version_and_its_alias(lam, name):
    publish(lam, name, versions=2)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    put(lam, name, "1", 1)
    assert refused("ResourceConflictException", 409, put, lam=lam, name=name, qualifier="live", number=1) == (
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    )
    lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    put(lam, name, "live", 1)
    assert refused("ResourceConflictException", 409, put, lam=lam, name=name, qualifier="1", number=1) == (
        "Version is pointed by a Provisioned Concurrency alias"
    )
    lam.delete_alias(FunctionName=name, Name="live")
    put(lam, name, "1", 1)


def test_lists(server, lam, name):
    publish(lam, name, versions=2)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert lam.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"] == []
    put(lam, name, "1", 1)
    put(lam, name, "live", 2)
    pages = lam.get_paginator("list_provisioned_concurrency_configs").paginate(
        FunctionName=name, PaginationConfig={"PageSize": 1}
    )
    items = [item for page in pages for item in page["ProvisionedConcurrencyConfigs"]]
    assert [(i["FunctionArn"], i["RequestedProvisionedConcurrentExecutions"]) for i in items] == [
        (fn(server, name, "1"), 1), (fn(server, name, "live"), 2)
    ]
    assert refused(GONE, 404, lam.list_provisioned_concurrency_configs, FunctionName="no-" + name) == (
        f"Function not found: {fn(server, 'no-' + name)}"
    )


def test_the_account_is_as_large_as_the_server_says(own_server):
    lam = own_server("--account-concurrency", "250").client("lambda")
    limit = lam.get_account_settings()["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (250, 250)
    make_function(lam, "f", CODE)
    refused(WRONG, 400, lam.put_function_concurrency, FunctionName="f", ReservedConcurrentExecutions=151)
    lam.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=150)


def ready(lam, name, qualifier, number):
    """Waits until so many are there."""

    def look():
        got = get(lam, name, qualifier)
        figures = [got[f"{kind}ProvisionedConcurrentExecutions"] for kind in ("Requested", "Available", "Allocated")]
        return got["Status"] == "READY" and figures == [number] * 3

    wait_until(look, f"{number} workers of {name}:{qualifier} are ready", 20)


def test_workers_are_ready_before_any_call(lam, name):
    publish(lam, name)
    put(lam, name, "1", 2)
    ready(lam, name, "1", 2)
    first = invoke(lam, name, {}, Qualifier="1", LogType="Tail")
    assert first.payload == "provisioned-concurrency"
    assert "Init Duration" not in base64.b64decode(first.response["LogResult"]).decode()
    put(lam, name, "1", 3)
    ready(lam, name, "1", 3)
    lam.delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    refused("ProvisionedConcurrencyConfigNotFoundException", 404, get, lam=lam, name=name, qualifier="1")


def test_it_follows_its_alias(lam, name):
    publish(lam, name, versions=2)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    put(lam, name, "live", 1)
    ready(lam, name, "live", 1)
    lam.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    ready(lam, name, "live", 1)
    assert invoke(lam, name, {}, Qualifier="live").version == "2"


def test_what_cannot_start_is_failed(lam, name):
    publish(lam, name, "raise RuntimeError('no model')\n")
    put(lam, name, "1", 1)
    wait_until(lambda: get(lam, name, "1")["Status"] == "FAILED", "it fails", 20)
    assert get(lam, name, "1")["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"


def test_it_is_there_again_after_a_restart(own_server):
    server = own_server()
    lam = server.client("lambda")
    publish(lam, "f")
    put(lam, "f", "1", 2)
    ready(lam, "f", "1", 2)
    server.restart()
    ready(server.client("lambda"), "f", "1", 2)
