"""Methods that ask for AWS_IAM: our key passes, nobody else's does; stops that must not wait for ever."""

import contextlib
import threading
import time

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from gateway_helpers import Api
from helpers import http, make_function


@pytest.fixture
def guarded(apigw, server):
    api = Api(apigw, server)
    mock = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    api.method("POST", "/guarded", mock, {"200": {}}, authorizationType="AWS_IAM")
    api.deploy()
    yield api
    apigw.delete_rest_api(restApiId=api.id)


def signed(url, access_key, secret, body=b"{}"):
    request = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(access_key, secret), "execute-api", "us-east-1").add_auth(request)
    status, _, answer = http("POST", url, body, dict(request.headers.items()))
    return status, answer


def test_our_key_passes(guarded, server):
    keys = server.credentials
    assert signed(guarded.url("/guarded"), keys["access_key_id"], keys["secret_access_key"])[0] == 200


@pytest.mark.parametrize("secret", ["no such key", "a key of nobody", ""])
def test_an_invented_key_does_not_pass_whatever_its_secret(guarded, secret):
    status, answer = signed(guarded.url("/guarded"), "AKIAINVENTED00000000", secret or "x")
    assert status == 403 and b"security token" in answer


def test_a_wrong_secret_does_not_pass(guarded, server):
    status, answer = signed(guarded.url("/guarded"), server.credentials["access_key_id"], "wrong")
    assert status == 403 and b"signature" in answer


def test_a_stop_waits_no_longer_than_it_was_told(own_server):
    server = own_server("--stop-ms", "500")
    lam = server.client("lambda")
    make_function(lam, "sleeper", "import time\ndef handler(e, c):\n    time.sleep(20)\n", Timeout=30)

    def wait_for_nothing():
        with contextlib.suppress(Exception):  # cut off, or told that it was: both are an end
            lam.invoke(FunctionName="sleeper")

    call = threading.Thread(target=wait_for_nothing)
    call.start()
    time.sleep(1)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5
    call.join()
