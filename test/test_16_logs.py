"""GET /v1/logs and `sculler logs`: nothing is left out, and who follows and goes leaves nothing."""

import contextlib
import http.client
import json
import socket
import subprocess

import botocore.auth
import botocore.awsrequest
import botocore.credentials
from helpers import BIN, fds, invoke, make_function, wait_until

FOLLOWERS_MAX = 16
LARGE = "def handler(event, context): return 'x' * 200000"
SMALL = "def handler(event, context): return 1"


def signed_headers(server, path):
    keys = server.credentials
    request = botocore.awsrequest.AWSRequest("GET", server.url + path)
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "sculler", keys["region"]).add_auth(request)
    return dict(request.headers)


def get(server, path, receive_bytes=None):
    """The answer, its head read; the connection has a small window when `receive_bytes` says so."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.sock = socket.socket()
    if receive_bytes:
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.sock.settimeout(30)
    connection.sock.connect(("127.0.0.1", server.port))
    connection.request("GET", path, headers=signed_headers(server, path))
    answer = connection.getresponse()
    answer.connection = connection
    return answer


@contextlib.contextmanager
def followers(server, path, count, receive_bytes=None):
    answers = []
    try:
        for _ in range(count):
            answers.append(get(server, path, receive_bytes))
        yield answers
    finally:
        for answer in answers:
            answer.connection.sock and answer.connection.sock.close()
            answer.close()


def follows(server, path):
    """There is room for one more now (it leaves again)."""
    with followers(server, path, 1) as (answer,):
        return answer.status == 200


def ids(lines):
    return [json.loads(line)["request_id"] for line in lines.splitlines()]


def test_one_follower_too_many_is_told(own_server):
    server = own_server()
    path = "/v1/logs?follow=true"
    with followers(server, path, FOLLOWERS_MAX) as answers:
        assert [answer.status for answer in answers] == [200] * FOLLOWERS_MAX
        refused = get(server, path)
        assert refused.status == 429
        assert "16 clients follow" in json.loads(refused.read())["message"]
        done = server.cli("logs", "--follow")
        assert done.returncode != 0 and "16 clients follow" in done.stderr
    wait_until(lambda: follows(server, path), "those who left made room")


def test_a_follower_that_lags_is_let_go(own_server):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, "large", LARGE)
    invoke(lam, "large")
    before = fds(server.pid)
    path = "/v1/logs?follow=true&function=large&limit=1"
    with followers(server, path, FOLLOWERS_MAX, receive_bytes=4096) as answers:
        assert fds(server.pid) == before + FOLLOWERS_MAX

        def let_go():
            invoke(lam, "large")
            return fds(server.pid) <= before + 1

        wait_until(let_go, "nobody reads, and they are let go", 60)
        assert [answer.status for answer in answers] == [200] * FOLLOWERS_MAX
        with followers(server, path, 1) as (answer,):
            assert answer.status == 200
            assert ids(answer.readline())
            made = invoke(lam, "large").request_id
            assert ids(answer.readline()) == [made]


def test_more_than_a_page_is_all_there(own_server):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, "large", LARGE)
    made = [invoke(lam, "large").request_id for _ in range(40)]
    seen, after, pages = [], "", 0
    while pages == 0 or after:
        answer = get(server, f"/v1/logs?function=large&limit={40 - len(seen)}" + (f"&after={after}" if after else ""))
        seen += ids(answer.read())
        after, pages = answer.getheader("x-sculler-next") if len(seen) < 40 else "", pages + 1
    assert seen == made and pages > 3
    assert ids(server.cli("logs", "large", "--json", check=0).stdout) == made
    assert ids(server.cli("logs", "large", "--json", "-n", "25", check=0).stdout) == made[-25:]


def test_following_begins_with_more_than_a_page(own_server):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, "large", LARGE)
    made = [invoke(lam, "large").request_id for _ in range(40)]
    follower = subprocess.Popen(
        [BIN, "logs", "large", "--follow", "--json", "-n", "20"], stdout=subprocess.PIPE, text=True, env=server.env
    )
    try:
        assert [ids(follower.stdout.readline())[0] for _ in range(20)] == made[-20:]
        latest = invoke(lam, "large").request_id
        assert ids(follower.stdout.readline()) == [latest]
    finally:
        follower.kill()
        follower.wait()


def test_a_record_has_every_figure(server, lam, name):
    make_function(lam, name, SMALL)
    request_id = invoke(lam, name, {"n": 1}).request_id
    record = json.loads(get(server, f"/v1/logs?request_id={request_id}").read())
    assert (record["function"], record["version"], record["source"], record["status"]) == (name, "$LATEST", "lambda", 200)
    assert (record["input"], record["input_bytes"], record["output"], record["output_bytes"]) == ('{"n": 1}', 8, "1", 1)
    assert record["cold"] is True and record["memory_mb"] == 128 and record["memory_peak_kb"] > 0
    assert 0 <= record["resolved_us"] <= record["started_us"] <= record["ended_us"] <= record["answered_us"]
    assert record["log"].startswith(f"START RequestId: {request_id}")
