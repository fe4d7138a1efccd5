"""What simulate.py promises: its story is in its rows, and the server gets them as they are."""

import json
import threading
from argparse import Namespace
from collections import Counter
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

import main
import simulate
from simulate_post import HOURS, Server, by_part, post_folder, read_calls, read_labels
from simulate_trips import NEW_SELLER, WORKING_HOURS, Life

HERE = Path(__file__).parent
UNTIL = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)  # a Tuesday
START = UNTIL - timedelta(days=14)


def options(**changed):
    """The command line of a small life."""
    return Namespace(**{"until": UNTIL, "days": 14, "trips_per_day": 40, "seed": 5} | changed)


@pytest.fixture(scope="module")
def life():
    """The calls and truths of it; 400 calls, so a few seconds."""
    return simulate.live(options())


@pytest.fixture(scope="module")
def folder(life, tmp_path_factory):
    """The same, as files."""
    calls, truths = life
    path = tmp_path_factory.mktemp("life")
    known = [t for t in truths if t.time <= UNTIL]
    later = [t for t in truths if t.time > UNTIL]
    simulate.write_files(path, calls, known, later, simulate.summarize(calls, known))
    return path


def trips(seed):
    """All that is drawn of a life."""
    drawn = Life(seed, START, UNTIL)
    return [(trip, drawn.truths(trip)) for trip in drawn.trips(10)]


def pairs(calls, **wanted):
    """(score, truth) of all pairs that were scored, of one version, segment or span of days."""
    for call in calls:
        day = (datetime.fromisoformat(call["time"]) - START).days
        if call["version"] != wanted.get("version", call["version"]):
            continue
        if day not in wanted.get("days", range(99)):
            continue
        types = {b["budget_id"]: b["budget_type_budget"] for b in call["event"]["budgets"]}
        for pair in call["response"]:
            segment = types[pair["budget_id"]]
            if pair["score"] is not None and segment == wanted.get("segment", segment):
                yield pair["score"], call["pays"][pair["budget_id"]] == pair["itemization_id"]


def quality(calls, **wanted):
    """Precision and recall of these."""
    scores, truth = zip(*pairs(calls, **wanted), strict=True)
    decisions = [score >= 0.5 for score in scores]
    return precision_score(truth, decisions), recall_score(truth, decisions)


# The story


def test_the_same_seed_draws_the_same_life():
    assert trips(1) == trips(1)
    assert trips(1) != trips(2)


def test_the_same_life_gets_the_same_answers():
    small = options(trips_per_day=2)
    first, second = (
        [{k: v for k, v in call.items() if k != "duration_ms"} for call in simulate.live(small)[0]]
        for _ in range(2)
    )
    assert first == second and len(first) > 10


def test_version_1_is_this_handler(life):
    for call in [call for call in life[0] if call["version"] == "1"][::50]:
        assert call["response"] == main.handler(call["event"], None)


def test_version_2_is_this_package_but_for_one_line(tmp_path):
    package = simulate.write_version_2(tmp_path / "2")
    files = {path.name: path.read_bytes() for path in package.glob("*.py")}
    changed = [name for name, content in files.items() if content != (HERE / name).read_bytes()]
    assert changed == [simulate.BUG_FILE]
    lines = [(p / simulate.BUG_FILE).read_text().splitlines() for p in (HERE, package)]
    assert sum(a != b for a, b in zip(*lines, strict=True)) == 1
    assert (package / "models/hotel.pkl").read_bytes() == (HERE / "models/hotel.pkl").read_bytes()


def test_version_2_is_live_for_two_days_of_work(life):
    calls, _ = life
    times = [datetime.fromisoformat(call["time"]) for call in calls]
    assert times == sorted(times)
    bad = [when for when, call in zip(times, calls, strict=True) if call["version"] == "2"]
    others = [when for when in times if bad[0] <= when <= bad[-1]]
    assert bad == others and len(bad) > 40
    assert timedelta(days=1.8) < bad[-1] - bad[0] <= timedelta(days=2)


@pytest.mark.parametrize("day", range(7))
def test_there_is_such_a_span_whatever_day_it_begins(day):
    start = START + timedelta(days=day)
    begin, end = simulate.bug_window(start)
    assert begin.weekday() in (0, 1, 2) and end - begin == timedelta(days=2)
    assert start + timedelta(days=4) < begin and end < start + timedelta(days=simulate.DAYS_MIN + 1)


