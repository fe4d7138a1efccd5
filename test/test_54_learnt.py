"""What is said before the labels come: estimates, adjusted figures, drift, calibration, and whom to ask."""

import random
import statistics

import pytest
from helpers import Server
from monitor_client import Client, Refused
from test_50_monitor import HOUR, confusion, now

DAY = 24 * HOUR


@pytest.fixture(scope="module")
def client(nothing_is_left):
    server = Server()
    yield Client(server)
    server.stop()
    server.remove()


def calibrated_rows(function, count, start, end, shift=0.0, seed=1):
    """A score is the probability that the row is positive."""
    random.seed(seed)
    rows = []
    for i in range(count):
        score = min(0.999, max(0.001, random.betavariate(0.6, 1.4) + shift))
        rows.append({
            "function": function, "version": "1", "time": start + (end - start) * i / count, "score": score,
            "prediction_id": f"{function}-{seed}-{i}", "truth": int(random.random() < score),
            "features": {"price": round(random.gauss(100 + 400 * shift, 15), 2), "kind": random.choice("aab" if shift else "ab")},
        })
    return rows


def labelled(rows):
    return [row | {"label": row["truth"], "label_time": row["time"] + HOUR} for row in rows]


def test_an_estimate_is_near_what_the_labels_say_later(client):
    old = calibrated_rows("estimated", 4000, now() - 20 * DAY, now() - 3 * DAY)
    new = calibrated_rows("estimated", 2000, now() - 2 * DAY, now() - HOUR, seed=2)
    client.post_rows("/v1/predictions", labelled(old) + new)
    said = client.get("/v1/quality/estimated/estimate", **{"from": "-2d"})
    assert said["reference"]["n"] == 4000 and said["unlabelled"] == 2000
    client.post("/v1/labels", [{"function": "estimated", "prediction_id": r["prediction_id"], "label": r["truth"]} for r in new])
    real = client.get("/v1/quality/estimated", **{"from": "-2d"})
    assert real["labelled"] == 2000
    for figure in ("precision", "recall", "accuracy"):
        assert said[figure]["low"] <= real[figure]["value"] <= said[figure]["high"], figure
        assert said[figure]["high"] - said[figure]["low"] < 0.15


def test_labels_of_positives_only_do_not_make_recall_look_good(client):
    rows = calibrated_rows("checked", 4000, now() - 2 * DAY, now() - HOUR, seed=3)
    random.seed(9)
    chosen = [r for r in rows if r["score"] >= 0.5 or random.random() < 0.1]
    client.post_rows("/v1/predictions", [r | ({"label": r["truth"]} if r in chosen else {}) for r in rows])
    plain = client.get("/v1/quality/checked", **{"from": "-2d"})["recall"]["value"]
    adjusted = client.get("/v1/quality/checked/estimate", **{"from": "-2d"})["adjusted"]["recall"]
    counts = confusion(rows)
    truth = counts["tp"] / (counts["tp"] + counts["fn"])
    assert plain > truth + 0.1
    assert adjusted["low"] <= truth <= adjusted["high"]


def test_drift_is_seen_and_not_imagined(client):
    before = calibrated_rows("drifting", 3000, now() - 20 * DAY, now() - 3 * DAY, seed=4)
    client.post_rows("/v1/predictions", before + calibrated_rows("drifting", 1000, now() - 1.5 * DAY, now() - HOUR, seed=5))
    calm = client.get("/v1/quality/drifting/drift")
    assert (calm["score"]["drifted"], calm["score"]["n"], calm["score"]["m"]) == (False, 1000, 3000)
    assert {f["name"]: (f["test"], f["drifted"]) for f in calm["features"]} == {"price": ("psi", False), "kind": ("chi-square", False)}
    moved = calibrated_rows("moved", 1000, now() - 1.5 * DAY, now() - HOUR, shift=0.2, seed=6)
    client.post_rows("/v1/predictions", [r | {"function": "moved"} for r in before] + moved)
    drift = client.get("/v1/quality/moved/drift")
    assert drift["score"]["drifted"] and all(f["drifted"] for f in drift["features"])
    client.post_rows("/v1/predictions", calibrated_rows("young", 30, now() - DAY, now(), seed=7))
    young = client.get("/v1/quality/young/drift")
    assert (young["score"]["enough"], young["score"]["drifted"]) == (False, False)


def test_calibration_is_what_the_rows_say(client):
    rows = calibrated_rows("reliable", 5000, now() - 2 * DAY, now() - HOUR, seed=8)
    client.post_rows("/v1/predictions", labelled(rows))
    said = client.get("/v1/quality/reliable/calibration")
    assert said["brier"] == pytest.approx(statistics.fmean((r["score"] - r["truth"]) ** 2 for r in rows), abs=1e-9)
    assert said["ece"] < 0.03
    for row in said["bins"]:
        inside = [r for r in rows if row["low"] <= r["score"] < row["high"]]
        assert abs(row["n"] - len(inside)) <= 10  # a score is in one of 1,024 bins first
        assert row["positive"]["low"] - 0.05 <= row["mean_score"] <= row["positive"]["high"] + 0.05


def test_advice_takes_where_it_helps(client):
    rows = calibrated_rows("advised", 5000, now() - 2 * DAY, now() - HOUR, seed=10)
    client.post_rows("/v1/predictions", [r | ({"label": r["truth"]} if i % 25 == 0 else {}) for i, r in enumerate(rows)])
    advice = client.get("/v1/quality/advised/advice", n=200, metric="precision")
    assert 150 <= len(advice["rows"]) <= 200
    assert all(row["label"] is None for row in advice["rows"])
    assert advice["after"]["high"] - advice["after"]["low"] < advice["now"]["high"] - advice["now"]["low"]
    assert statistics.fmean(row["score"] >= 0.5 for row in advice["rows"]) > 0.8  # precision is about these
    with pytest.raises(Refused) as refused:
        client.get("/v1/quality/advised/advice", metric="beauty")
    assert refused.value.status == 400
