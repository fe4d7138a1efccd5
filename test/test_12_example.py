"""The example, as its reader deploys it: what it says is what both doors answer."""

import json
import subprocess

import pytest
from helpers import DEPS, EXAMPLE, http, invoke

NAME = "budget_expense_matcher"
EVENTS = sorted(p for p in (EXAMPLE / "events").glob("*.json") if not p.name.endswith(".expected.json"))
JSON = {"Content-Type": "application/json"}


def expected(event):
    return json.loads(event.with_suffix("").with_suffix(".expected.json").read_text())


def post(url, body):
    status, headers, body = http("POST", url, body, JSON)
    return status, headers["Content-Type"], json.loads(body)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.stem)
def test_by_the_lambda_api(example_url, lam, event):
    answer = invoke(lam, f"{NAME}:live", event.read_bytes())
    assert (answer.status, answer.error, answer.version) == (200, None, "1")
    assert answer.payload == expected(event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.stem)
def test_by_http(example_url, event):
    assert post(example_url, event.read_bytes()) == (200, "application/json", expected(event))


def test_without_the_last_slash_too(example_url):
    event = EXAMPLE / "events/request_2017.json"
    assert post(example_url.rstrip("/"), event.read_bytes()) == (200, "application/json", expected(event))


def test_six_thousand_pairs_in_one_request(example_url):
    python = DEPS / "venv-example/bin/python" # it draws its records with numpy
    text = subprocess.run([python, EXAMPLE / "large_request.py"], capture_output=True, check=True).stdout
    request = json.loads(text)
    status, _, scores = post(example_url, text)
    assert status == 200 and len(scores) == 30 * 200
    assert all(0 <= pair["score"] <= 1 for pair in scores)
    assert [(p["budget_id"], p["itemization_id"]) for p in scores[:1]] == [
        (request["budgets"][0]["budget_id"], request["all_user_expense_lineitems"][0]["itemization_id"])
    ]


def test_a_request_that_is_no_json_is_told_so(example_url):
    status, _, body = http("POST", example_url, b"{budgets:", JSON)
    assert status == 400 and b"message" in body.lower()


def test_the_same_content_is_not_deployed_again(server, example_url):
    again = json.loads(server.cli("deploy", EXAMPLE, "--json", check=0).stdout)
    assert again == {"function": NAME, "version": "1", "changed": False, "url": example_url}
