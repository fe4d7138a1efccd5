"""Truth that comes late, by every way there is: SQL, files, silence; and what became of the decisions."""

import csv
import datetime
import json
import os
import random
import sqlite3
import statistics
import subprocess
import time

import pytest
from helpers import BIN, Server, wait_until
from monitor_client import Client, Refused

DAY = 24 * 3600


@pytest.fixture(scope="module")
def monitored(nothing_is_left):
    server = Server()
    yield Client(server)
    server.stop()
    server.remove()


def now():
    return datetime.datetime.now(datetime.timezone.utc).timestamp()


def predict(client, function, count, **more):
    rows = [{"function": function, "prediction_id": f"{function}-{i}", "score": i % 100 / 100,
             "items": {"a": i, "b": f"x{i}"}} | more for i in range(count)]
    assert client.post_rows("/v1/predictions", rows)["accepted"] == count
    return rows


def inbox(server):
    db = sqlite3.connect(server.state / "state/monitor/inbox.db", timeout=30)
    db.execute("PRAGMA synchronous=FULL")
    return db


def waiting(server):
    with inbox(server) as db:
        return db.execute("SELECT count(*) FROM label_inbox").fetchone()[0]


# -- the inbox


def test_an_insert_is_a_label(monitored):
    predict(monitored, "inserted", 100)
    with inbox(monitored.server) as db:
        db.executemany("INSERT INTO label_inbox (function, items, label, time) VALUES ('inserted', ?, ?, ?)",
                       [(json.dumps({"b": f"x{i}", "a": i}), i % 2, now() if i % 3 else None) for i in range(100)])
        db.execute("INSERT INTO label_inbox (function, label) VALUES ('inserted', 1)")
    with pytest.raises(sqlite3.IntegrityError), inbox(monitored.server) as db:
        db.execute("INSERT INTO label_inbox (function, prediction_id) VALUES ('inserted', 'inserted-1')")
    wait_until(lambda: waiting(monitored.server) == 0, "the inbox is empty", 10)
    quality = monitored.get("/v1/quality/inserted")
    assert (quality["labelled"], quality["confusion"]["tp"], quality["confusion"]["fn"]) == (100, 25, 25)
    with inbox(monitored.server) as db:
        assert "which prediction" in db.execute("SELECT why FROM label_inbox_refused").fetchone()[0]


def test_a_forgotten_transaction_holds_up_nobody_else(monitored):
    predict(monitored, "forgotten", 2)
    db = inbox(monitored.server)
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO label_inbox (function, prediction_id, label) VALUES ('forgotten', 'forgotten-0', 1)")
    time.sleep(2.5)
    begun = time.monotonic()
    assert monitored.post("/v1/labels", {"function": "forgotten", "prediction_id": "forgotten-1", "label": 1})["labelled"] == 1
    assert time.monotonic() - begun < 1
    db.commit()
    db.close()
    wait_until(lambda: monitored.get("/v1/quality/forgotten")["labelled"] == 2, "the label is applied", 10)


def test_the_inbox_counts_once_however_the_server_ends(own_server):
    server = own_server()
    client = Client(server)
    rows = predict(client, "killed", 20000)
    random.seed(7)
    with inbox(server) as db:
        db.executemany("INSERT INTO label_inbox (function, items, label) VALUES ('killed', ?, ?)",
                       [(json.dumps(row["items"]), i % 2) for i, row in enumerate(rows)])
    for _ in range(6):
        time.sleep(random.uniform(0.8, 1.3))
        server.kill9()
        server.start()
    wait_until(lambda: waiting(server) == 0, "the inbox is empty", 60)
    quality = client.get("/v1/quality/killed")
    assert (quality["n"], quality["labelled"]) == (20000, 20000)
    counts = quality["confusion"]
    assert counts["tp"] + counts["fn"] == counts["fp"] + counts["tn"] == 10000
    events = 0
    for month in (server.state / "state/monitor").glob("????-??.db"):
        db = sqlite3.connect(f"file:{month}?mode=ro", uri=True)
        events += db.execute("SELECT count(*) FROM labels").fetchone()[0]
        db.close()
    assert events == 20000, "each label is in the history once"


# -- silence


def monitor(client, function, **settings):
    client.put(f"/v1/functions/{function}/monitor", {"rows": "$[*]", "score": "score"} | settings)


