"""Predictions: kept, labelled, asked about; beside a plain SQLite INSERT loop, and pandas + scikit-learn on the same rows.

Posts are signed by nobody (--auth off): what is measured is the keeping.  Each post is answered when it is on disk, with
the index of items on.  The INSERT loop is the limit: one table, no index, the same columns, the same rows a commit.
"""

import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

from . import common, starts

BATCH = 20000
DAYS = 20
SEGMENTS = ("car", "rail", "hotel", "flight")
PANDAS = """
import io, json, sys, time
import pandas as pd
from sklearn.metrics import precision_recall_curve, roc_auc_score, confusion_matrix
rows = pd.read_csv(sys.argv[1])
rows["day"] = pd.to_datetime(rows.time).dt.floor("D")
labelled = rows.dropna(subset=["label"])
def timed(work):
    started = time.perf_counter(); work(); return (time.perf_counter() - started) * 1e3
print(json.dumps({"curve": timed(lambda: (precision_recall_curve(labelled.label, labelled.score), roc_auc_score(labelled.label, labelled.score))),
                  "days": timed(lambda: labelled.groupby("day").apply(lambda d: confusion_matrix(d.label, d.decision, labels=[0, 1]), include_groups=False))}))
"""


def rows_of(count):
    random.seed(1)
    start = time.time() - DAYS * 86400
    for i in range(count):
        truth = random.random() < 0.3
        score = min(1, max(0, random.gauss(0.62 if truth else 0.38, 0.17)))
        yield i, start + DAYS * 86400 * i / count * 0.999, round(score, 4), SEGMENTS[i & 3], truth


def prediction(row):
    i, moment, score, segment, _ = row
    return ('{"function":"m","version":"1","alias":"live","time":%.3f,"score":%.4f,"segment":"%s","items":{"a":"%d","b":"%d"},'
            '"amount":%d}' % (moment, score, segment, i * 7919 % 100000007, i, i % 97))


def label(row):
    i, _, _, _, truth = row
    return '{"function":"m","items":{"b":"%d","a":"%d"},"label":%d}' % (i, i * 7919 % 100000007, truth)


def batches(rows, text):
    for at in range(0, len(rows), BATCH):
        yield "\n".join(map(text, rows[at:at + BATCH])).encode()


def call(server, method, path, body=None):
    with urllib.request.urlopen(urllib.request.Request(server.url + path, data=body, method=method), timeout=600) as answer:
        return answer.read()


def post_all(server, path, rows, text, what):
    bodies, spent = batches(rows, text), 0.0
    for number, body in enumerate(bodies):
        started = time.perf_counter()
        report = json.loads(call(server, "POST", path, body))
        spent += time.perf_counter() - started
        if report["refused"] or report["accepted"] != min(BATCH, len(rows) - number * BATCH):
            raise SystemExit(f"bench: {what}: {report}")
        if number % 25 == 0:
            common.say(f"quality {what}: {number * BATCH:,} of {len(rows):,}")
    return len(rows) / spent


def insert_loop(rows):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        db = sqlite3.connect(folder + "/limit.db", isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL"), db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, time REAL, score REAL, segment TEXT, items TEXT, amount REAL)")
        started = time.perf_counter()
        for at in range(0, len(rows), BATCH):
            db.execute("BEGIN")
            db.executemany("INSERT INTO rows VALUES (NULL, ?, ?, ?, ?, ?)",
                           ((r[1], r[2], r[3], '{"a":"%d","b":"%d"}' % (r[0] * 7919 % 100000007, r[0]), r[0] % 97) for r in rows[at:at + BATCH]))
            db.execute("COMMIT")
        spent = time.perf_counter() - started
        db.close()
    return len(rows) / spent


def milliseconds(server, path, times=9):
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        call(server, "GET", path)
        spent.append((time.perf_counter() - started) * 1e3)
    return common.median(spent)