def test_version_2_is_really_worse(life):
    (good_precision, good_recall), (bad_precision, bad_recall) = (
        quality(life[0], version=version) for version in "12"
    )
    assert good_precision > 0.8 and good_recall > 0.75
    assert bad_precision < 0.5 and bad_recall > 0.85  # it calls too much a match


def test_hotels_decay_and_the_others_do_not(life):
    early, late = ({"version": "1", "days": days} for days in (range(4), range(10, 14)))
    precision, recall = (
        before - after
        for before, after in zip(
            quality(life[0], segment="hotel", **early),
            quality(life[0], segment="hotel", **late),
            strict=True,
        )
    )
    assert precision > 0.1 and recall > 0.25
    for segment in ("car", "flight", "rail"):
        assert min(quality(life[0], segment=segment, **late)) > 0.8, segment


def test_what_changes_hotels_stands_in_the_requests(life):
    at = [
        (datetime.fromisoformat(call["time"]) - START).days
        for call in life[0]
        for item in call["event"]["all_user_expense_lineitems"]
        if NEW_SELLER in (item["vendor_name_expense"] or "")
    ]
    by_week = Counter(day // 7 for day in at)
    assert by_week[1] > 2 * by_week[0] > 0


def test_days_have_a_rhythm(life):
    times = [datetime.fromisoformat(call["time"]) for call in life[0]]
    assert 300 < len(times) < 600 and START <= times[0] and times[-1] < UNTIL
    by_day = Counter(when.date() for when in times)
    assert by_day[datetime(2026, 11, 22).date()] < by_day[datetime(2026, 11, 23).date()] / 2
    by_work = Counter(when.hour in WORKING_HOURS for when in times)
    assert by_work[True] > 4 * by_work[False]


def test_no_expense_is_claimed_before_it_was_paid(life):
    for call in life[0]:
        for item in call["event"]["all_user_expense_lineitems"]:
            assert item["transaction_date_itemization"][:10] < call["time"][:10]


# The truth


def test_truth_comes_days_late_and_not_for_all():
    spans = []
    for trip, truths in trips(3):
        assert len({t.time for t in truths if t.note != "corrected"}) <= 1
        spans.append((truths[0].time - trip.time).total_seconds() / 86_400 if truths else None)
    known = [span for span in spans if span is not None]
    assert 0 < spans.count(None) / len(spans) < 0.2
    assert all(1.5 < span < 9 for span in known if span > 0)  # 2 to 6 days, and the week-end
    assert sum(span > 0 for span in known) > 0.9 * len(known)


def test_people_err_and_some_of_it_is_put_right():
    wrong = right_later = 0
    for trip, truths in trips(4) + trips(6):
        labels = {}
        for truth in sorted(truths, key=lambda t: t.time):
            pair = truth.budget_id, truth.itemization_id
            true = int(trip.pays[truth.budget_id] == truth.itemization_id)
            if truth.note == "corrected":
                assert truth.label == true != labels[pair]
                right_later += 1
            else:
                wrong += truth.label != true
            labels[pair] = truth.label
    assert 0 < right_later < wrong


def test_some_truth_comes_before_its_call_and_some_without_one(life):
    calls, truths = life
    asked = {b["budget_id"]: c["time"] for c in calls for b in c["event"]["budgets"]}
    ahead = [t for t in truths if simulate.stamp(t.time) < asked.get(t.budget_id, "")]
    orphans = [t for t in truths if t.budget_id not in asked]
    assert ahead and orphans
    assert len(ahead) + len(orphans) < len(truths) / 20
    assert all(t.note in ("on paper", "corrected") for t in orphans)


# The files and the summary


def test_the_files_hold_all_of_it(life, folder):
    calls, truths = life
    sent = read_calls(folder / "calls.ndjson")
    assert [call["response"] for call in sent] == [call["response"] for call in calls]
    assert set(sent[0]) == {
        "time", "function", "version", "alias", "request_id", "event", "response", "duration_ms",
    }  # fmt: skip
    assert len({call["request_id"] for call in sent}) == len(sent)
    now, later = (read_labels(folder / f"{name}.csv", "f") for name in ("truth", "truth_later"))
    assert len(now) + len(later) == len(truths)
    assert max(label["time"] for label in now) <= simulate.stamp(UNTIL) < later[0]["time"]


def test_the_summary_is_what_scikit_learn_says(folder):
    truth = read_labels(folder / "truth.csv", simulate.FUNCTION)
    labels = {tuple(row["items"].values()): row["label"] for row in truth}
    rows = json.loads((folder / "summary.json").read_text())
    expected = Counter()
    for call in read_calls(folder / "calls.ndjson"):
        types = {b["budget_id"]: b["budget_type_budget"] for b in call["event"]["budgets"]}
        for pair in call["response"]:
            ids = pair["budget_id"], pair["itemization_id"]
            if pair["score"] is not None and ids in labels and types[ids[0]] == "hotel":
                key = call["time"][:10], call["version"]
                expected[key, labels[ids], pair["score"] >= 0.5] += 1
    for row in (row for row in rows if row["segment"] == "hotel"):
        key = row["day"], row["version"]
        of_day = [(k[1:], n) for k, n in expected.items() if k[0] == key]
        truth = [k[0] for k, n in of_day for _ in range(n)]
        decisions = [int(k[1]) for k, n in of_day for _ in range(n)]
        counts = [row["known"][name] for name in ("tn", "fp", "fn", "tp")]
        if not truth:
            assert counts == [0, 0, 0, 0]
            continue
        assert confusion_matrix(truth, decisions, labels=[0, 1]).ravel().tolist() == counts
        if counts[3]:
            assert row["known"]["precision"] == pytest.approx(precision_score(truth, decisions))
            assert row["known"]["recall"] == pytest.approx(recall_score(truth, decisions))


def test_a_broken_item_is_no_decision(life, folder):
    scores = [pair["score"] for call in life[0] for pair in call["response"]]
    rows = json.loads((folder / "summary.json").read_text())
    total = [row for row in rows if row["segment"] == "all"]
    assert sum(row["pairs"] for row in total) == len(scores)
    assert sum(row["undecided"] for row in total) == scores.count(None) > 0


# The posting


class Recorder:
    """A server that notes what it gets; `refuse` is how often it says 503 first."""

    def __init__(self, refuse=0):
        self.requests, self.refuse = [], refuse
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802, its name is given
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 503 if recorder.refuse else 200
                recorder.refuse -= bool(recorder.refuse)
                if status == 200:
                    recorder.requests.append((self.path, self.headers, body.decode()))
                self.send_response(status)
                self.send_header("Retry-After", "0.01")
                self.end_headers()
                self.wfile.write(b'{"accepted":1,"refused":0,"errors":[]}')

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self.http.server_port}"
        self.server = Server(url, "K", "S", "us-east-1", None)


