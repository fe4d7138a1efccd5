"""What a deploy tells the server of a function's decisions: [tool.sculler.monitor], kept with the version."""

import json

import pytest
from helpers import invoke, wait_until
from monitor_client import Client, Refused

CODE = "def handler(event, context): return [{'score': s, 'id': str(i)} for i, s in enumerate(event['scores'])]"
MONITOR = "[monitor]\nrows = '$[*]'\nscore = 'score'\nitems = ['id']\nthreshold = %s\n"


@pytest.fixture
def client(server):
    return Client(server)


@pytest.fixture
def folder(tmp_path, name):
    """A function's folder with one sample event of one decision: folder(what sculler.toml says)."""

    def write(toml, code=CODE):
        path = tmp_path / name
        (path / "events").mkdir(parents=True, exist_ok=True)
        (path / "main.py").write_text(code)
        (path / "sculler.toml").write_text(toml)
        (path / "events/a.json").write_text('{"scores": [0.123]}')
        return path

    return write


def test_each_version_has_the_settings_it_came_with(server, client, name, folder):
    server.cli("deploy", folder(MONITOR % 0.5), check=0)
    server.cli("deploy", folder(MONITOR % 0.7), check=0)
    for version, threshold in ("1", 0.5), ("2", 0.7):
        kept = client.get(f"/v1/functions/{name}/monitor", version=version)
        assert (kept["version"], kept["settings"]["threshold"]) == (version, threshold)


def test_the_first_call_is_a_decision_and_the_sample_event_is_none(server, client, lam, name, folder):
    server.cli("deploy", folder(MONITOR % 0.5), check=0)
    server.cli("deploy", folder(MONITOR % 0.6), check=0)  # its sample is asked while version 1 is watched
    invoke(lam, f"{name}:live", b'{"scores": [0.9, 0.2]}')
    wait_until(lambda: client.get(f"/v1/quality/{name}")["n"] >= 2, 10)
    assert client.get(f"/v1/quality/{name}")["n"] == 2
    sources = [r["source"] for r in map(json.loads, server.cli("logs", name, "--json", check=0).stdout.splitlines())]
    assert sorted(s for s in sources if s != "import") == ["lambda", "sample", "sample"]


def test_settings_that_cannot_be_read_do_not_go_live(server, client, lam, name, folder):
    server.cli("deploy", folder(MONITOR % 0.5), check=0)
    refused = server.cli("deploy", folder(MONITOR % "'half'"), check=1)
    assert "monitor.threshold" in refused.stderr and "Version 1 stays live" in refused.stderr
    assert lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    wrong = server.cli("deploy", folder("monitor = 1"), check=1)
    assert "monitor must be a table" in wrong.stderr


def test_the_same_deploy_again_changes_nothing_and_undoes_what_was_put_since(server, client, name, folder):
    path = folder(MONITOR % 0.5)
    server.cli("deploy", path, check=0)
    first = client.get(f"/v1/functions/{name}/monitor", version="1")
    server.cli("deploy", path, check=0)
    assert client.get(f"/v1/functions/{name}/monitor", version="1") == first
    changed = {"rows": "$[*]", "score": "score", "threshold": 0.9}
    client.call("PUT", f"/v1/functions/{name}/monitor?version=1", json.dumps(changed).encode())
    server.cli("deploy", path, check=0)
    assert client.get(f"/v1/functions/{name}/monitor", version="1")["settings"] == first["settings"]


def test_a_function_that_says_nothing_is_not_watched(server, client, name, folder):
    server.cli("deploy", folder(""), check=0)
    with pytest.raises(Refused, match="is not monitored"):
        client.get(f"/v1/functions/{name}/monitor")
