"""Thresholds: numbered, with a history, changed and rolled back without a deploy, and told to the handler."""

import threading
import time

import pytest
from helpers import Server, invoke, make_function, wait_active, wait_until
from monitor_client import Client, Refused


@pytest.fixture(scope="module")
def monitored(nothing_is_left):
    server = Server()
    yield Client(server)
    server.stop()
    server.remove()


def path(name):
    return f"/v1/functions/{name}/threshold"


def test_none_was_set(monitored):
    assert monitored.get(path("nothing")) == {"function": "nothing", "alias": "live", "number": 0, "threshold": None, "history": []}
    with pytest.raises(Refused) as refused:
        monitored.post(path("nothing") + "/rollback", {})
    assert refused.value.status == 409 and "go back" in refused.value.body


def test_set_and_rolled_back(monitored):
    first = monitored.put(path("f"), {"threshold": 0.6, "note": "to begin with"})
    assert (first["alias"], first["number"], first["threshold"], first["note"]) == ("live", 1, 0.6, "to begin with")
    assert first["by"] == monitored.keys["access_key_id"]
    monitored.put(path("f"), {"alias": "live", "threshold": 0.7})
    monitored.put(path("f"), {"alias": "beta", "threshold": 1})
    assert monitored.put(path("f"), {"threshold": 0.8})["number"] == 3
    back = monitored.post(path("f") + "/rollback", {"note": "too strict"})
    assert (back["number"], back["threshold"], back["restores"], back["note"]) == (4, 0.7, 2, "too strict")
    assert monitored.post(path("f") + "/rollback", {})["threshold"] == 0.6
    with pytest.raises(Refused) as refused:
        monitored.post(path("f") + "/rollback", {})
    assert refused.value.status == 409
    told = monitored.get(path("f"))
    assert (told["number"], told["threshold"]) == (5, 0.6)
    assert [(one["number"], one["threshold"]) for one in told["history"]] == [(5, 0.6), (4, 0.7), (3, 0.8), (2, 0.7), (1, 0.6)]
    assert monitored.get(path("f"), alias="beta")["threshold"] == 1


def test_nonsense_is_refused(monitored):
    for body in ({}, {"threshold": 1.5}, {"threshold": -0.1}, {"threshold": "0.5"}, {"threshold": None},
                 {"threshold": 0.5, "alias": "x" * 300}, {"threshold": 0.5, "note": "x" * 2000}):
        with pytest.raises(Refused) as refused:
            monitored.put(path("refused"), body)
        assert refused.value.status == 400, body
    assert monitored.get(path("refused"))["number"] == 0


def test_what_is_posted_is_decided_by_what_was_in_force(monitored):
    before = time.time() - 5
    monitored.put(path("posted"), {"threshold": 0.9})
    monitored.post("/v1/predictions", [
        {"function": "posted", "alias": "live", "score": 0.7, "time": before},
        {"function": "posted", "alias": "live", "score": 0.7},
        {"function": "posted", "alias": "other", "score": 0.7}])
    rows = monitored.get("/v1/predictions", function="posted", order="time")["rows"]
    assert sorted((row["alias"], row["threshold"], row["threshold_number"], row["decision"]) for row in rows) == [
        ("live", 0.5, 0, True), ("live", 0.9, 1, False), ("other", 0.5, 0, True)]
    marks = monitored.get("/v1/quality/posted")["marks"]
    assert [(mark["kind"], mark["text"]) for mark in marks] == [("threshold", "threshold 0.9 of live")]


def test_many_at_once_have_a_number_each(monitored):
    numbers = []

    def change(i):
        numbers.append(monitored.put(path("many"), {"threshold": i / 100})["number"])

    threads = [threading.Thread(target=change, args=[i]) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 21))


def test_it_survives_kill_9(own_server):
    server = own_server()
    client = Client(server)
    client.put(path("killed"), {"threshold": 0.25})
    client.put(path("killed"), {"threshold": 0.75})
    server.kill9()
    server.start()
    assert client.get(path("killed"))["threshold"] == 0.75
    assert client.post(path("killed") + "/rollback", {})["threshold"] == 0.25


TOLD = """
import os

def handler(event, context):
    told = context.threshold, os.environ.get("SCULLER_THRESHOLD")
    return [{"score": event.get("score", 0.5), "id": context.aws_request_id, "told": told}]
"""
BATCH = TOLD + """
def batch_handler(events, context):
    assert context.threshold == context.contexts[0].threshold
    return [[{"told": (one.threshold, os.environ.get("SCULLER_THRESHOLD"))}] for one in context.contexts]
"""


