"""A fortnight in the life of this model: `python simulate.py --out life`, and `--post` to a server.

The real handler answers every request; only the trips are invented (simulate_trips.py). Version 1
is this folder. Half-way a version 2 goes live with a bug that a person could make, and two days
later it is rolled back. Meanwhile hotels change, and their model does not. Truth comes days late.

Writes into the folder of `--out`:
  calls.ndjson      a call each line: time, version, event, response; for POST /v1/invocations
  truth.csv         the labels that are known by now; for `sculler label truth.csv`
  truth_later.csv   those that will be known after `--until`: nobody's yet
  summary.json      the table printed at the end, with its counts
"""

import argparse
import csv
import json
import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from simulate_post import Server, post_folder
from simulate_trips import Life
from synthetic import KINDS

HERE = Path(__file__).parent
FUNCTION, ALIAS, SOURCE = "budget_expense_matcher", "live", "accounting"
THRESHOLD = 0.5
DAYS_MIN, DAYS_MAX = 10, 60
TRIPS_MAX = 1_000

BUG_FILE = "preprocess_prices.py"
BUG_BEFORE = "    return np.clip(difference, -RELATIVE_MAX, RELATIVE_MAX)\n"
BUG_AFTER = "    return np.clip(np.round(difference), -RELATIVE_MAX, RELATIVE_MAX)\n"
"""Version 2: differences should count in whole percents, and the `, 2` was forgotten."""

BUG_DAYS_IN = 5
BUG_LASTS = timedelta(days=2)
BUG_WEEKDAYS, BUG_HOUR = range(3), 10
"""It goes live on a morning from Monday to Wednesday, so that people work while it is there."""

CHUNK = 20
"""Requests that a process takes at once."""


def main():
    """Reads the command line and lives that life."""
    options = read_options()
    if options.write_version_2:
        write_version_2(options.write_version_2)
        return
    server = Server.of_environment() if options.post else None  # asked before a minute is spent
    calls, truths = live(options)
    known = [truth for truth in truths if truth.time <= options.until]
    later = [truth for truth in truths if truth.time > options.until]
    summary = summarize(calls, known)
    write_files(options.out, calls, known, later, summary)
    print_summary(summary, len(known), len(later))
    if server:
        post_folder(server, options.out)


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--until", type=read_time, default=datetime.now(UTC), help="its end; now")
    parser.add_argument("--days", type=int, default=14, help=f"{DAYS_MIN} to {DAYS_MAX}; 14")
    parser.add_argument("--trips-per-day", type=int, default=200, help="on a working day; 200")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("life"), help="its folder; life")
    parser.add_argument(
        "--post", action="store_true", help='send it to the server of `eval "$(sculler env)"`'
    )
    parser.add_argument(
        "--write-version-2", type=Path, metavar="DIR", help="only write the package with the bug"
    )
    options = parser.parse_args()
    if not DAYS_MIN <= options.days <= DAYS_MAX:
        parser.error(f"--days takes {DAYS_MIN} to {DAYS_MAX}")
    if not 1 <= options.trips_per_day <= TRIPS_MAX:
        parser.error(f"--trips-per-day takes 1 to {TRIPS_MAX:,}")
    return options


def read_time(text):
    """ISO 8601 text as a time, in UTC."""
    when = datetime.fromisoformat(text)
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


# The life


def live(options):
    """All calls and all truths, in the order of their times."""
    start = options.until - timedelta(days=options.days)
    life = Life(options.seed, start, options.until)
    bug = bug_window(start)
    calls, truths = [], []
    for trip in life.trips(options.trips_per_day):
        truths += life.truths(trip)
        if not trip.on_paper:
            calls.append(call_of(trip, "2" if bug[0] <= trip.time < bug[1] else "1"))
    answer_all(calls)
    return calls, sorted(truths, key=lambda truth: truth.time)


def bug_window(start):
    """From when to when version 2 is live."""
    day = (start + timedelta(days=BUG_DAYS_IN)).replace(minute=0, second=0, microsecond=0)
    while day.weekday() not in BUG_WEEKDAYS:
        day += timedelta(days=1)
    morning = day.replace(hour=BUG_HOUR)
    return morning, morning + BUG_LASTS


def call_of(trip, version):
    """A call as POST /v1/invocations takes it, yet without its answer; `pays` stays with us."""
    return {
        "time": stamp(trip.time),
        "function": FUNCTION,
        "version": version,
        "alias": ALIAS,
        "request_id": trip.request_id,
        "event": trip.event,
        "pays": trip.pays,
    }


def stamp(when):
    """A time as the server reads it."""
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer_all(calls):
    """Asks each call's own version, and puts `response` and `duration_ms` into the call."""
    done = 0
    with tempfile.TemporaryDirectory(prefix="matcher-2-") as folder:
        folders = {"1": HERE, "2": write_version_2(Path(folder) / "package")}
        for version, package in folders.items():
            mine = [call for call in calls if call["version"] == version]
            for part in answers(package, mine):
                done += len(part)
                tell(f"answered {done:,} of {len(calls):,} calls")
    tell_end()


def answers(package, calls):
    """Answers the calls by the handler of that folder, in processes that know no other."""
    chunks = [calls[at : at + CHUNK] for at in range(0, len(calls), CHUNK)]
    processes = max(1, min(len(os.sched_getaffinity(0)), len(chunks)))
    with ProcessPoolExecutor(processes, get_context("spawn"), load, (str(package),)) as pool:
        asked = pool.map(ask, [events_of(chunk) for chunk in chunks])
        for chunk, results in zip(chunks, asked, strict=True):
            for call, (response, duration_ms) in zip(chunk, results, strict=True):
                call["response"], call["duration_ms"] = response, duration_ms
            yield chunk