def test_silence_becomes_truth_and_gives_way(monitored):
    rows = [{"function": "silent", "prediction_id": f"s{i}", "score": i % 10 / 10, "time": now() - (i % 60) * DAY - 60} for i in range(600)]
    monitored.post_rows("/v1/predictions", rows)
    assert monitored.get("/v1/quality/silent", **{"from": "-100d"})["labelled"] == 0
    monitor(monitored, "silent", unlabelled_after={"days": 30, "means": "negative"})
    def quality(**query):
        return monitored.get("/v1/quality/silent", **{"from": "-100d"}, **query)
    wait_until(lambda: quality()["labelled"] == 300, "those older than 30 days are labelled", 10)
    assert {k: quality()["confusion"][k] for k in ("tp", "fp", "fn", "tn")} == {"tp": 0, "fp": 150, "fn": 0, "tn": 150}
    assert quality(as_of=now() - 20 * DAY)["labelled"] == 100, "what silence said by then"
    told = {"function": "silent", "prediction_id": "s45", "label": 1, "time": now() - 40 * DAY}
    assert monitored.post("/v1/labels", told)["corrected"] == 1
    assert quality()["confusion"]["tp"] + quality()["confusion"]["fn"] == 1
    assert quality(as_of=now() - 1)["labelled"] == 300
    before = quality(as_of=now() - 12 * DAY)["confusion"]
    assert before["tp"] + before["fn"] == 1, "what somebody said counts, though silence spoke later"


def test_silence_can_mean_that_it_was_right(own_server):
    server = own_server()
    client = Client(server)
    client.post_rows("/v1/predictions", [{"function": "right", "score": i % 10 / 10, "time": now() - 9 * DAY} for i in range(12000)])
    monitor(client, "right", unlabelled_after={"days": 7, "means": "right"})
    time.sleep(1.2)
    server.kill9()
    server.start()
    wait_until(lambda: client.get("/v1/quality/right")["labelled"] == 12000, "all are labelled", 30)
    counts = client.get("/v1/quality/right")["confusion"]
    assert (counts["tp"], counts["tn"], counts["fp"], counts["fn"]) == (6000, 6000, 0, 0)


# -- events