@pytest.fixture
def recorder():
    """One, for a test."""
    made = Recorder()
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_all_is_posted_in_the_order_of_its_times(folder, recorder, capsys):
    post_folder(recorder.server, folder)
    rows = [
        (path, json.loads(line))
        for path, _, body in recorder.requests
        for line in body.splitlines()
    ]
    calls = [row for path, row in rows if path == "/v1/invocations"]
    labels = [row for path, row in rows if path == "/v1/labels"]
    assert calls == read_calls(folder / "calls.ndjson")
    assert labels == read_labels(folder / "truth.csv", simulate.FUNCTION)
    parts = [(row["time"][:10], int(row["time"][11:13]) // HOURS) for _, row in rows]
    assert parts == sorted(parts) and 28 < len(recorder.requests) < 120
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 14
    assert lines[-1].startswith(f"2026-11-24: {len(calls)} of {len(calls)} calls")


def test_calls_alone_are_posted_on_demand(folder, recorder):
    post_folder(recorder.server, folder, calls_only=True)
    assert {path for path, *_ in recorder.requests} == {"/v1/invocations"}


def test_a_busy_server_is_asked_again(recorder):
    recorder.refuse = 2
    assert recorder.server.post("/v1/labels", [{}])["accepted"] == 1
    recorder.refuse = 99
    with pytest.raises(SystemExit, match="503"):
        recorder.server.post("/v1/labels", [{}])


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(SystemExit, match="127.0.0.1:1/v1/labels"):
        Server("http://127.0.0.1:1", "K", "S", "us-east-1", None).post("/v1/labels", [{}])


def test_of_one_part_of_a_day_calls_come_before_labels():
    calls, labels = [{"time": "2026-11-24T11:59:59Z"}], [{"time": "2026-11-24T06:00:00Z"}]
    assert by_part(calls, labels) == [(("2026-11-24", 1), calls, labels)]
    assert len(by_part(calls, [{"time": "2026-11-24T05:59:59Z"}])) == 2