QUESTIONS = {
    "threshold curve, 1,025 points": ["/v1/quality/m/curve"],
    "threshold curve, histograms only": ["/v1/quality/m/curve?points=false"],
    "quality by day": ["/v1/quality/m?by=day"],
    "a dashboard page": ["/v1/quality/m?by=hour", "/v1/quality/m?by=version", "/v1/quality/m?by=segment", "/v1/quality/m/estimate"],
    "a page of false positives": ["/v1/predictions?function=m&kind=fp&limit=50"],
}


def pandas_too(server, found):
    with tempfile.NamedTemporaryFile(suffix=".csv", dir="/tmp") as file:
        file.write(call(server, "GET", "/v1/export/predictions?function=m&format=csv"))
        file.flush()
        done = subprocess.run([common.PYTHON, "-c", PANDAS, file.name], capture_output=True, text=True, env={**os.environ, **common.ONE_THREAD})
    if done.returncode:
        raise SystemExit(f"bench: pandas: {done.stderr}")
    beside = json.loads(done.stdout)
    found["asked"]["threshold curve, 1,025 points"].append(beside["curve"])
    found["asked"]["quality by day"].append(beside["days"])


def capture_cost(args):
    """p50 of the matcher, one connection, with and without capture, in turn."""
    seen = {False: [], True: []}
    with common.Sculler(args.sculler, "0,1", "--auth", "off") as server:
        url = server.deploy("matcher")
        body = json.dumps(starts.EVENT).encode() if not isinstance(starts.EVENT, bytes) else starts.EVENT
        common.wait_for(url, body)
        for _ in range(max(3, args.rounds)):
            for on in (False, True):
                path = "/v1/functions/bench_matcher/monitor"
                call(server, "PUT" if on else "DELETE", path, json.dumps({"rows": "$.scores[*]", "score": "$"}).encode() if on else None)
                common.wrk(url, body, 1, 1, "1")
                seen[on].append(common.wrk(url, body, 1, args.seconds, "1")[1])
    return {"without capture": common.median(seen[False]), "with capture": common.median(seen[True])}


def run(args):
    rows = list(rows_of(args.predictions))
    found = {"predictions": args.predictions, "asked": {}}
    found["insert loop"] = insert_loop(rows)
    with common.Sculler(args.sculler, "0,1", "--auth", "off") as server:
        found["posted"] = post_all(server, "/v1/predictions", rows, prediction, "predictions")
        found["labels"] = min(args.predictions, 1_000_000)
        found["joined"] = post_all(server, "/v1/labels", random.sample(rows, found["labels"]), label, "labels")
        for what, paths in QUESTIONS.items():
            found["asked"][what] = [sum(milliseconds(server, path) for path in paths)]
        if args.predictions <= 2_000_000:
            pandas_too(server, found)
    found["capture"] = capture_cost(args)
    return found


def show(found):
    common.table(f"{found['predictions']:,} predictions posted in batches of {BATCH:,}, durable, items indexed; then {found['labels']:,} labels by items",
                 ["what", "rows/s", "of the INSERT loop"],
                 [["plain SQLite INSERT loop (limit)", found["insert loop"], 1.0],
                  ["predictions over the API", found["posted"], found["posted"] / found["insert loop"]],
                  ["labels joined over the API", found["joined"], found["joined"] / found["insert loop"]]])
    common.table(f"Asked over {found['predictions']:,} predictions", ["what", "ms", "pandas + scikit-learn, rows in memory, ms", "×"],
                 [[what, values[0], values[1] if len(values) > 1 else None, values[1] / values[0] if len(values) > 1 else None]
                  for what, values in found["asked"].items()])
    before, after = found["capture"]["without capture"], found["capture"]["with capture"]
    common.table("What capture costs a call of the matcher, one connection", ["", "p50 us", "×"],
                 [["without capture", before, 1.0], ["with capture", after, after / before]])
