"""Thresholds: numbered, with a history, changed and rolled back without a deploy, and told to the handler."""

import io
import json
import os
import subprocess
import threading
import time
import zipfile

import pytest
from helpers import BIN, Server
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
