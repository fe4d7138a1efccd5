"""The example's own life: what its simulation counts in plain Python is what the server says."""

import collections
import json
import subprocess

import pytest
from helpers import DEPS, EXAMPLE, wait_until
from monitor_client import Client

NAME = "budget_expense_matcher"  # of the shared server, which other tests call, too: those are of source live
PYTHON = DEPS / "venv-example/bin/python"
COUNTS = ("tp", "fp", "fn", "tn")


def simulated(*words, env=None):
    return subprocess.run([PYTHON, *words], capture_output=True, text=True, check=True, env=env).stdout


@pytest.fixture(scope="module")
def life(server, example_url, tmp_path_factory):
    """A small life (some 200 calls), posted as it came; its folder."""
    folder = tmp_path_factory.mktemp("life")
    simulated(EXAMPLE / "simulate.py", "--out", folder, "--trips-per-day", "20")
    simulated(EXAMPLE / "simulate_post.py", folder, env=server.env)
    return folder


@pytest.fixture(scope="module")
def client(server):
    return Client(server)


@pytest.fixture(scope="module")
def summary(life, client):
    """What the simulation counted, once the server has captured as much: that comes behind the answers."""
    with open(life / "calls.ndjson") as calls:
        wanted = sum(len(json.loads(call)["response"]) for call in calls)

    def captured():
        said = client.get(f"/v1/quality/{NAME}", source="history", **{"from": "-60d"})
        return said["n"] + said["undecided"] >= wanted

    wait_until(captured, f"{wanted} decisions of the life", seconds=60)
    return json.loads((life / "summary.json").read_text())


def total(rows):
    counts = collections.Counter()
    for row in rows:
        counts.update({name: row["known"][name] for name in COUNTS})
        counts.update(pairs=row["pairs"], undecided=row["undecided"])
    return counts


def said(answer):
    return {name: answer["confusion"][name] for name in COUNTS} | {
        "pairs": answer["n"] + answer["undecided"],
        "undecided": answer["undecided"],
    }


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("segment", ["car", "flight", "hotel", "rail"])
def test_each_day_of_a_segment_is_counted_as_its_rows(client, summary, segment, version):
    mine = [row for row in summary if (row["segment"], row["version"]) == (segment, version)]
    answer = client.get(f"/v1/quality/{NAME}", source="history", version=version, segment=segment, by="day")
    groups = {group["key"][:10]: said(group) for group in answer["groups"]}
    assert groups == {row["day"]: dict(total([row])) for row in mine}
    assert said(answer) == dict(total(mine))


def test_the_bad_version_shows(client, summary):
    groups = {g["key"]: g for g in client.get(f"/v1/quality/{NAME}", source="history", by="version")["groups"]}
    assert groups["2"]["precision"]["high"] < 0.6 < 0.8 < groups["1"]["precision"]["low"] + 0.1
    assert groups["2"]["recall"]["value"] > groups["1"]["recall"]["value"]
