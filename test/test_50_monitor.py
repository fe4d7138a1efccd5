"""Predictions in, truth in, quality out: what the server says is what plain arithmetic over the same rows says."""

import datetime
import math
import random
import sqlite3

import pytest
from helpers import Server, invoke, make_function, wait_until
from monitor_client import Client, Refused

HOUR = 3600


@pytest.fixture(scope="module")
def monitored(nothing_is_left):
    server = Server()
    yield Client(server)
    server.stop()
    server.remove()


def now():
    return datetime.datetime.now(datetime.timezone.utc).timestamp()


def make_rows(function, count, seed=1, days=3):
    random.seed(seed)
    start = now() - days * 24 * HOUR
    rows = []
    for i in range(count):
        truth = random.random() < 0.3
        score = round(min(1, max(0, random.gauss(0.65 if truth else 0.35, 0.18))), 4)
        rows.append({
            "function": function, "version": "1" if i < count / 2 else "2", "alias": "live",
            "time": start + days * 24 * HOUR * i / count, "prediction_id": f"{function}-{i}", "score": score,
            "segment": random.choice(["car", "hotel"]), "items": {"b": str(i), "a": i * 7}, "amount": i % 100,
            "truth": int(truth),
        })
    return rows


def confusion(rows, threshold=0.5):
    counts = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
    for row in rows:
        decision = row["score"] >= threshold
        counts[("t" if decision == bool(row["truth"]) else "f") + ("p" if decision else "n")] += 1
    return counts


def wilson(k, n, z=1.959963984540054):
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def test_quality_is_what_the_rows_say(monitored):
    rows = make_rows("exact", 3000)
    report = monitored.post_rows("/v1/predictions", rows)
    assert (report["accepted"], report["refused"], report["errors"]) == (3000, 0, [])
    labelled = [row for i, row in enumerate(rows) if i % 3]
    report = monitored.post("/v1/labels", [{"function": "exact", "items": r["items"], "label": r["truth"]} for r in labelled])
    assert (report["matched"], report["rows"], report["labelled"]) == (2000, 2000, 2000)
    quality = monitored.get("/v1/quality/exact")
    counts = confusion(labelled)
    assert {key: quality["confusion"][key] for key in counts} == counts
    assert (quality["n"], quality["labelled"], quality["unlabelled"]) == (3000, 2000, 1000)
    precision = quality["precision"]
    k, n = counts["tp"], counts["tp"] + counts["fp"]
    low, high = wilson(k, n)
    assert (precision["k"], precision["n"]) == (k, n)
    assert precision["value"] == pytest.approx(k / n, abs=1e-12)
    assert (precision["low"], precision["high"]) == pytest.approx((low, high), abs=1e-9)
    assert quality["brier"] == pytest.approx(sum((r["score"] - r["truth"]) ** 2 for r in labelled) / 2000, abs=1e-9)


def test_groups_add_up_and_are_each_right(monitored):
    rows = make_rows("grouped", 2000, seed=2)
    monitored.post_rows("/v1/predictions", [row | {"label": row["truth"]} for row in rows])
    for by, key in (("version", lambda r: r["version"]), ("segment", lambda r: r["segment"]),
                    ("day", lambda r: datetime.datetime.fromtimestamp(r["time"], datetime.timezone.utc).strftime("%Y-%m-%dT00:00:00.000Z")),
                    ("hour", lambda r: datetime.datetime.fromtimestamp(r["time"], datetime.timezone.utc).strftime("%Y-%m-%dT%H:00:00.000Z"))):
        groups = {g["key"]: g for g in monitored.get("/v1/quality/grouped", by=by)["groups"]}
        assert set(groups) == {key(r) for r in rows}, by
        for name, group in groups.items():
            counts = confusion([r for r in rows if key(r) == name])
            assert {k: group["confusion"][k] for k in counts} == counts, (by, name)


def test_another_threshold_is_tried_without_a_deploy(monitored):
    rows = make_rows("what-if", 2000, seed=3)
    monitored.post_rows("/v1/predictions", [row | {"label": row["truth"]} for row in rows])
    exact = monitored.get("/v1/quality/what-if", threshold=0.6123, exact="true")
    assert {k: exact["confusion"][k] for k in ("tp", "fp", "fn", "tn")} == confusion(rows, 0.6123)
    edge = monitored.get("/v1/quality/what-if", threshold=0.6123)
    assert edge["threshold"]["value"] == round(0.6123 * 1024) / 1024
    assert {k: edge["confusion"][k] for k in ("tp", "fp", "fn", "tn")} == confusion(rows, edge["threshold"]["value"])
    curve = monitored.get("/v1/quality/what-if/curve", cost_fp=5, cost_fn=1)
    for point in curve["points"][::101]:
        assert {k: point[k] for k in ("tp", "fp", "fn", "tn")} == confusion(rows, point["threshold"])
    best = min(curve["points"], key=lambda p: 5 * p["fp"] + p["fn"])
    assert curve["best"]["cost"]["cost"] == 5 * best["fp"] + best["fn"]