def test_values_have_a_median(monitored):
    random.seed(3)
    values = [round(random.lognormvariate(3, 1), 3) for _ in range(501)]
    start = (int(now()) // DAY - 1) * DAY
    events = [{"function": "business", "name": "complete", "key": str(i), "value": value, "time": start + i,
               "version": "1" if i % 2 else "2"} for i, value in enumerate(values)]
    assert monitored.post_rows("/v1/events", events)["accepted"] == 501
    again = monitored.post_rows("/v1/events", events)
    assert (again["accepted"], again["duplicates"]) == (0, 501)
    monitored.post("/v1/events", {"function": "business", "name": "complained"})
    answer = monitored.get("/v1/quality/business/business", by="version", **{"from": "-3d"})
    complained, complete = answer["events"]
    assert (complained["name"], complained["count"], complained["n"], complained["median"]["value"]) == ("complained", 1, 0, None)
    assert (complete["count"], complete["n"], complete["open"]) == (501, 501, 0)
    assert complete["median"]["value"] == statistics.median(values)
    assert complete["median"]["low"] < complete["median"]["value"] < complete["median"]["high"]
    assert [complete[key]["value"] for key in ("p25", "median", "p75")] == pytest.approx(
        statistics.quantiles(values, n=4, method="inclusive"), abs=1e-9)
    assert {g["key"]: g["median"]["value"] for g in complete["groups"]} == {
        "1": statistics.median(values[1::2]), "2": statistics.median(values[0::2])}
    days = monitored.get("/v1/quality/business/business", by="day", name="complete", **{"from": "-3d"})["events"]
    assert [g["key"] for g in days[0]["groups"]] == [
        datetime.datetime.fromtimestamp(start, datetime.timezone.utc).strftime("%Y-%m-%dT00:00:00.000Z")]


def test_a_start_and_an_end_are_a_value(monitored):
    base = now() - 3600
    def post(key, phase, at):
        return monitored.post("/v1/events", {"function": "spans", "name": "operation", "key": key, "phase": phase, "time": base + at})
    assert post("42", "start", 0)["paired"] == 0
    assert post("42", "end", 30.5)["paired"] == 1
    assert post("43", "end", 100)["paired"] == 0
    assert post("43", "start", 10)["paired"] == 1
    assert post("44", "start", 10)["accepted"] == 1
    assert post("42", "end", 31)["duplicates"] == 1
    operation = monitored.get("/v1/quality/spans/business")["events"][0]
    assert (operation["count"], operation["open"], operation["n"]) == (2, 1, 2)
    assert operation["median"]["value"] == pytest.approx((30.5 + 90) / 2, abs=1e-5)


def test_the_version_of_an_event_is_the_one_that_scored(monitored):
    hour = int(now()) // 3600 * 3600
    for version, at in (("1", hour - 7200), ("2", hour - 3600)):
        monitored.post_rows("/v1/predictions", [{"function": "guessed", "version": version, "score": 0.5, "time": at + i} for i in range(10)])
        monitored.post("/v1/events", {"function": "guessed", "name": "n", "value": int(version), "time": at + 60})
    groups = monitored.get("/v1/quality/guessed/business", by="version")["events"][0]["groups"]
    assert {g["key"]: g["median"]["value"] for g in groups} == {"1": 1, "2": 2}


def test_a_bad_event_is_told(monitored):
    rows = [{"function": "e"}, {"name": "n"}, {"function": "e", "name": "n", "value": "soon"},
            {"function": "e", "name": "n", "phase": "middle", "key": "1"}, {"function": "e", "name": "n", "phase": "start"},
            {"function": "e", "name": "n", "phase": "end", "key": "1", "value": 3}, {"function": "e", "name": "n", "time": "2999-01-01"}]
    report = monitored.post_rows("/v1/events", rows)
    assert (report["accepted"], report["refused"]) == (0, len(rows))
    assert len({error["why"] for error in report["errors"]}) == len(rows)
    with pytest.raises(Refused) as refused:
        monitored.get("/v1/quality/e/business", by="segment")
    assert refused.value.status == 400


# -- months


def months_of(server):
    return sorted(path.name[:7] for path in (server.state / "state/monitor").glob("????-??.db"))


def test_old_months_are_dropped_whole(own_server):
    server = own_server()
    client = Client(server)
    ages = (0, 40, 80, 120, 400)
    client.post_rows("/v1/predictions", [{"function": "aged", "prediction_id": str(age), "score": 0.5, "time": now() - age * DAY} for age in ages])
    before = months_of(server)
    assert len(before) == 5
    server.stop()
    server.flags = ("--monitor-months", "3")
    server.start()
    today = datetime.datetime.now(datetime.timezone.utc)
    first = (today.year * 12 + today.month - 1) - 2
    kept = [m for m in before if int(m[:4]) * 12 + int(m[5:]) - 1 >= first]
    wait_until(lambda: months_of(server) == kept, "old months are dropped, and no others", 10)
    assert client.get("/v1/quality/aged", **{"from": "-500d"})["n"] == len(kept)
    report = client.post("/v1/predictions", {"function": "aged", "score": 0.5, "time": now() - 400 * DAY})
    assert report["refused"] == 1 and "monitor_months" in report["errors"][0]["why"]
    assert months_of(server) == kept
    assert "dropped" in server.log_text()


# -- a full disk


@pytest.mark.skipif(os.getuid() != 0, reason="a small disk is mounted for it, which takes root")
def test_a_post_of_two_months_is_kept_whole_or_not_at_all(nothing_is_left):
    """The disk has room for one of the two files, or a little more, or less."""
    from test_94_disk_full import SmallServer

    server = SmallServer()
    try:
        client = Client(server)
        times = (now() - 60, now() - 35 * DAY)
        def rows(batch):
            return [{"function": "two", "prediction_id": f"{batch}-{i}", "score": 0.5, "time": times[i % 2]} for i in range(1000)]
        client.post_rows("/v1/predictions", rows("first"))
        kept = refused = 0
        for batch in range(60):
            server.fill()
            os.truncate(server.state / "filler", (server.state / "filler").stat().st_size - 4096 * (batch * 7 % 140))
            try:
                kept += client.post_rows("/v1/predictions", rows(batch))["accepted"]
            except Refused as error:
                assert error.status == 507, error
                refused += 1
            assert client.get("/v1/quality/two", **{"from": "-60d"})["n"] == 1000 + kept, batch
            server.clear()
        assert refused > 5 and kept > 5000
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill9()
        server.remove()


@pytest.mark.skipif(os.getuid() != 0, reason="a small disk is mounted for it, which takes root")
def test_a_full_disk_keeps_nothing_by_halves(nothing_is_left):
    from test_94_disk_full import SmallServer

    server = SmallServer()
    try:
        client = Client(server)
        predict(client, "small", 1000)
        with inbox(server) as db:
            db.execute("SELECT count(*) FROM label_inbox")
        server.fill()
        refused = kept = 0
        for batch in range(20):
            rows = [{"function": "small", "prediction_id": f"more-{batch}-{i}", "score": 0.5} for i in range(2000)]
            try:
                kept += client.post_rows("/v1/predictions", rows)["accepted"]
            except Refused as error:
                assert error.status == 507 and "disk is full" in error.body, error
                refused += 1
        assert refused > 0
        assert client.get("/v1/quality/small")["n"] == 1000 + kept
        server.clear()
        report = client.post_rows("/v1/predictions", [{"function": "small", "prediction_id": f"more-{b}-{i}", "score": 0.5}
                                                       for b in range(20) for i in range(2000)])
        assert report["accepted"] + report["duplicates"] == 40000 and report["accepted"] == 40000 - kept
        assert client.get("/v1/quality/small")["n"] == 41000
        with inbox(server) as db:
            db.execute("INSERT INTO label_inbox (function, prediction_id, label) VALUES ('small', 'small-1', 1)")
        wait_until(lambda: client.get("/v1/quality/small")["labelled"] == 1, "labels are applied again", 10)
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill9()
        server.remove()


# -- files


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def figures(done):
    return json.loads(done.stdout)


def test_a_history_is_imported_and_labelled_from_files(monitored, tmp_path):
    server = monitored.server
    start = now() - 5 * DAY
    rows = [[f"h{i}", start + i, i % 10 / 10, "car" if i % 2 else "hotel", 1000 + i, f"x,{i}"] for i in range(25000)]
    scores = write_csv(tmp_path / "scores.csv", ["identifier", "timestamp", "y_pred_proba", "kind", "budget_id", "item"], rows)
    words = ("--function", "filed", "--items", "budget_id,item", "--map", "kind=segment", "--json")
    done = figures(server.cli("import", scores, *words, check=0))
    assert (done["rows"], done["accepted"], done["refused"]) == (25000, 25000, 0)
    again = figures(server.cli("import", scores, *words, check=0))
    assert (again["accepted"], again["duplicates"]) == (0, 25000)

    truth = write_csv(tmp_path / "truth.csv", ["item", "budget_id", "truth", "note"],
                      [[f"x,{i}", 1000 + i, ["True", "0"][i % 2], "a \"note\"\nof two lines"] for i in range(25000)])
    done = figures(server.cli("label", truth, "-f", "filed", "--items", "budget_id,item", "--json", check=0))
    assert (done["matched"], done["labelled"], done["orphans"]) == (25000, 25000, 0)
    quality = monitored.get("/v1/quality/filed", by="segment")
    assert {g["key"]: g["labelled"] for g in quality["groups"]} == {"car": 12500, "hotel": 12500}
    assert (quality["confusion"]["tp"], quality["confusion"]["fn"]) == (5000, 7500)
    by_id = write_csv(tmp_path / "ids.csv", ["id", "y_true", "time"], [["h1", 1, "2026-11-20 10:00:00"], ["h-none", 1, ""]])
    done = server.cli("label", by_id, "-f", "filed", check=0)
    assert "orphans    1" in done.stdout and "2 rows" in done.stdout
    assert not list(tmp_path.glob("*.sculler-resume"))


def test_rows_without_an_id_are_named_by_their_line(monitored, tmp_path):
    path = write_csv(tmp_path / "plain.csv", ["score", "time"], [[0.5, 1790000000], [0.5, 1790000000], [0.7, 1790000000]])
    assert figures(monitored.server.cli("import", path, "-f", "plain", "--json", check=0))["accepted"] == 3
    assert figures(monitored.server.cli("import", path, "-f", "plain", "--json", check=0))["duplicates"] == 3
    lines = tmp_path / "lines.ndjson"
    lines.write_text('{"score": 0.5, "time": 1790000000}\n\n {"score": 0.5, "time": 1790000000}\n{}\n{"score": 1\n')
    for accepted, duplicates in ((2, 0), (0, 2)):
        done = monitored.server.cli("import", lines, "-f", "plain", "--json", check=1)
        assert (figures(done)["accepted"], figures(done)["duplicates"], figures(done)["refused"]) == (accepted, duplicates, 2)
        assert "line 4: score is missing" in done.stderr and "line 5: it is no JSON object" in done.stderr


def test_refused_rows_are_told_by_line(monitored, tmp_path):
    rows = [[f"r{i}", 7 if i % 100 == 0 else 1] for i in range(30000)]
    path = write_csv(tmp_path / "bad.csv", ["prediction_id", "label"], rows)
    with open(path, "a") as file:
        file.write('r1,1,1\n"r2,1\n')
    done = monitored.server.cli("label", path, "-f", "refusing", "--refused", tmp_path / "refused.csv", "--json", check=1)
    assert figures(done)["refused"] == 302
    with open(tmp_path / "refused.csv", newline="") as file:
        refused = list(csv.DictReader(file))
    assert sorted(int(row["line"]) for row in refused) == [2 + i for i in range(0, 30000, 100)] + [30002, 30003]
    assert sum("not between 0 and 1" in row["why"] for row in refused) == 300
    done = monitored.server.cli("label", path, "-f", "refusing", check=1)
    assert done.stderr.count("line ") == 20 and "--refused FILE" in done.stderr
    wrong = write_csv(tmp_path / "wrong.csv", ["prediction_id", "label"], [[f"r{i}", "\"no\"" * 20] for i in range(60000)])
    done = figures(monitored.server.cli("label", wrong, "-f", "refusing", "--refused", tmp_path / "refused.csv", "--json", check=1))
    assert done["refused"] == 60000
    assert (tmp_path / "refused.csv").read_text().count("\n") == 60001


def test_a_table_that_says_too_little_is_told_what_is_missing(monitored, tmp_path):
    for header, words, told in ((["a", "label"], [], "--function"), (["a", "label"], ["-f", "x"], "--items"),
                                (["id", "truth", "label"], ["-f", "x"], "truth"), (["id", "x"], ["-f", "x"], "--map"),
                                (["a", "label"], ["-f", "x", "--items", "b"], "no such column")):
        done = monitored.server.cli("label", write_csv(tmp_path / "few.csv", header, [["1"] * len(header)]), *words, check=1)
        assert told in done.stderr, (header, done.stderr)
    (tmp_path / "empty.csv").write_text("")
    assert "empty" in monitored.server.cli("label", tmp_path / "empty.csv", "-f", "x", check=1).stderr
    assert "No such file" in monitored.server.cli("label", tmp_path / "none.csv", "-f", "x", check=1).stderr
    (tmp_path / "array.json").write_text('[{"label": 1}]')
    assert "jq" in monitored.server.cli("label", tmp_path / "array.json", "-f", "x", check=1).stderr


def test_items_are_those_of_the_monitor(monitored, tmp_path):
    monitor(monitored, "guessing", items=["b", "a"])
    monitored.post("/v1/predictions", [{"function": "guessing", "score": 0.9, "items": {"a": i, "b": "x"}} for i in range(10)])
    path = write_csv(tmp_path / "t.csv", ["a", "comment", "b", "label"], [[i, "no", "x", 1] for i in range(10)])
    assert figures(monitored.server.cli("label", path, "-f", "guessing", "--json", check=0))["matched"] == 10


def test_rows_of_more_months_than_one_transaction_takes_are_halved(own_server, tmp_path):
    server = own_server()
    path = write_csv(tmp_path / "old.csv", ["time", "score"], [[now() - i * 31 * DAY, 0.5] for i in range(40)])
    done = server.cli("import", path, "-f", "old", "--json", check=0)
    assert figures(done)["accepted"] == 40


def test_an_import_goes_on_over_kill_9(own_server, tmp_path):
    """What was acknowledged is there, and nothing is there twice: the server is killed, then the client."""
    server = own_server()
    start = now() - 3 * DAY
    count = 400000
    scores = write_csv(tmp_path / "big.csv", ["time", "score", "a"], [[start + i / 10, i % 100 / 100, i] for i in range(count)])
    words = [BIN, "import", scores, "-f", "big", "--items", "a", "--json"]
    resume = tmp_path / "big.csv.sculler-resume"

    def rows_told():
        return json.loads(resume.read_text())["rows"] if resume.exists() else 0

    client = subprocess.Popen(words, env=server.env, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: rows_told() > 0, "some rows are sent", 60)
    server.kill9()
    told = rows_told()
    server.start()
    assert Client(server).get("/v1/quality/big")["n"] >= told
    wait_until(lambda: rows_told() > told or client.poll() is not None, "the client goes on by itself", 60)
    client.kill()
    client.wait()
    kept = rows_told()
    done = json.loads(subprocess.run(words + ["--resume"], env=server.env, stdout=subprocess.PIPE, text=True, check=True).stdout)
    assert done["rows"] == count and done["accepted"] + done["duplicates"] == count
    assert kept > 0 and not resume.exists()
    assert Client(server).get("/v1/quality/big")["n"] == count


def test_a_resume_of_another_file_is_refused(monitored, tmp_path):
    path = write_csv(tmp_path / "a.csv", ["id", "label"], [["1", 1]])
    (tmp_path / "a.csv.sculler-resume").write_text(json.dumps({"command": "label", "bytes": 3, "changed_us": 1, "line": 2, "rows": 1}))
    assert "has changed" in monitored.server.cli("label", path, "-f", "x", "--resume", check=1).stderr
    monitored.server.cli("label", path, "-f", "x", check=0)
    assert not (tmp_path / "a.csv.sculler-resume").exists()