def make_aliases(lam, name, code, **settings):
    make_function(lam, name, code, **settings)
    version = lam.publish_version(FunctionName=name)["Version"]
    wait_active(lam, name, Qualifier=version)
    for alias in ("live", "beta"):
        lam.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
    return version


def told(lam, name, **more):
    answer = invoke(lam, name, {}, **more)
    assert answer.error is None, answer.payload
    return answer.payload[0]["told"]


@pytest.mark.parametrize("code", [TOLD, BATCH], ids=["handler", "batch_handler"])
def test_the_handler_is_told_what_is_in_force_for_its_alias(monitored, name, code):
    lam = monitored.server.client("lambda")
    version = make_aliases(lam, name, code)
    assert told(lam, name, Qualifier="live") == [None, None]
    monitored.put(path(name), {"threshold": 0.6123})
    monitored.put(path(name), {"threshold": 1, "alias": "beta"})
    for _ in range(3):  # the same workers, in turn
        assert told(lam, name, Qualifier="live") == [0.6123, "0.6123"]
        assert told(lam, name, Qualifier="beta") == [1.0, "1.0"]
        assert told(lam, name) == told(lam, name, Qualifier=version) == [None, None]
    monitored.put(path(name), {"threshold": 0.25})
    assert told(lam, name, Qualifier="live") == [0.25, "0.25"]
    monitored.post(path(name) + "/rollback", {})
    assert told(lam, name, Qualifier="live") == [0.6123, "0.6123"]
    monitored.put(path(name), {"threshold": 0, "alias": ""})  # of calls that name none
    assert told(lam, name) == told(lam, name, Qualifier=version) == [0.0, "0.0"]
    assert told(lam, name, Qualifier="live") == [0.6123, "0.6123"]


def test_capture_decides_by_what_the_handler_was_told(monitored, name):
    lam = monitored.server.client("lambda")
    make_aliases(lam, name, TOLD)
    monitored.put(f"/v1/functions/{name}/monitor", {"rows": "$[*]", "score": "score", "items": ["id"], "threshold": 0.3})
    expected = {}
    for i, value in enumerate([None, 0.9, 0.1, 0.9, None]):
        if value is not None:
            monitored.put(path(name), {"threshold": value})
        for qualifier in ("live", "beta"):
            answer = invoke(lam, name, {"score": 0.5}, Qualifier=qualifier)
            was_told = answer.payload[0]["told"][0]
            expected[answer.request_id] = (0.3 if was_told is None else was_told, min(i, 3) if qualifier == "live" else 0)

    def captured():
        return monitored.get("/v1/predictions", function=name, limit=100)["rows"]

    wait_until(lambda: len(captured()) == len(expected), "all decisions are captured")
    rows = captured()
    assert {row["request_id"]: (row["threshold"], row["threshold_number"]) for row in rows} == expected
    assert all(row["decision"] is (0.5 >= row["threshold"]) for row in rows)
    for row in rows:
        one = monitored.get("/v1/predictions/" + row["prediction_id"])
        assert one["invocation"]["request_id"] == row["request_id"]
        assert one["invocation"]["threshold_number"] == row["threshold_number"]
        assert one["invocation"]["alias"] == row["alias"] and "START RequestId" in one["invocation"]["log"]


def test_calls_while_it_changes_are_each_decided_by_one(monitored, name):
    """Thresholds change all the time while calls run: what the handler was told is what the row was decided by."""
    lam = monitored.server.client("lambda")
    make_aliases(lam, name, TOLD)
    monitored.put(f"/v1/functions/{name}/monitor", {"rows": "$[*]", "score": "score", "items": ["id"], "threshold": 0.3})
    expected, is_over = {}, threading.Event()

    def change():
        i = 0
        while not is_over.is_set():
            i += 1
            monitored.put(path(name), {"threshold": i % 1000 / 1000})

    changer = threading.Thread(target=change)
    changer.start()
    for _ in range(150):
        answer = invoke(lam, name, {"score": 0.5}, Qualifier="live")
        expected[answer.request_id] = answer.payload[0]["told"][0]
    is_over.set()
    changer.join()

    def captured():
        return monitored.get("/v1/predictions", function=name, limit=1000)["rows"]

    wait_until(lambda: len(captured()) == len(expected), "all decisions are captured")
    assert len(set(expected.values())) > 5
    assert {row["request_id"]: row["threshold"] for row in captured()} == {
        request: 0.3 if value is None else value for request, value in expected.items()}