def test_what_was_believed_then(monitored):
    rows = make_rows("then", 400, seed=4)
    monitored.post_rows("/v1/predictions", rows)
    day = now() - 1.5 * 24 * HOUR
    early = [r for r in rows if r["time"] < day - HOUR]
    def labels(rows, when, flip=False):
        return [{"function": "then", "prediction_id": r["prediction_id"], "label": r["truth"] ^ flip, "time": when} for r in rows]
    assert monitored.post("/v1/labels", labels(early, day, flip=True))["labelled"] == len(early)
    assert monitored.post("/v1/labels", labels(early, day + 6 * HOUR))["corrected"] == len(early)
    def asked(**query):
        counts = monitored.get("/v1/quality/then", **query)["confusion"]
        return {k: counts[k] for k in ("tp", "fp", "fn", "tn")}
    assert asked() == confusion(early)
    assert asked(as_of=day + HOUR) == confusion([r | {"truth": 1 - r["truth"]} for r in early])
    assert asked(as_of=day - HOUR) == {"tp": 0, "fp": 0, "fn": 0, "tn": 0}


def test_nothing_is_counted_twice(monitored):
    rows = make_rows("twice", 100, seed=5)
    assert monitored.post_rows("/v1/predictions", rows)["accepted"] == 100
    again = monitored.post_rows("/v1/predictions", rows)
    assert (again["accepted"], again["duplicates"]) == (0, 100)
    truth = [{"function": "twice", "items": r["items"], "label": r["truth"]} for r in rows]
    assert monitored.post("/v1/labels", truth)["labelled"] == 100
    assert monitored.post("/v1/labels", truth)["unchanged"] == 100
    assert monitored.get("/v1/quality/twice")["n"] == 100


def test_a_bad_row_is_told_and_does_not_keep_out_the_others(monitored):
    body = b"\n".join([
        b'{"function":"bad","score":0.5}',
        b'{"function":"bad","score":NaN}',
        b'{"function":"bad","score":1.5}',
        b'{"function":"bad","score":null}',
        b'{"function":"bad","score":0.5,"time":"yesterday"}',
        b'{"function":"bad","score":0.5,"time":"2999-01-01"}',
        b'{"score":0.5}',
        b'{"function":"bad"}',
        b'{"function":"bad","score":0.5',
        b'{"function":"bad","score":"0.5"}',
        b'[1]',
    ])
    import json
    report = json.loads(monitored.call("POST", "/v1/predictions", body))
    assert (report["accepted"], report["undecided"], report["refused"]) == (1, 3, 7)
    assert [error["row"] for error in report["errors"]] == [2, 5, 6, 7, 8, 9, 11]
    assert all(error["why"] for error in report["errors"])
    quality = monitored.get("/v1/quality/bad")
    assert (quality["n"], quality["undecided"]) == (1, 3)
    with pytest.raises(Refused) as refused:
        monitored.get("/v1/quality/bad", **{"from": "someday"})
    assert refused.value.status == 400 and "someday" in refused.value.body


def test_a_label_that_comes_first_waits(monitored):
    report = monitored.post("/v1/labels", [{"function": "early", "items": {"id": i}, "label": i % 2} for i in range(10)])
    assert (report["orphans"], report["matched"]) == (10, 0)
    monitored.post("/v1/predictions", [{"function": "early", "score": 0.9, "items": {"id": str(i)}} for i in range(10)])
    quality = monitored.get("/v1/quality/early")
    assert (quality["labelled"], quality["confusion"]["tp"], quality["confusion"]["fp"]) == (10, 5, 5)


def test_what_was_answered_survives_kill_9(own_server):
    server = own_server()
    client = Client(server)
    client.post_rows("/v1/predictions", make_rows("killed", 500, seed=6))
    client.post("/v1/labels", {"function": "killed", "prediction_id": "killed-7", "label": 1})
    server.kill9()
    server.start()
    quality = client.get("/v1/quality/killed")
    assert (quality["n"], quality["labelled"]) == (500, 1)


def test_sql_reads_while_the_server_writes(monitored):
    month = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m")
    monitored.post("/v1/predictions", {"function": "sql", "score": 0.75, "items": {"a": 1}, "segment": "x"})
    db = sqlite3.connect(f"file:{monitored.server.state}/state/monitor/{month}.db?mode=ro", uri=True)
    row = db.execute("SELECT score, decision, segment, items FROM predictions WHERE function = 'sql'").fetchone()
    assert row == (0.75, 1, "x", '{"a":"1"}')
    assert db.execute("SELECT unlabelled_positive FROM confusion_hourly WHERE function = 'sql'").fetchone() == (1,)
    db.close()


