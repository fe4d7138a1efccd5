"""What functions did, in figures: GET /v1/traffic and GET /v1/functions."""

import json
import math
import sqlite3
import time
from urllib.parse import urlencode

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from helpers import http, invoke, make_function, wait_until

CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no")
    return {"ok": True}
"""


@pytest.fixture
def ask(server):
    """GET of our own service: (status, body)."""

    def get(path, **query):
        keys = server.credentials
        url = server.url + path + ("?" + urlencode(query) if query else "")
        request = AWSRequest("GET", url)
        session = boto3.Session(keys["access_key_id"], keys["secret_access_key"])
        SigV4Auth(session.get_credentials(), "sculler", keys["region"]).add_auth(request)
        status, _, body = http("GET", url, headers=dict(request.headers))
        return status, json.loads(body)

    return get


@pytest.fixture
def called(lam, name):
    make_function(lam, name, CODE)
    for number in range(12):
        invoke(lam, name, {"fail": number % 4 == 0})
    return name


def wilson(k, n, z=1.959963984540054):
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def test_calls_errors_and_latency_are_counted_by_step_and_version(ask, called):
    status, body = ask("/v1/traffic", function=called)
    assert status == 200 and body["step"] == 900
    (function,) = body["functions"]
    total = function["total"]
    assert (total["calls"], total["errors"], total["throttles"]) == (12, 3, 0)
    assert total["cold"] == 1 and total["init_ms"] > 0
    low, high = wilson(3, 12)
    rate = total["error_rate"]
    assert (rate["k"], rate["n"], rate["value"]) == (3, 12, 0.25)
    assert abs(rate["low"] - low) < 1e-12 and abs(rate["high"] - high) < 1e-12
    assert 0 < total["latency_ms"]["p50"] <= total["latency_ms"]["p95"] <= total["latency_ms"]["p99"] < 60000
    assert total["memory_peak_mb"] > 1
    assert sum(point["calls"] for point in function["points"]) == 12
    assert [v["version"] for v in function["versions"]] == ["$LATEST"]
    _, minutes = ask("/v1/traffic", function=called, step=60)
    assert sum(point["calls"] for point in minutes["functions"][0]["points"]) == 12
    _, hours = ask("/v1/traffic", function=called, step=3600)
    assert hours["functions"][0]["total"] == total


def test_the_window_is_from_until_before_to(ask, called):
    now = int(time.time())
    assert ask("/v1/traffic", function=called, **{"from": now - 200000, "to": now - 100000})[1]["functions"] == []
    assert ask("/v1/traffic", function=called, **{"from": "2026-01-01T00:00:00Z"})[1]["step"] >= 3600


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"from": "yesterday"}, "no time"),
        ({"from": "2026-11-24T10:00:00Z", "to": "2026-11-24T10:00:00Z"}, "before"),
        ({"step": 90}, "whole minutes"),
        ({"step": 5400}, "whole hours"),
        ({"step": 60, "from": "2020-01-01"}, "larger"),
        ({"step": 1}, "step"),
    ],
)
def test_what_cannot_be_answered_is_told(ask, query, words):
    status, body = ask("/v1/traffic", **query)
    assert status == 400 and words in body["message"]


def test_the_overview_has_names_versions_aliases_and_the_last_call(ask, lam, called):
    lam.publish_version(FunctionName=called)
    lam.create_alias(FunctionName=called, Name="live", FunctionVersion="1")

    def mine():
        _, body = ask("/v1/functions")
        assert [f["function"] for f in body["functions"]] == sorted(f["function"] for f in body["functions"])
        return next(f for f in body["functions"] if f["function"] == called)

    function = wait_until(lambda: mine() if mine()["hour"]["calls"] == 12 else None, "twelve calls")
    assert function["versions"] == ["$LATEST", "1"]
    assert [(a["alias"], a["version"]) for a in function["aliases"]] == [("live", "1")]
    assert function["hour"]["errors"] == function["day"]["errors"] == 3
    assert function["last_call"].startswith("20") and function["last_call"].endswith("Z")


def test_figures_survive_kill_9(own_server, name):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, name, CODE)
    for _ in range(5):
        invoke(lam, name)
    server.kill9()
    server.start()

    def calls():
        with sqlite3.connect(f"file:{server.state / 'state/records.db'}?mode=ro", uri=True) as db:
            return db.execute("SELECT sum(calls) FROM traffic_hourly WHERE function = ?", [name]).fetchone()[0]

    wait_until(lambda: calls() == 5, "five calls are counted")
