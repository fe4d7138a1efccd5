"""Layers: published, listed, shared in words, and had by functions."""

import base64
import hashlib
import io
import urllib.request
import zipfile

import pytest
from helpers import invoke, make_function, wait_active, wait_until, zip_of
from test_20_lambda_control import create, refused

MISSING = "The resource you requested does not exist."
HANDLER = "import shared\n\ndef handler(event, context):\n    return shared.WORD\n"


def layer_zip(**files):
    """python/NAME.py for each name."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"python/{name}.py"), text)
    return data.getvalue()


def publish(lam, name, content=None, **more):
    content = content or layer_zip(shared="WORD = 'from a layer'\n")
    return lam.publish_layer_version(LayerName=name, Content={"ZipFile": content}, **more)


def arn_of(server, layer, version=None):
    keys = server.credentials
    arn = f"arn:aws:lambda:{keys['region']}:{keys['account']}:layer:{layer}"
    return f"{arn}:{version}" if version else arn


def test_publish_answers_as_aws_does(server, lam, name):
    content = layer_zip(shared="WORD = 1\n")
    made = publish(lam, name, content)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (made["LayerArn"], made["LayerVersionArn"]) == (arn_of(server, name), arn_of(server, name, 1))
    assert (made["Version"], made["Description"]) == (1, "")
    assert made["Content"]["CodeSize"] == len(content)
    assert made["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert made["CreatedDate"].endswith("+0000")
    assert not {"CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"} & made.keys()
    again = publish(
        lam, name, content, Description="two", CompatibleRuntimes=["python3.11", "java8"],
        CompatibleArchitectures=[], LicenseInfo="MIT",
    )
    assert (again["Version"], again["Description"], again["LicenseInfo"]) == (2, "two", "MIT")
    assert (again["CompatibleRuntimes"], again["CompatibleArchitectures"]) == (["python3.11", "java8"], [])


def test_get_by_name_by_arn_and_download(server, lam, name):
    content = layer_zip(shared="WORD = 2\n")
    made = publish(lam, name, content, CompatibleRuntimes=["python3.11"])
    for key in ("ResponseMetadata",):
        made.pop(key)
    got = lam.get_layer_version(LayerName=name, VersionNumber=1)
    by_arn = lam.get_layer_version_by_arn(Arn=arn_of(server, name, 1))
    by_long_name = lam.get_layer_version(LayerName=arn_of(server, name), VersionNumber=1)
    assert urllib.request.urlopen(got["Content"]["Location"]).read() == content
    for answer in (got, by_arn, by_long_name):
        answer.pop("ResponseMetadata")
        answer["Content"].pop("Location")
    made["Content"].pop("Location")
    assert got == by_arn == by_long_name == made


def test_what_is_not_there(server, lam, name):
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version, LayerName=name, VersionNumber=1) == MISSING
    arn = arn_of(server, name, 3)
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version_by_arn, Arn=arn) == MISSING
    below = "Layer Version Cannot be less than 1"
    for call in (lam.get_layer_version, lam.delete_layer_version, lam.get_layer_version_policy):
        assert refused("InvalidParameterValueException", 400, call, LayerName=name, VersionNumber=0) == below
    assert lam.list_layer_versions(LayerName=name)["LayerVersions"] == []
    assert lam.delete_layer_version(LayerName=name, VersionNumber=7)["ResponseMetadata"]["HTTPStatusCode"] == 204
    message = refused("ValidationException", 400, lam.get_layer_version_by_arn, Arn=arn_of(server, name))
    assert message.startswith(f"1 validation error detected: Value '{arn_of(server, name)}' at 'arn' failed to satisfy")


def test_lists_newest_first_filtered_and_paged(server, lam, name):
    for runtimes in (["python3.11"], ["python3.12"], ["python3.11", "python3.12"], None):
        more = {"CompatibleRuntimes": runtimes} if runtimes else {}
        publish(lam, name, CompatibleArchitectures=["x86_64"], **more)
    numbers = lambda **more: [  # noqa: E731
        v["Version"] for v in lam.list_layer_versions(LayerName=name, **more)["LayerVersions"]
    ]
    assert numbers() == [4, 3, 2, 1]
    assert numbers(CompatibleRuntime="python3.11") == [3, 1]
    assert numbers(CompatibleRuntime="python3.13") == []
    assert numbers(CompatibleRuntime="python3.12", CompatibleArchitecture="arm64") == []
    item = lam.list_layer_versions(LayerName=name)["LayerVersions"][1]
    assert item.keys() == {
        "LayerVersionArn", "Version", "Description", "CreatedDate", "CompatibleRuntimes", "CompatibleArchitectures"
    }
    pages = lam.get_paginator("list_layer_versions").paginate(LayerName=name, PaginationConfig={"PageSize": 1})
    assert [v["Version"] for page in pages for v in page["LayerVersions"]] == [4, 3, 2, 1]
    newest = lambda **more: {  # noqa: E731
        layer["LayerName"]: layer["LatestMatchingVersion"]["Version"]
        for page in lam.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1}, **more)
        for layer in page["Layers"]
    }.get(name)
    assert (newest(), newest(CompatibleRuntime="python3.12"), newest(CompatibleRuntime="python3.9")) == (4, 3, None)
    assert "NextMarker" not in lam.list_layer_versions(LayerName=name, MaxItems=4)


def test_numbers_are_never_given_twice(lam, name):
    publish(lam, name)
    publish(lam, name)
    for number in (1, 2):
        lam.delete_layer_version(LayerName=name, VersionNumber=number)
    assert all(layer["LayerName"] != name for layer in lam.list_layers()["Layers"])
    assert publish(lam, name)["Version"] == 3


def test_what_publish_refuses(lam, name):
    message = refused(
        "ValidationException", 400, publish, lam=lam, name=name, CompatibleRuntimes=["python3.11", "cobol1"],
        CompatibleArchitectures=["vax"],
    )
    assert message.startswith("2 validation errors detected: Value '[python3.11, cobol1]' at 'compatibleRuntimes'")
    assert "Value '[vax]' at 'compatibleArchitectures' failed to satisfy constraint" in message
    message = refused("ValidationException", 400, lam.list_layers, CompatibleRuntime="cobol1")
    assert "at 'compatibleRuntime' failed to satisfy constraint: Member must satisfy enum value set: [" in message
    message = refused("InvalidParameterValueException", 400, publish, lam=lam, name=name, content=b"no zip")
    assert message == "Could not unzip uploaded file. Please check your file, then try to upload again."
    message = refused(
        "InvalidParameterValueException", 400, lam.publish_layer_version, LayerName=name,
        Content={"S3Bucket": "bucket", "S3Key": "key"},
    )
    assert "no S3 yet" in message
    refused("ValidationException", 400, publish, lam=lam, name="no/name")


def test_a_function_has_its_layers(server, lam, name):
    first, second = publish(lam, name), publish(lam, name + "-b", layer_zip(other="X = 1\n"))
    arns = [first["LayerVersionArn"], second["LayerVersionArn"]]
    made = make_function(lam, name, "def handler(event, context):\n    return 1\n", Layers=arns)
    shown = [{"Arn": l["LayerVersionArn"], "CodeSize": l["Content"]["CodeSize"]} for l in (first, second)]
    assert made["Layers"] == shown
    assert lam.get_function_configuration(FunctionName=name)["Layers"] == shown
    changed = lam.update_function_configuration(FunctionName=name, Layers=arns[1:])
    assert changed["Layers"] == shown[1:]
    wait_active(lam, name)
    version = lam.publish_version(FunctionName=name)
    assert version["Layers"] == shown[1:]
    assert "Layers" not in lam.update_function_configuration(FunctionName=name, Layers=[])
    wait_active(lam, name)
    assert lam.get_function_configuration(FunctionName=name, Qualifier="1")["Layers"] == shown[1:]


def test_which_layers_a_function_may_not_have(server, lam, name):
    layer = publish(lam, name)["LayerVersionArn"]
    other = publish(lam, name)["LayerVersionArn"]
    make_function(lam, name, "def handler(event, context):\n    return 1\n")

    def message(code, *layers):
        return refused(code, 400, lam.update_function_configuration, FunctionName=name, Layers=list(layers))

    wrong = "InvalidParameterValueException"
    missing = arn_of(server, name, 9)
    assert message(wrong, missing) == f"Layer version {missing} does not exist."
    assert message(wrong, *[arn_of(server, name, n) for n in range(1, 7)]) == "Cannot reference more than 5 layers."
    assert message(wrong, layer, other) == (
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{layer} and {other} are versions of the same layer."
    )
    region = server.credentials["region"]
    assert message(wrong, layer.replace(region, "mars-north-1")) == (
        f"Layers are not in the same region as the function. Layers are expected to be in region {region}."
    )
    text = message("ValidationException", arn_of(server, name))
    assert text.startswith(f"1 validation error detected: Value '[{arn_of(server, name)}]' at 'layers' failed")
    assert "Layers" not in lam.get_function_configuration(FunctionName=name)


def test_a_bad_layer_fails_the_function_in_words(server, lam, name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../evil.py", "1")
    arn = publish(lam, name, data.getvalue())["LayerVersionArn"]
    create(lam, name, Layers=[arn])
    state = lambda: lam.get_function_configuration(FunctionName=name)  # noqa: E731
    wait_until(lambda: state()["State"] == "Failed", "it fails")
    assert state()["StateReason"].startswith(f"layer {arn}: ")
    assert "a name that cannot be used" in state()["StateReason"]


def test_a_package_lives_as_long_as_somebody_has_it(server, lam, name):
    content = layer_zip(shared=f"WORD = '{name}'\n")
    made = publish(lam, name, content)
    folder = server.state / "state/packages" / base64.b64decode(made["Content"]["CodeSha256"]).hex()
    make_function(lam, name, "def handler(event, context):\n    return 1\n", Layers=[made["LayerVersionArn"]])
    lam.delete_layer_version(LayerName=name, VersionNumber=1)
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version, LayerName=name, VersionNumber=1) == MISSING
    lam.publish_version(FunctionName=name)
    assert (folder / "unpacked").exists()
    assert lam.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"] == made["LayerVersionArn"]
    lam.delete_function(FunctionName=name)
    wait_until(lambda: not folder.exists(), "its package goes with the last function that has it")
    again = publish(lam, name, content)
    assert again["Version"] == 2 and folder.exists()
    lam.delete_layer_version(LayerName=name, VersionNumber=2)
    wait_until(lambda: not folder.exists(), "it goes with the layer version that nobody has")


def test_layers_outlive_a_restart(own_server, name):
    server = own_server()
    lam = server.client("lambda")
    used, unused = publish(lam, "used"), publish(lam, "unused", layer_zip(shared="WORD = 9\n"))
    make_function(lam, name, "def handler(event, context):\n    return 1\n", Layers=[used["LayerVersionArn"]])
    lam.delete_layer_version(LayerName="used", VersionNumber=1)
    server.restart()
    lam = server.client("lambda")
    packages = server.state / "state/packages"
    for made in (used, unused):
        assert (packages / base64.b64decode(made["Content"]["CodeSha256"]).hex()).exists()
    assert lam.get_function_configuration(FunctionName=name)["Layers"][0]["Arn"] == used["LayerVersionArn"]
    assert lam.get_layer_version(LayerName="unused", VersionNumber=1)["Content"] | {"Location": ""} == unused[
        "Content"
    ] | {"Location": ""}
    assert lam.publish_layer_version(LayerName="used", Content={"ZipFile": layer_zip(a="1")})["Version"] == 2


def test_aws_limits_count_function_and_layers(own_server, name):
    server = own_server("--aws-limits", "on")
    lam = server.client("lambda")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("python/big.bin", bytes(200 * 1024 * 1024))
    big = publish(lam, "big", data.getvalue())["LayerVersionArn"]
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return 1\n")
        archive.writestr("big.bin", bytes(60 * 1024 * 1024))
    message = refused(
        "InvalidParameterValueException", 400, create, lam=lam, name=name, Layers=[big],
        Code={"ZipFile": data.getvalue()},
    )
    size = 260 * 1024 * 1024 + len("def handler(event, context):\n    return 1\n")
    assert message == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        f"The actual size is {size} bytes."
    )


def test_policies(server, lam, name):
    publish(lam, name)
    where = {"LayerName": name, "VersionNumber": 1}
    what = {"StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    nothing = "No policy is associated with the given resource."
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version_policy, **where) == nothing
    made = lam.add_layer_version_permission(**where, **what)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = (
        '{"Sid":"all","Effect":"Allow","Principal":"*","Action":"lambda:GetLayerVersion",'
        f'"Resource":"{arn_of(server, name, 1)}"}}'
    )
    assert made["Statement"] == statement
    got = lam.get_layer_version_policy(**where)
    assert got["Policy"] == '{"Version":"2012-10-17","Id":"default","Statement":[' + statement + "]}"
    assert got["RevisionId"] == made["RevisionId"]
    assert refused("ResourceConflictException", 409, lam.add_layer_version_permission, **where, **what) == (
        "The statement id (all) provided already exists. Please provide a new statement id, or remove the existing "
        "statement."
    )
    stale = {"RevisionId": "00000000-0000-0000-0000-000000000000"}
    message = refused("PreconditionFailedException", 412, lam.remove_layer_version_permission, StatementId="all", **where, **stale)
    assert message.endswith("Call the GetLayerPolicy API to retrieve the latest Revision Id")
    message = refused("ResourceNotFoundException", 404, lam.remove_layer_version_permission, StatementId="x", **where)
    assert message == "Statement x is not found in resource policy."
    message = refused("ValidationException", 400, lam.add_layer_version_permission, **where, **what | {"Action": "*"})
    assert "at 'action' failed to satisfy constraint" in message
    account = lam.add_layer_version_permission(
        **where, **what | {"StatementId": "org", "Principal": "123456789012"}, OrganizationId="o-1234567890",
        RevisionId=got["RevisionId"],
    )
    assert '"Principal":{"AWS":"arn:aws:iam::123456789012:root"}' in account["Statement"]
    assert account["Statement"].endswith('"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}}')
    for sid in ("all", "org"):
        lam.remove_layer_version_permission(StatementId=sid, **where)
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version_policy, **where) == nothing
    other = where | {"VersionNumber": 2}
    message = f"Layer version {arn_of(server, name, 2)} does not exist."
    assert refused("ResourceNotFoundException", 404, lam.get_layer_version_policy, **other) == message
    assert refused("ResourceNotFoundException", 404, lam.add_layer_version_permission, **other, **what) == message


def test_usage_counts_layers(lam, name):
    before = lam.get_account_settings()["AccountUsage"]["TotalCodeSize"]
    size = publish(lam, name)["Content"]["CodeSize"]
    assert lam.get_account_settings()["AccountUsage"]["TotalCodeSize"] == before + size


def test_a_handler_imports_from_its_layer(lam, name):
    arn = publish(lam, name)["LayerVersionArn"]
    make_function(lam, name, HANDLER, Layers=[arn])
    assert invoke(lam, name, {}).payload == "from a layer"


def test_a_later_layer_covers_an_earlier_one(lam, name):
    first = publish(lam, name, layer_zip(shared="WORD = 'first'\n", only="WORD = 'only'\n"))
    second = publish(lam, name + "-b", layer_zip(shared="WORD = 'second'\n"))
    arns = [first["LayerVersionArn"], second["LayerVersionArn"]]
    code = "import shared, only\n\ndef handler(event, context):\n    return [shared.WORD, only.WORD]\n"
    make_function(lam, name, code, Layers=arns)
    assert invoke(lam, name, {}).payload == ["second", "only"]
    lam.update_function_configuration(FunctionName=name, Layers=arns[::-1])
    wait_active(lam, name)
    assert invoke(lam, name, {}).payload == ["first", "only"]
    lam.update_function_configuration(FunctionName=name, Layers=arns[1:])
    wait_active(lam, name)
    assert "No module named 'only'" in invoke(lam, name, {}).payload["errorMessage"]


def test_a_layer_is_seen_at_opt_and_cannot_be_written(lam, name):
    layer = zip_of({
        "data/table.csv": "a,b\n1,2\n",
        "python/lib/python3.11/site-packages/deep.py": "WORD = 'site-packages'\n",
    })
    arn = lam.publish_layer_version(LayerName=name, Content={"ZipFile": layer})["LayerVersionArn"]
    code = """
        import deep, os

        def handler(event, context):
            try:
                open("/opt/data/new", "w")
                wrote = True
            except OSError:
                wrote = False
            return [open("/opt/data/table.csv").read(), deep.WORD, deep.__file__, wrote, sorted(os.listdir("/opt"))]
    """
    make_function(lam, name, code, Layers=[arn])
    text, word, file, wrote, names = invoke(lam, name, {}).payload
    assert (text, word, wrote) == ("a,b\n1,2\n", "site-packages", False)
    assert file == "/opt/python/lib/python3.11/site-packages/deep.py"
    assert names == ["data", "python"]


def test_a_deleted_layer_works_on_in_who_has_it(own_server):
    server = own_server()
    lam = server.client("lambda")
    arn = publish(lam, "shared")["LayerVersionArn"]
    make_function(lam, "f", HANDLER, Layers=[arn])
    lam.publish_version(FunctionName="f")
    lam.delete_layer_version(LayerName="shared", VersionNumber=1)
    server.restart()
    lam = server.client("lambda")
    assert invoke(lam, "f", {}, Qualifier="1").payload == "from a layer"


@pytest.mark.parametrize("kind", ["link", "device"])
def test_what_is_no_file_is_refused_in_a_layer(lam, name, kind):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        info = zipfile.ZipInfo("python/evil")
        info.create_system = 3
        info.external_attr = (0o120777 if kind == "link" else 0o020666) << 16
        archive.writestr(info, "/etc/passwd")
    arn = publish(lam, name, data.getvalue())["LayerVersionArn"]
    create(lam, name, Layers=[arn])
    state = lambda: lam.get_function_configuration(FunctionName=name)  # noqa: E731
    wait_until(lambda: state()["State"] == "Failed", "it fails")
    assert state()["StateReason"].startswith(f"layer {arn}: ")


def test_a_layer_is_unpacked_ahead_for_the_runtimes_it_names(server, lam, name):
    content = layer_zip(shared=f"WORD = '{name}'\n")
    made = publish(lam, name, content, CompatibleRuntimes=["java21", "python3.11"])
    folder = server.state / "state/packages" / base64.b64decode(made["Content"]["CodeSha256"]).hex()
    wait_until(lambda: (folder / "ready-python3.11").exists(), "it is ready before a function has it")
    lam.delete_layer_version(LayerName=name, VersionNumber=1)
    wait_until(lambda: not folder.exists(), "and goes all the same")