SCORES = """
def handler(event, context):
    if event.get("broken"):
        raise ValueError("broken")
    return [{"score": score, "id": f"{event['call']}-{i}"} for i, score in enumerate(event["scores"])]
"""
SETTINGS = {"rows": "$[*]", "score": "score", "items": ["id"], "threshold": 0.6, "segment": "$.country"}


def settled(client, function, n):
    """The quality, once `n` decisions and undecided rows of live calls were captured."""
    def there():
        quality = client.get(f"/v1/quality/{function}")
        return quality if quality["n"] + quality["undecided"] >= n else None
    wait_until(there, f"{n} decisions of {function}")
    return client.get(f"/v1/quality/{function}")


def test_calls_are_captured_without_code(monitored, name):
    lam = monitored.server.client("lambda")
    make_function(lam, name, SCORES)
    invoke(lam, name, {"call": "before", "scores": [0.9]})
    put = monitored.put(f"/v1/functions/{name}/monitor", SETTINGS)
    assert (put["number"], put["settings"]) == (1, SETTINGS)
    assert monitored.get(f"/v1/functions/{name}/monitor")["settings"] == SETTINGS
    for call in range(20):
        invoke(lam, name, {"call": call, "country": "nl" if call % 2 else "be", "scores": [0.2, 0.7, None, 0.6]})
    invoke(lam, name, {"broken": True})
    quality = settled(monitored, name, 80)
    assert (quality["n"], quality["undecided"]) == (60, 20)
    assert (quality["confusion"]["unlabelled_positive"], quality["confusion"]["unlabelled_negative"]) == (40, 20)
    segments = {group["key"]: group["n"] for group in monitored.get(f"/v1/quality/{name}", by="segment")["groups"]}
    assert segments == {"be": 30, "nl": 30}
    report = monitored.post("/v1/labels", [{"function": name, "items": {"id": f"{call}-1"}, "label": call % 4 > 0} for call in range(20)])
    assert report["labelled"] == 20
    precision = monitored.get(f"/v1/quality/{name}")["precision"]
    assert (precision["k"], precision["n"]) == (15, 20)


def test_a_restart_captures_each_call_once(own_server, name):
    server = own_server()
    client = Client(server)
    lam = server.client("lambda")
    make_function(lam, name, SCORES)
    client.put(f"/v1/functions/{name}/monitor", SETTINGS)
    for round in range(3):
        for call in range(30):
            invoke(lam, name, {"call": f"{round}-{call}", "scores": [0.9, 0.1]})
        server.kill9()
        server.start()
        assert settled(client, name, 60 * (round + 1))["n"] == 60 * (round + 1)


def test_a_large_answer_is_captured_whole(monitored, name):
    lam = monitored.server.client("lambda")
    make_function(lam, name, "def handler(event, context): return [{'score': 0.5, 'id': i, 'pad': 'x' * 80} for i in range(20000)]")
    monitored.put(f"/v1/functions/{name}/monitor", SETTINGS)
    invoke(lam, name, {})
    assert settled(monitored, name, 20000)["n"] == 20000


def test_a_history_is_captured_at_its_own_time_and_once(monitored):
    monitored.put("/v1/functions/history/monitor", SETTINGS)
    start = now() - 5 * 24 * HOUR
    rows = [{"time": start + i * HOUR, "function": "history", "version": "1" if i < 50 else "2", "alias": "live",
             "request_id": f"old-{i}", "event": {"country": "nl"}, "response": [{"score": i / 100, "id": i}], "duration_ms": 5}
            for i in range(100)]
    assert monitored.post_rows("/v1/invocations", rows) == {"accepted": 100, "refused": 0, "errors": []}
    assert settled(monitored, "history", 100)["n"] == 100
    assert monitored.post_rows("/v1/invocations", rows)["accepted"] == 100
    monitored.post_rows("/v1/invocations", [rows[0] | {"request_id": "new"}, {"time": start}, rows[1] | {"time": now() + HOUR}])
    assert settled(monitored, "history", 101)["n"] == 101
    groups = monitored.get("/v1/quality/history", by="version")["groups"]
    assert [(g["key"], g["n"]) for g in groups] == [("1", 51), ("2", 50)]


def test_settings_are_checked_in_words(monitored):
    for settings, words in (({"rows": "$[*]"}, "monitor.score is missing"), ({"score": "s", "treshold": 1}, "treshold"),
                            ({"score": "$["}, "monitor.score")):
        with pytest.raises(Refused) as refused:
            monitored.put("/v1/functions/settings/monitor", settings)
        assert refused.value.status == 400 and words in refused.value.body
    with pytest.raises(Refused) as refused:
        monitored.get("/v1/functions/settings/monitor")
    assert refused.value.status == 404
