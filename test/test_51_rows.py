"""Predictions one by one: each page is what plain Python makes of the same rows; one has all that is known of it."""

import datetime
import json
import random
import time
import uuid

import pytest
from helpers import Server
from monitor_client import Client, Refused

HOUR = 3600


@pytest.fixture(scope="module")
def monitored(nothing_is_left):
    server = Server()
    yield Client(server)
    server.stop()
    server.remove()


@pytest.fixture(scope="module")
def rows(monitored):
    """A fortnight of them, from the oldest: rows that share their time, scores that repeat, and a third not labelled."""
    random.seed(51)
    start, rows = int(time.time()) - 12 * 24 * HOUR, []
    for i in range(1500):
        label = None if i % 3 == 0 else int(random.random() < 0.3) if i % 50 else 0.7
        row = {
            "function": "browsed", "version": str(1 + i // 800), "alias": "live", "time": start + i // 3 * 2000,
            "prediction_id": f"p{i}", "score": round(random.random(), 2), "segment": random.choice(["car", "hotel"]),
            "items": {"n": str(i)}, "amount": i / 4, "features": {"price": i}, "request_id": f"call-{i // 5}", "position": i % 5,
        }
        rows.append(row if label is None else row | {"label": label})
    assert monitored.post_rows("/v1/predictions", rows)["accepted"] == 1500
    other = [row | {"function": "other", "prediction_id": "x" + row["prediction_id"]} for row in rows[:10]]
    shadow = [row | {"source": "shadow", "prediction_id": "s" + row["prediction_id"]} for row in rows[:10]]
    monitored.post_rows("/v1/predictions", other + shadow)
    return rows


def outcome(row, threshold=0.5):
    if "label" not in row:
        return None
    decision = row["score"] >= threshold
    return ("t" if decision == (row["label"] >= 0.5) else "f") + ("p" if decision else "n")


KINDS = {
    "all": lambda row, t: True,
    "fp": lambda row, t: outcome(row, t) == "fp", "fn": lambda row, t: outcome(row, t) == "fn",
    "tp": lambda row, t: outcome(row, t) == "tp", "tn": lambda row, t: outcome(row, t) == "tn",
    "positive": lambda row, t: row["score"] >= t, "negative": lambda row, t: row["score"] < t,
    "labelled": lambda row, t: "label" in row, "unlabelled": lambda row, t: "label" not in row,
    "changed": lambda row, t: (row["score"] >= t) != (row["score"] >= 0.5),
}
# Rows came in the order of time, and of those of one time the number decides; so the list's own order is that of time.
ORDERS = {
    "time": lambda rows, t: rows,
    "-time": lambda rows, t: rows[::-1],
    "score": lambda rows, t: sorted(rows[::-1], key=lambda row: row["score"]),
    "-score": lambda rows, t: sorted(rows[::-1], key=lambda row: -row["score"]),
    "margin": lambda rows, t: sorted(rows[::-1], key=lambda row: abs(row["score"] - t)),
}


def ids(rows):
    return [row["prediction_id"] for row in rows]


def pages(monitored, limit, **query):
    found, after = [], None
    for _ in range(1000):
        page = monitored.get("/v1/predictions", function="browsed", limit=limit, after=after, **query)
        assert len(page["rows"]) <= limit and page["complete"] is True
        found += page["rows"]
        after = page["next"]
        if not after:
            return found
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("kind,threshold", [(kind, t) for kind in KINDS for t in (None, 0.62) if t or kind != "changed"])
def test_a_kind_is_what_plain_python_finds(monitored, rows, kind, threshold):
    expected = [row for row in rows if KINDS[kind](row, threshold or 0.5)]
    assert len(expected) > 50
    page = monitored.get("/v1/predictions", function="browsed", kind=kind, threshold=threshold, limit=1000, order="time")
    assert ids(page["rows"]) == ids(expected)[:1000]
    for row in page["rows"]:
        assert row["decision"] is (row["score"] >= 0.5)
        assert row["outcome"] == outcome(row if row["label"] is not None else {"score": row["score"]}, threshold or 0.5)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_are_the_whole_in_order(monitored, rows, order):
    expected = ORDERS[order](rows, 0.5)
    assert ids(pages(monitored, 97, order=order)) == ids(expected)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_of_labelled_rows_are_the_whole_in_order(monitored, rows, order):
    expected = ORDERS[order]([row for row in rows if KINDS["fp"](row, 0.4)], 0.4)
    assert ids(pages(monitored, 13, order=order, kind="fp", threshold=0.4)) == ids(expected)


def test_filters_and_window(monitored, rows):
    def found(**query):
        return ids(monitored.get("/v1/predictions", function="browsed", order="time", limit=1000, **query)["rows"])
    assert found(version="2") == [row["prediction_id"] for row in rows if row["version"] == "2"]
    assert found(segment="car") == [row["prediction_id"] for row in rows if row["segment"] == "car"]
    assert found(segment="car", version="1", kind="fn") == [
        row["prediction_id"] for row in rows if (row["segment"], row["version"]) == ("car", "1") and outcome(row) == "fn"]
    assert found(source="shadow") == [f"sp{i}" for i in range(10)]
    assert found(alias="nobody") == found(segment="nowhere") == []
    start, end = (rows[300]["time"] // HOUR * HOUR, rows[700]["time"] // HOUR * HOUR)
    assert found(**{"from": start, "to": end}) == [row["prediction_id"] for row in rows if start <= row["time"] < end]


def test_what_is_counted_is_what_is_found(monitored, rows):
    window = {"from": rows[100]["time"] + 7, "to": rows[900]["time"] + 7}
    counted = monitored.get("/v1/quality/browsed", **window)["confusion"]
    for kind in ("tp", "fp", "fn", "tn"):
        page = monitored.get("/v1/predictions", function="browsed", kind=kind, limit=1000, **window)
        assert (len(page["rows"]), page["next"]) == (counted[kind], None)


def test_a_row_has_its_members(monitored, rows):
    row = next(row for row in monitored.get("/v1/predictions", function="browsed", limit=1000, order="time")["rows"]
               if row["prediction_id"] == "p7")
    posted = rows[7]
    moment = datetime.datetime.fromtimestamp(posted["time"], datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert row["time"] == moment
    for name in ("function", "version", "alias", "score", "segment", "items", "amount", "features", "request_id", "position", "label"):
        assert row[name] == posted[name], name
    assert (row["threshold"], row["threshold_number"], row["source"]) == (0.5, 0, "posted")


def test_nonsense_is_refused(monitored):
    for query in ({"kind": "wrong"}, {"order": "random"}, {"limit": 0}, {"limit": 1001}, {"after": "00"}, {"after": "f" * 80},
                  {"threshold": 2}, {"kind": "changed"}, {"from": "someday"}):
        with pytest.raises(Refused) as refused:
            monitored.get("/v1/predictions", function="browsed", **query)
        assert refused.value.status == 400, query
    for path in ("/v1/predictions/p1", "/v1/predictions/nobody?function=browsed", "/v1/predictions/p1?function=other",
                 f"/v1/predictions/{uuid.uuid4()}", "/v1/predictions/01940000-0000-7000-8000-000000000000"):
        with pytest.raises(Refused) as refused:
            monitored.get(path)
        assert refused.value.status == 404, path


def test_one_row_by_a_clients_id(monitored, rows):
    monitored.post("/v1/labels", [
        {"function": "browsed", "prediction_id": "p30", "label": 1, "time": rows[30]["time"] + 10, "source": "mail", "note": "he said"},
        {"function": "browsed", "prediction_id": "p30", "label": 0, "time": rows[30]["time"] + 20}])
    row = monitored.get("/v1/predictions/p30", function="browsed")
    assert (row["prediction_id"], row["label"], row["invocation"]) == ("p30", 0, None)
    assert [(label["label"], label["source"], label["note"]) for label in row["labels"]] == [(0, "posted", ""), (1, "mail", "he said")]
    call = [other for other in row["neighbours"] if other["relation"] == "call"]
    assert ids(call) == ["p31", "p32", "p33", "p34"]
    near = [other for other in row["neighbours"] if other["relation"] == "score"]
    same = [other for other in rows if other["segment"] == rows[30]["segment"] and other["time"] < rows[30]["time"] // HOUR * HOUR + 2 * HOUR]
    score = rows[30]["score"]
    assert [other["score"] for other in near if other["score"] < score] == sorted((o["score"] for o in same if o["score"] < score), reverse=True)[:5]
    above = sorted(o["score"] for o in same if o["score"] >= score and o["prediction_id"] != "p30")[:5]
    assert [other["score"] for other in near if other["score"] >= score] == above
    assert all(other["segment"] == rows[30]["segment"] and other["function"] == "browsed" for other in near)
    assert "p30" not in ids(row["neighbours"]) and len(set(ids(near))) == len(near)
    monitored.post("/v1/labels", {"function": "browsed", "prediction_id": "p30", "label": None, "time": rows[30]["time"] + 30})


def test_one_row_by_an_id_of_ours_and_its_invocation(monitored):
    request = str(uuid.uuid4())
    monitored.post("/v1/predictions", [{"function": "own", "score": i / 200, "request_id": request, "position": i} for i in range(200)])
    found = monitored.get("/v1/predictions", function="own", order="score", limit=200)["rows"]
    assert len({row["prediction_id"] for row in found}) == 200
    row = monitored.get("/v1/predictions/" + found[100]["prediction_id"])
    assert (row["position"], row["request_id"], row["invocation"]) == (100, request, None)
    assert [other["position"] for other in row["neighbours"] if other["relation"] == "call"] == [*range(75, 100), *range(101, 126)]
    with pytest.raises(Refused):
        monitored.get("/v1/predictions/" + found[100]["prediction_id"], function="browsed")


def test_the_call_that_a_prediction_is_from(monitored):
    with pytest.raises(Refused):
        monitored.call("POST", "/v1/functions/nobody-is-called-so/import")
    records = [json.loads(line) for line in monitored.call("GET", "/v1/logs?source=import").splitlines()]
    monitored.post("/v1/predictions", {"function": "traced", "score": 0.25, "request_id": records[-1]["request_id"], "prediction_id": "t"})
    invocation = monitored.get("/v1/predictions/t", function="traced")["invocation"]
    assert invocation == records[-1]
