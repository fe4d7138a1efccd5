"""What was acknowledged is there after a restart, and after kill -9."""

import io
import subprocess
import threading
import zipfile

import botocore.exceptions
import pytest
from helpers import BIN, clean_env, free_port, http, invoke, make_function, wait_active, wait_until, zip_of


def deploy_one(server, name="kept"):
    """A function with a version, an alias and an API; where it answers."""
    lam, apigw = server.client("lambda"), server.client("apigateway")
    arn = make_function(lam, name, "def handler(event, context): return {'kept': event}", MemorySize=300)["FunctionArn"]
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    lam.tag_resource(Resource=arn, Tags={"team": "one"})
    api = apigw.create_rest_api(name="api")
    root = api["rootResourceId"]
    where = {"restApiId": api["id"], "resourceId": root, "httpMethod": "POST"}
    apigw.put_method(**where, authorizationType="NONE")
    apigw.put_method_response(**where, statusCode="200")
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}:live/invocations"
    apigw.put_integration(**where, type="AWS", integrationHttpMethod="POST", uri=uri)
    apigw.put_integration_response(**where, statusCode="200")
    lam.add_permission(FunctionName=name, Qualifier="live", StatementId="api", Action="lambda:InvokeFunction",
                       Principal="apigateway.amazonaws.com")
    apigw.create_deployment(restApiId=api["id"], stageName="test")
    return f"/restapis/{api['id']}/test/_user_request_/"


def assert_kept(server, path, name="kept"):
    lam = server.client("lambda")
    assert lam.get_function_configuration(FunctionName=name, Qualifier="1")["MemorySize"] == 300
    assert lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    assert lam.get_function(FunctionName=name)["Tags"] == {"team": "one"}
    assert lam.get_policy(FunctionName=name, Qualifier="live")["Policy"]
    wait_active(lam, name)
    assert invoke(lam, f"{name}:live", {"n": 1}).payload == {"kept": {"n": 1}}
    status, _, body = http("POST", server.url + path, b'{"n":2}', {"Content-Type": "application/json"})
    assert (status, body) == (200, b'{"kept": {"n": 2}}')


def test_a_restart_keeps_everything(own_server):
    server = own_server()
    path = deploy_one(server)
    keys, before = server.credentials, invoke(server.client("lambda"), "kept").request_id
    server.restart()
    assert server.credentials == keys
    assert_kept(server, path)
    assert before in server.cli("logs", check=0).stdout


def test_kill_9_keeps_what_was_answered(own_server):
    server = own_server()
    path = deploy_one(server)
    answered = [invoke(server.client("lambda"), "kept", {"n": n}).request_id for n in range(20)]
    server.kill9()
    server.start()
    assert_kept(server, path)
    logged = server.cli("logs", check=0).stdout
    assert [i for i in answered if i not in logged] == []


@pytest.mark.parametrize("round", range(3))
def test_kill_9_while_functions_are_made(own_server, round):
    """Some are made, one is under way, the rest never were: each that was answered is there and works."""
    server = own_server()
    lam = server.client("lambda")
    made = []

    def make():
        try:
            for n in range(200):
                lam.create_function(FunctionName=f"f{n}", Runtime="python3.11", Handler="main.handler",
                                    Role="arn:aws:iam::000000000000:role/tester",
                                    Code={"ZipFile": zip_of(f"def handler(event, context): return {n}")})
                made.append(n)
        except botocore.exceptions.BotoCoreError:
            pass  # the server is gone

    thread = threading.Thread(target=make)
    thread.start()
    wait_until(lambda: len(made) >= 5 * (round + 1), "some functions")
    server.kill9()
    thread.join()
    server.start()
    lam = server.client("lambda")
    names = {f["FunctionName"] for page in lam.get_paginator("list_functions").paginate() for f in page["Functions"]}
    assert {f"f{n}" for n in made} <= names
    for n in (made[0], made[-1]):
        wait_active(lam, f"f{n}")
        assert invoke(lam, f"f{n}").payload == n


def test_two_servers_do_not_share_a_state(own_server):
    """The second says why it does not start, and the first goes on."""
    first = own_server()
    second = subprocess.run([BIN, "server", "--listen", f"127.0.0.1:{free_port()}", "--state", first.state / "state"],
                            capture_output=True, text=True, env=clean_env(), timeout=30)
    assert second.returncode != 0 and second.stderr
    assert first.is_up()


def test_a_port_that_is_taken_is_told(own_server):
    first = own_server()
    second = subprocess.run([BIN, "server", "--listen", f"127.0.0.1:{first.port}", "--state", first.state / "other"],
                            capture_output=True, text=True, env=clean_env(), timeout=30)
    assert second.returncode != 0
    assert str(first.port) in second.stderr


def test_a_folder_with_other_files_is_not_taken_over(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    before = folder.stat()
    done = subprocess.run([BIN, "server", "--listen", "127.0.0.1:0", "--state", folder], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "not Sculler's" in done.stderr
    assert (folder.stat().st_mode, folder.stat().st_uid) == (before.st_mode, before.st_uid)
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]


def test_what_ran_before_a_failed_update_runs_on(own_server):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, "f", "def handler(event, context): return 'first'")
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../evil.py", "1")
    lam.update_function_code(FunctionName="f", ZipFile=data.getvalue())
    state = lambda: lam.get_function_configuration(FunctionName="f")["LastUpdateStatus"]  # noqa: E731
    wait_until(lambda: state() == "Failed", "the update fails")
    assert invoke(lam, "f").payload == "first"
    with pytest.raises(lam.exceptions.ResourceConflictException, match="last update has failed"):
        lam.publish_version(FunctionName="f")
    server.restart()
    lam = server.client("lambda")
    assert state() == "Failed"
    assert invoke(lam, "f").payload == "first"
    lam.update_function_code(FunctionName="f", ZipFile=zip_of("def handler(event, context): return 'second'"))
    wait_active(lam, "f")
    assert invoke(lam, "f").payload == "second"
