"""`sculler quality` and `sculler threshold`: the server's numbers, in words and columns; what is not known is no 0."""

import json
import re

import pytest
from helpers import Server
from monitor_client import Client
from test_50_monitor import confusion, make_rows, wilson


@pytest.fixture(scope="module")
def monitored(nothing_is_left):
    server = Server()
    client = Client(server)
    rows = make_rows("known", 2000, seed=54)
    client.post_rows("/v1/predictions", [row | ({"label": row["truth"]} if i % 4 else {}) for i, row in enumerate(rows)])
    client.rows = [row for i, row in enumerate(rows) if i % 4]
    client.post("/v1/predictions", [{"function": "unlabelled", "score": 0.5}, {"function": "unlabelled", "score": None}])
    yield client
    server.stop()
    server.remove()


def line_of(text, word):
    return next(line for line in text.splitlines() if line.startswith(word))


def figure(line):
    """(value, low, high), and (k, n) where both are told."""
    value, low, high = map(float, re.search(r"([\d.]+) \(([\d.]+) to ([\d.]+)\)", line).groups())
    of = re.search(r"\)\s+([\d,]+) of ([\d,]+)", line)
    return (value, low, high), of and tuple(int(part.replace(",", "")) for part in of.groups())


@pytest.mark.parametrize("threshold", [None, 0.6123])
def test_each_figure_has_its_interval_n_and_share(monitored, threshold):
    flags = ["--threshold", threshold, "--exact"] if threshold else []
    out = monitored.server.cli("quality", "known", *flags, check=0).stdout
    counts = confusion(monitored.rows, threshold or 0.5)
    for name, k, n in (("precision", counts["tp"], counts["tp"] + counts["fp"]), ("recall", counts["tp"], counts["tp"] + counts["fn"])):
        line = line_of(out, name)
        value, of = figure(line)
        assert value == pytest.approx((k / n, *wilson(k, n)), abs=0.00051)
        assert of == (k, n)
        assert line.endswith("1,500 of 2,000 (75.0 %)")
    assert [int(word.replace(",", "")) for word in line_of(out, "decided positive").split()[2:4]] == [counts["tp"], counts["fp"]]
    assert [int(word.replace(",", "")) for word in line_of(out, "decided negative").split()[2:4]] == [counts["tn"], counts["fn"]]
    assert ("had the threshold been 0.6123" if threshold else "as it was decided") in out


@pytest.mark.parametrize("by", ["day", "version", "segment"])
def test_a_row_for_each_group(monitored, by):
    out = monitored.server.cli("quality", "known", "--from", "-7d", "--by", by, check=0).stdout
    groups = monitored.get("/v1/quality/known", by=by, **{"from": "-7d"})["groups"]
    assert len(groups) > 1
    for group in groups:
        key = group["key"][:10] if by == "day" else group["key"]
        assert figure(line_of(out, key)) == (
            pytest.approx([round(group["precision"][name], 3) for name in ("value", "low", "high")]),
            (group["precision"]["k"], group["precision"]["n"]))


def test_filters_and_json(monitored):
    cli = monitored.server.cli
    told = json.loads(cli("quality", "known", "--segment", "car", "--version", "2", "--json", check=0).stdout)
    assert told["segment"] == "car" and told["confusion"] == monitored.get("/v1/quality/known", segment="car", version="2")["confusion"]
    assert "segment car" in cli("quality", "known", "--segment", "car", check=0).stdout


def test_what_is_not_known_is_said_in_words(monitored):
    cli = monitored.server.cli
    done = cli("quality", "unlabelled", check=0)
    assert "labelled yet" in done.stderr and "/v1/labels" in done.stderr
    assert line_of(done.stdout, "precision").split()[1] == "-"
    assert "1 rows of answers were no decision" in done.stdout
    done = cli("quality", "nobody", check=0)
    assert done.stdout == "" and "No decision of nobody" in done.stderr
    assert cli("quality", "known", "--from", "someday", check=1).stderr.count("someday") == 1


def test_thresholds(monitored):
    cli = monitored.server.cli
    done = cli("threshold", "t", check=0)
    assert done.stdout == "" and "No threshold was set for live of t" in done.stderr
    cli("threshold", "t", "0.6", "--note", "to begin with", check=0)
    cli("threshold", "t", "0.7", check=0)
    assert cli("threshold", "t", check=0).stdout.splitlines()[1].split()[:2] == ["2", "0.7"]
    out = cli("threshold", "t", "--rollback", "--note", "no", check=0).stdout
    assert out.splitlines()[1].split()[:2] == ["3", "0.6"] and "no (back to number 1)" in out
    assert "none before it" in cli("threshold", "t", "--rollback", check=1).stderr
    history = cli("threshold", "t", "--history", check=0).stdout.splitlines()[1:]
    assert [line.split()[:2] for line in history] == [["3", "0.6"], ["2", "0.7"], ["1", "0.6"]]
    assert history[2].endswith("to begin with") and monitored.keys["access_key_id"] in history[2]
    assert json.loads(cli("threshold", "t", "--json", check=0).stdout) == monitored.get("/v1/functions/t/threshold")
    cli("threshold", "t", "0.1", "--alias", "a b&c", check=0)
    assert monitored.get("/v1/functions/t/threshold", alias="a b&c")["threshold"] == 0.1
    monitored.post("/v1/predictions", {"function": "t", "alias": "live", "score": 0.65})
    out = cli("quality", "t", check=0).stdout
    assert re.search(r"threshold 0\.6 of live: to begin with", out) and re.search(r"threshold 0\.7 of live\n", out)


def test_what_makes_no_sense_is_a_usage_error(monitored):
    for words in (["quality"], ["quality", "a/b"], ["quality", "known", "--by", "week"], ["quality", "known", "--threshold", "high"],
                  ["quality", "known", "--exact"], ["threshold"], ["threshold", "t", "1.5"], ["threshold", "t", "x"],
                  ["threshold", "t", "0.5", "--rollback"], ["threshold", "t", "--note", "alone"]):
        done = monitored.server.cli(*words, check=2)
        assert done.stdout == "" and "Usage: sculler" in done.stderr, words


def test_no_server_is_exit_status_3(monitored):
    for words in (["quality", "known"], ["threshold", "t"]):
        monitored.server.cli(*words, "--endpoint", "http://127.0.0.1:1", check=3)
