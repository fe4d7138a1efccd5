"""The simplest thing first: is it there, and does it end?"""

import json
import stat

from helpers import fds, http, invoke, make_function, raw, status_of


def test_health_answers(server):
    status, headers, body = http("GET", server.url + "/health")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    assert headers["Content-Type"] == "application/json"


def test_the_key_pair_is_for_its_owner_only(server):
    mode = (server.state / "state/credentials").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_one_function_from_creation_to_answer(lam, name):
    make_function(lam, name, "def handler(event, context): return {'hello': event['name']}")
    answer = invoke(lam, name, {"name": "Ada"})
    assert (answer.status, answer.error, answer.payload) == (200, None, {"hello": "Ada"})
    assert answer.version == "$LATEST"


def test_keep_alive_and_pipelining_answer_in_order(server):
    one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = raw(server, one * 9 + last)
    assert received.count(b"HTTP/1.1 200") == 10


def test_connections_leave_no_descriptor(server):
    before = fds(server.pid)
    for _ in range(200):
        assert status_of(raw(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")) == 200
    assert fds(server.pid) <= before + 2


def test_a_foreign_host_name_is_refused(server):
    received = raw(server, b"GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    assert status_of(received) == 403


def test_it_ends_on_ctrl_c_at_once_and_says_well(own_server):
    own_server().stop()
