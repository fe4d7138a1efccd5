"""Create, read, change, list and delete functions, by boto3: what AWS answers, to the letter."""

import base64
import hashlib
import io
import re
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError
from helpers import ROLE, http, invoke, make_function, wait_active, zip_of

CODE = "def handler(event, context):\n    return event\n"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def create(lam, name, **settings):
    settings = {"Runtime": "python3.11", "Handler": "main.handler", "Role": ROLE, "Code": {"ZipFile": zip_of(CODE)}} | settings
    return lam.create_function(FunctionName=name, **settings)


def refused(code, status, call, **arguments):
    """The call fails so; its message."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status), answer
    return answer["Error"]["Message"]


def fn(server, name, qualifier=None):
    keys = server.credentials
    arn = f"arn:aws:lambda:{keys['region']}:{keys['account']}:function:{name}"
    return f"{arn}:{qualifier}" if qualifier else arn


def test_create_answers_pending_and_becomes_active(server, lam, name):
    made = create(lam, name)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionArn"] == fn(server, name)
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert made["StateReason"] == "The function is being created."
    assert "LastUpdateStatus" not in made
    lam.get_waiter("function_active_v2").wait(FunctionName=name)
    ready = lam.get_function_configuration(FunctionName=name)
    assert (ready["State"], ready["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in ready
    assert ready["RevisionId"] != made["RevisionId"]


def test_configuration_has_awss_defaults(server, lam, name):
    package = zip_of(CODE)
    made = create(lam, name, Code={"ZipFile": package})
    made.pop("ResponseMetadata")
    expected = {
        "Architectures": ["x86_64"],
        "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        "CodeSize": len(package),
        "Description": "",
        "EphemeralStorage": {"Size": 512},
        "FunctionArn": fn(server, name),
        "FunctionName": name,
        "Handler": "main.handler",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        "MemorySize": 128,
        "PackageType": "Zip",
        "Role": ROLE,
        "Runtime": "python3.11",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    }
    assert re.fullmatch(UUID, made.pop("RevisionId"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", made.pop("LastModified"))
    arn = made.pop("RuntimeVersionConfig")["RuntimeVersionArn"]
    assert re.fullmatch(r"arn:aws:lambda:[a-z0-9-]+::runtime:[0-9a-f]{64}", arn)
    assert made == expected


def test_create_takes_everything_that_is_given(lam, name):
    made = create(
        lam,
        name,
        Description="d",
        Timeout=30,
        MemorySize=256,
        EphemeralStorage={"Size": 1024},
        Environment={"Variables": {"KEY": "value", "OTHER": "ü"}},
        TracingConfig={"Mode": "Active"},
        Architectures=["x86_64"],
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/mine"},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"},
        Tags={"team": "data"},
    )
    assert made["Environment"] == {"Variables": {"KEY": "value", "OTHER": "ü"}}
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]) == (30, 256, {"Size": 1024})
    assert made["TracingConfig"] == {"Mode": "Active"}
    assert made["LoggingConfig"] == {
        "ApplicationLogLevel": "INFO",
        "LogFormat": "JSON",
        "LogGroup": "/mine",
        "SystemLogLevel": "INFO",
    }
    assert made["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert made["DeadLetterConfig"] == {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}
    assert lam.get_function(FunctionName=name)["Tags"] == {"team": "data"}


def test_create_with_publish_answers_version_1(server, lam, name):
    made = create(lam, name, Publish=True)
    assert (made["Version"], made["FunctionArn"]) == ("1", fn(server, name))
    wait_active(lam, name)
    assert [v["Version"] for v in lam.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST", "1"]


def test_get_function_gives_a_link_to_the_package(lam, name):
    package = zip_of(CODE)
    create(lam, name, Code={"ZipFile": package})
    code = lam.get_function(FunctionName=name)["Code"]
    assert code["RepositoryType"] == "S3"
    with urllib.request.urlopen(code["Location"]) as answer:
        assert answer.headers["Content-Type"] == "application/zip"
        assert answer.read() == package
    assert http("GET", code["Location"][:-1] + "x")[0] == 403
    assert http("GET", re.sub(r"expires=\d+", "expires=1", code["Location"]))[0] == 403


def test_functions_are_read_by_every_spelling_of_their_name(server, lam, name):
    create(lam, name)
    account = server.credentials["account"]
    for spelling in (name, f"function:{name}", f"{account}:function:{name}", fn(server, name)):
        assert lam.get_function_configuration(FunctionName=spelling)["FunctionArn"] == fn(server, name)
    for spelling, qualifier in ((name, "$LATEST"), (f"{name}:$LATEST", None), (fn(server, name, "$LATEST"), "$LATEST")):
        arguments = {"Qualifier": qualifier} if qualifier else {}
        got = lam.get_function_configuration(FunctionName=spelling, **arguments)
        assert got["FunctionArn"] == fn(server, name, "$LATEST")


def test_update_code_is_in_progress_and_then_runs(lam, name):
    make_function(lam, name, CODE)
    before = lam.get_function_configuration(FunctionName=name)
    updated = lam.update_function_code(FunctionName=name, ZipFile=zip_of("def handler(e, c):\n    return 'new'\n"))
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Active", "InProgress")
    assert updated["LastUpdateStatusReasonCode"] == "Creating"
    assert updated["CodeSha256"] != before["CodeSha256"]
    assert updated["RevisionId"] != before["RevisionId"]
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert invoke(lam, name).payload == "new"


def test_update_code_dry_run_changes_nothing(lam, name):
    make_function(lam, name, CODE)
    before = lam.get_function_configuration(FunctionName=name)
    other = zip_of("def handler(e, c):\n    return 'other'\n")
    answer = lam.update_function_code(FunctionName=name, ZipFile=other, DryRun=True)
    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(other).digest()).decode()
    after = lam.get_function_configuration(FunctionName=name)
    assert (after["CodeSha256"], after["RevisionId"]) == (before["CodeSha256"], before["RevisionId"])


def test_update_code_with_publish_answers_the_version(server, lam, name):
    make_function(lam, name, CODE)
    answer = lam.update_function_code(FunctionName=name, ZipFile=zip_of(CODE + "# 2\n"), Publish=True)
    assert (answer["Version"], answer["FunctionArn"], answer["State"]) == ("1", fn(server, name, "1"), "Pending")
    wait_active(lam, name)


def test_update_configuration_keeps_what_is_not_given(lam, name):
    make_function(lam, name, CODE, Environment={"Variables": {"KEY": "1"}}, Timeout=5)
    updated = lam.update_function_configuration(FunctionName=name, MemorySize=300)
    assert updated["LastUpdateStatus"] == "InProgress"
    assert (updated["MemorySize"], updated["Timeout"], updated["Environment"]) == (300, 5, {"Variables": {"KEY": "1"}})
    wait_active(lam, name)
    updated = lam.update_function_configuration(FunctionName=name, Environment={"Variables": {}})
    assert updated["Environment"] == {"Variables": {}}
    wait_active(lam, name)
    updated = lam.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON"})
    assert updated["LoggingConfig"]["SystemLogLevel"] == "INFO"
    wait_active(lam, name)
    updated = lam.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "Text"})
    assert set(updated["LoggingConfig"]) == {"LogFormat", "LogGroup"}


def test_revision_id_guards_updates(lam, name):
    make_function(lam, name, CODE)
    stale = lam.get_function_configuration(FunctionName=name)["RevisionId"]
    lam.update_function_configuration(FunctionName=name, Description="x", RevisionId=stale)
    wait_active(lam, name)
    message = refused(
        "PreconditionFailedException", 412, lam.update_function_configuration, FunctionName=name, RevisionId=stale
    )
    assert message == (
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
    )


def test_delete_removes_it(server, lam, name):
    create(lam, name)
    assert lam.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    missing = f"Function not found: {fn(server, name)}"
    assert refused("ResourceNotFoundException", 404, lam.get_function, FunctionName=name) == missing
    assert refused("ResourceNotFoundException", 404, lam.delete_function, FunctionName=name) == missing
    create(lam, name)  # the name is free again


def test_list_pages_through_all(lam, name):
    names = sorted(f"{name}-{i}" for i in range(5))
    for one in names:
        create(lam, one)
    pages = list(lam.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["Functions"]) <= 2 for page in pages)
    listed = [f for page in pages for f in page["Functions"]]
    assert [f["FunctionName"] for f in listed if f["FunctionName"] in names] == names
    for one in listed:
        assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & set(one)
    everything = lam.get_paginator("list_functions").paginate(FunctionVersion="ALL").search("Functions[].FunctionArn")
    assert all(arn.endswith(":$LATEST") or arn.rsplit(":", 1)[1].isdigit() for arn in everything)


def test_a_large_package_streams_in(lam, name):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("main.py", CODE)
        archive.writestr("data.bin", b"\0" * (12 << 20))
    make = create(lam, name, Code={"ZipFile": body.getvalue()})
    assert make["CodeSize"] == len(body.getvalue())
    wait_active(lam, name)
    assert invoke(lam, name, {"a": 1}).payload == {"a": 1}


def test_account_settings_count(lam, name):
    before = lam.get_account_settings()["AccountUsage"]
    made = create(lam, name)
    after = lam.get_account_settings()
    assert after["AccountUsage"]["FunctionCount"] == before["FunctionCount"] + 1
    assert after["AccountUsage"]["TotalCodeSize"] == before["TotalCodeSize"] + made["CodeSize"]
    assert after["AccountLimit"]["ConcurrentExecutions"] == 1000


def test_what_is_stored_and_echoed(server, lam, name):
    create(lam, name)
    assert "CodeSigningConfigArn" not in lam.get_function_code_signing_config(FunctionName=name)
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    assert lam.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")["RecursiveLoop"] == "Allow"
    assert lam.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    managed = lam.get_runtime_management_config(FunctionName=name)
    assert (managed["UpdateRuntimeOn"], managed["FunctionArn"]) == ("Auto", fn(server, name))
    lam.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert lam.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"


def test_reserved_concurrency(server, lam, name):
    create(lam, name)
    assert "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=name)
    assert lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)[
        "ReservedConcurrentExecutions"
    ] == 7
    assert lam.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    message = refused(
        "InvalidParameterValueException",
        400,
        lam.put_function_concurrency,
        FunctionName=name,
        ReservedConcurrentExecutions=950,
    )
    assert message == (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    message = refused(
        "InvalidParameterValueException",
        400,
        lam.put_function_concurrency,
        FunctionName=f"{name}:$LATEST",
        ReservedConcurrentExecutions=1,
    )
    assert message.startswith("This operation is permitted on Lambda functions only.")
    assert lam.delete_function_concurrency(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "Concurrency" not in lam.get_function(FunctionName=name)
    missing = f"{name}-none"
    message = refused(
        "ResourceNotFoundException", 404, lam.put_function_concurrency, FunctionName=missing, ReservedConcurrentExecutions=1
    )
    assert message == f"Function not found: {fn(server, missing, '$LATEST')}"


def test_caller_identity(server):
    sts = server.client("sts")
    who = sts.get_caller_identity()
    account = server.credentials["account"]
    assert (who["Account"], who["Arn"]) == (account, f"arn:aws:iam::{account}:root")
    assert re.fullmatch(UUID, who["ResponseMetadata"]["RequestId"])


def test_snap_start_is_on_in_published_versions(lam, name):
    wanted = {"ApplyOn": "PublishedVersions"}
    create(lam, name, SnapStart=wanted)
    wait_active(lam, name)
    snap = lambda **more: lam.get_function_configuration(FunctionName=name, **more)["SnapStart"]  # noqa: E731
    assert snap() == wanted | {"OptimizationStatus": "Off"}
    assert lam.publish_version(FunctionName=name)["SnapStart"] == wanted | {"OptimizationStatus": "On"}
    assert snap(Qualifier="1") == wanted | {"OptimizationStatus": "On"}
    lam.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "None"})
    wait_active(lam, name)
    assert lam.publish_version(FunctionName=name)["SnapStart"] == {"ApplyOn": "None", "OptimizationStatus": "Off"}


def test_waiters_of_every_kind(lam, name):
    create(lam, name)
    for waiter in ("function_exists", "function_active", "function_active_v2"):
        lam.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    lam.update_function_configuration(FunctionName=name, Timeout=9)
    for waiter in ("function_updated", "function_updated_v2"):
        lam.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    version = lam.publish_version(FunctionName=name)["Version"]
    lam.get_waiter("published_version_active").wait(
        FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