def events_of(calls):
    """What the handler sees of them."""
    return [call["event"] for call in calls]


def load(package):
    """In a process of `answers`: this folder's main.py and no other."""
    sys.path.insert(0, package)
    import main as package_main  # noqa: PLC0415, it is chosen here

    assert Path(package_main.__file__).parent == Path(package), package_main.__file__


def ask(events):
    """In a process of `answers`: the handler's answers, and how long each took."""
    handler = sys.modules["main"].handler
    results = []
    for event in events:
        began = time.perf_counter()
        response = handler(event, None)
        results.append((response, round((time.perf_counter() - began) * 1000, 3)))
    return results


def write_version_2(folder):
    """A copy of this package with the bug in it; it could be deployed. Returns the folder."""
    folder.mkdir(parents=True)
    for path in [*HERE.glob("*.py"), HERE / "requirements.txt", HERE / "pyproject.toml"]:
        shutil.copy(path, folder)
    shutil.copytree(HERE / "models", folder / "models")
    source = (folder / BUG_FILE).read_text(encoding="utf-8")
    if source.count(BUG_BEFORE) != 1:
        raise RuntimeError(f"{BUG_FILE} has not the line that version 2 changes: {BUG_BEFORE!r}")
    (folder / BUG_FILE).write_text(source.replace(BUG_BEFORE, BUG_AFTER), encoding="utf-8")
    return folder


def tell(text):
    """A line of progress that the next one replaces."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def tell_end():
    """The progress is over."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# What it leaves


def write_files(folder, calls, known, later, summary):
    """calls.ndjson, truth.csv, truth_later.csv and summary.json."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "calls.ndjson", "w", encoding="utf-8") as file:
        for call in calls:
            file.write(json.dumps(sent(call)) + "\n")
    write_truth(folder / "truth.csv", known)
    write_truth(folder / "truth_later.csv", later)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def sent(call):
    """The call without what only we know."""
    return {name: value for name, value in call.items() if name != "pays"}


def write_truth(path, truths):
    """Labels as `sculler label` takes them."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["budget_id", "itemization_id", "label", "time", "source", "note"])
        for t in truths:
            rows.writerow([t.budget_id, t.itemization_id, t.label, stamp(t.time), SOURCE, t.note])


@dataclass
class Counts:
    """A confusion matrix, and the precision and recall of it."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def add(self, decision, label):
        """One more pair."""
        name = ("tp" if label else "fp") if decision else ("fn" if label else "tn")
        setattr(self, name, getattr(self, name) + 1)

    def as_dict(self):
        """The counts with what follows from them."""
        return vars(self) | {
            "precision": share(self.tp, self.tp + self.fp),
            "recall": share(self.tp, self.tp + self.fn),
        }


def share(part, whole):
    """part / whole, None of nothing."""
    return part / whole if whole else None


def summarize(calls, known):
    """For each day, version and segment: its pairs, and what their decisions were worth.

    `known` is measured by what people said by now, right or wrong; `all` by what is true.
    """
    labels = {(t.budget_id, t.itemization_id): t.label for t in known}  # in order: the last stays
    cells = defaultdict(lambda: {"pairs": 0, "undecided": 0, "known": Counts(), "all": Counts()})
    for call in calls:
        segments = {b["budget_id"]: b["budget_type_budget"] for b in call["event"]["budgets"]}
        for pair in call["response"]:
            ids = pair["budget_id"], pair["itemization_id"]
            for segment in (segments[ids[0]], "all"):
                cell = cells[call["time"][:10], call["version"], segment]
                count(cell, pair["score"], labels.get(ids), call["pays"][ids[0]] == ids[1])
    return [
        {"day": day, "version": version, "segment": segment}
        | {k: v.as_dict() if isinstance(v, Counts) else v for k, v in cell.items()}
        for (day, version, segment), cell in sorted(cells.items())
    ]


def count(cell, score, label, truth):
    """One pair of a cell of the summary."""
    cell["pairs"] += 1
    if score is None:
        cell["undecided"] += 1
        return
    cell["all"].add(score >= THRESHOLD, truth)
    if label is not None:
        cell["known"].add(score >= THRESHOLD, label)


def print_summary(summary, known, later):
    """Precision and recall by day and segment: of the truth known by now, and of all."""
    segments = ["all", *sorted(KINDS)]
    cells = {(row["day"], row["version"], row["segment"]): row for row in summary}
    print("precision/recall in %: of the truth known by now (of all)")
    print(f"{'day':10} version {'pairs':>7} {'known':>6}  " + " ".join(f"{s:16}" for s in segments))
    for day, version in sorted({key[:2] for key in cells}):
        row = cells[day, version, "all"]
        seen = sum(row["known"][name] for name in ("tp", "fp", "fn", "tn"))
        figures = " ".join(f"{figure(cells.get((day, version, s))):16}" for s in segments)
        print(f"{day} {version:>7} {row['pairs']:>7,} {seen / row['pairs']:>6.0%}  {figures}")
    print(f"{known:,} labels are known by now, {later:,} will be later.")


def figure(row):
    """A cell of the table: "91/88 (90/87)"."""
    if row is None:
        return "-"
    known, everything = (
        "/".join(percent(row[which][name]) for name in ("precision", "recall"))
        for which in ("known", "all")
    )
    return f"{known} ({everything})"


def percent(value):
    """A share in whole percent; a dash where there is none."""
    return "-" if value is None else f"{value * 100:.0f}"


if __name__ == "__main__":
    main()
