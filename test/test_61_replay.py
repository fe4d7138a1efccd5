"""What another version would say: replays of recorded calls, and shadows of live ones."""

import json
import signal
import statistics
import subprocess
import time
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from helpers import BIN, invoke, make_function, wait_active, wait_until, zip_of

# Version 1 and 2 say otherwise where x is divisible by 7; 2 fails at 13 and is quick; both sum floats in another order.
ONE = """
import time
def handler(event, context):
    x = event["x"]
    if x == 11:
        raise ValueError("one does not like 11")
    time.sleep(event.get("sleep", 0))
    return {"decision": x % 2 == 0, "sum": 0.1 + 0.2 + x}
"""
TWO = """
import time
def handler(event, context):
    x = event["x"]
    if x == 13:
        raise ValueError("two does not like 13")
    time.sleep(event.get("sleep", 0))
    return {"sum": 0.2 + x + 0.1, "decision": (x % 2 == 0) != (x % 7 == 0)}
"""
CONTEXT = """
def handler(event, context):
    return {"custom": context.client_context and context.client_context.custom}
"""


def ask(server, method, path, body=None):
    """The status and the JSON of a signed request to our own HTTP."""
    keys = server.credentials
    data = json.dumps(body).encode() if body is not None else None
    signed = botocore.awsrequest.AWSRequest(method, server.url + path, data=data)
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "sculler", keys["region"]).add_auth(signed)
    request = urllib.request.Request(server.url + path, data, dict(signed.headers), method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def two_versions(lam, name, one=ONE, two=TWO, **settings):
    """Versions 1 and 2, alias live at 1."""
    make_function(lam, name, one, **settings)
    assert lam.publish_version(FunctionName=name)["Version"] == "1"
    lam.update_function_code(FunctionName=name, ZipFile=zip_of(two))
    wait_active(lam, name)
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    for version in "12":
        wait_active(lam, name, Qualifier=version)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")


def start(server, name, **order):
    status, answer = ask(server, "POST", "/v1/replays", {"function": name, "version": "2", "rate": 1000} | order)
    assert status == 202, answer
    return answer["id"]


def result(server, id, rows=1000):
    status, answer = ask(server, "GET", f"/v1/replays/{id}?rows={rows}")
    assert status == 200, answer
    return answer


def ended(server, id, seconds=60):
    wait_until(lambda: result(server, id)["state"] not in ("waiting", "running"), "the replay ends", seconds)
    return result(server, id)


def records(server, name, source, limit=10000):
    keys = server.credentials
    path = f"/v1/logs?function={name}&source={source}&limit={limit}"
    signed = botocore.awsrequest.AWSRequest("GET", server.url + path)
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "sculler", keys["region"]).add_auth(signed)
    request = urllib.request.Request(server.url + path, headers=dict(signed.headers))
    with urllib.request.urlopen(request, timeout=60) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


def test_a_replay_counts_what_changes(server, lam, name):
    two_versions(lam, name)
    for x in range(140):
        invoke(lam, name, {"x": x}, Qualifier="live")
    done = ended(server, start(server, name, last=130))  # 10 to 139
    assert done["state"] == "done" and done["calls"] == done["taken"] == 130, done
    assert done["mended"] == 1 and done["failed"] == 1 and done["compared"] == 128
    otherwise = [x for x in range(10, 140) if x % 7 == 0]
    assert done["differ"] == len(otherwise) and done["same"] == 128 - len(otherwise)
    assert done["reused"] == 130 and done["cut"] == 0
    kinds = [row["kind"] for row in done["rows"]]
    assert kinds.count("answer") == len(otherwise) and kinds[0] == "failed" and kinds.count("mended") == 1
    assert "two does not like 13" in done["rows"][0]["words"]
    told = {row["request_id"]: row["words"] for row in done["rows"] if row["kind"] == "answer"}
    inputs = {record["request_id"]: json.loads(record["input"])["x"] for record in records(server, name, "lambda")}
    assert sorted(inputs[id] for id in told) == otherwise
    assert all("at `decision`: was " in words for words in told.values())


def test_replays_are_no_traffic(server, lam, name):
    two_versions(lam, name, two=CONTEXT)
    for x in range(5):
        invoke(lam, name, {"x": x}, Qualifier="live")
    ended(server, start(server, name))
    assert len(records(server, name, "")) == 5
    replayed = records(server, name, "replay")
    assert len(replayed) == 5 and {record["version"] for record in replayed} == {"2"}
    assert {json.loads(record["output"])["custom"]["sculler_source"] for record in replayed} == {"replay"}
    assert all(record["input"] == "" and record["input_bytes"] > 0 for record in replayed)
    again = ended(server, start(server, name))  # replays are not replayed
    assert again["calls"] == 5
    assert server.cli("logs", name).stdout.count(name) == 5
    assert server.cli("logs", name, "--source", "replay").stdout.count(name) == 10


def test_a_history_is_replayed(server, lam, name):
    two_versions(lam, name)
    calls = [
        {"time": 1700000000 + x, "function": name, "version": "elsewhere", "alias": "live", "event": {"x": x}}
        | {"response": {"decision": x % 2 == 0, "sum": x + 0.3}, "request_id": f"{name}-{x}", "duration_ms": 5}
        for x in range(20, 62)
    ]
    status, answer = ask(server, "POST", "/v1/invocations", calls)
    assert status == 200 and answer["accepted"] == 42, answer
    done = ended(server, start(server, name))
    assert done["calls"] == done["compared"] == 42 and done["differ"] == 6


def test_a_replays_records_are_short(server, lam, name):
    two_versions(lam, name, two="def handler(event, context): return 'x' * 100000")
    invoke(lam, name, {"x": 1}, Qualifier="live")
    assert ended(server, start(server, name))["differ"] == 1
    (replayed,) = records(server, name, "replay")
    assert replayed["output_bytes"] == 100002 and len(replayed["output"]) == 16384


def test_both_versions_are_run_where_the_record_has_other_answers(server, lam, name):
    two_versions(lam, name)
    for x in range(20, 40):
        invoke(lam, name, {"x": x}, Qualifier="2" if x % 2 else "1")
    done = ended(server, start(server, name, against="live"))
    assert done["compared"] == 20 and done["reused"] == 10  # of version 1, as live is
    assert done["differ"] == len([x for x in range(20, 40) if x % 7 == 0])
    assert len(records(server, name, "replay")) == 20 + 10


def test_what_makes_no_sense_is_refused(server, lam, name):
    two_versions(lam, name)
    for order, words in [
        ({"version": "9"}, "no version or alias '9'"),
        ({"against": "stable"}, "no version or alias 'stable'"),
        ({"against": "2"}, "compared with itself"),
        ({"rate": 0}, "rate"),
        ({"rate": 1e9}, "rate"),
        ({"last": 0}, "last"),
        ({"last": 10**7}, "last"),
        ({"concurrency": 99}, "concurrency"),
        ({"tolerance": -1}, "tolerance"),
        ({"threshold": 7}, "threshold"),
        ({"function": "nobody-has-this"}, "no function nobody-has-this"),
    ]:
        status, answer = ask(server, "POST", "/v1/replays", {"function": name, "version": "2"} | order)
        assert status in (400, 404) and words in json.dumps(answer), (order, status, answer)
    assert ask(server, "GET", "/v1/replays/none")[0] == 404
    nothing = ended(server, start(server, name))  # no call is on record yet
    assert nothing["state"] == "done" and nothing["calls"] == 0


def test_progress_never_goes_back(server, lam, name):
    two_versions(lam, name)
    for x in range(20, 220):
        invoke(lam, name, {"x": x}, Qualifier="live")
    id, seen = start(server, name, rate=400), []
    while not seen or result(server, id)["state"] in ("waiting", "running"):
        seen.append(result(server, id, rows=0)["taken"])
    assert seen == sorted(seen) and max(seen) <= 200 and len(set(seen)) > 5, seen


def test_a_replay_is_cancelled(server, lam, name):
    two_versions(lam, name)
    for x in range(20, 60):
        invoke(lam, name, {"x": x}, Qualifier="live")
    id = start(server, name, rate=20)
    wait_until(lambda: result(server, id)["taken"] >= 3, "it runs")
    status, answer = ask(server, "DELETE", f"/v1/replays/{id}")
    assert status == 200
    done = ended(server, id)
    assert done["state"] == "cancelled" and 3 <= done["taken"] < 40 and done["taken"] == done["compared"]
    assert ask(server, "DELETE", f"/v1/replays/{id}")[1]["state"] == "cancelled"
    listed = ask(server, "GET", f"/v1/replays?function={name}")[1]["replays"]
    assert [replay["id"] for replay in listed] == [id]


@pytest.mark.parametrize("how", ["stop", "kill9"])
def test_a_replay_goes_on_after_a_restart(own_server, how):
    server = own_server()
    lam, name = server.client("lambda"), "f"
    two_versions(lam, name)
    for x in range(20, 220):
        invoke(lam, name, {"x": x}, Qualifier="live")
    id = start(server, name, rate=100)
    wait_until(lambda: result(server, id)["taken"] >= 100, "half of it is through")
    getattr(server, how)()
    server.start()
    done = ended(server, id)
    assert done["state"] == "done" and done["taken"] == done["compared"] == 200, done
    assert done["differ"] == len([x for x in range(20, 220) if x % 7 == 0]) == len(done["rows"])
    assert done["failed"] == 0  # a call that the end of the server cut off is run again


def test_live_calls_do_not_feel_a_replay(own_server):
    """Each live call takes what it took; and the one place that is reserved is theirs."""
    server = own_server()
    lam, name = server.client("lambda"), "f"
    two_versions(lam, name)
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def median_ms(count=100):
        took = []
        for _ in range(count):
            began = time.monotonic()
            answer = invoke(lam, name, {"x": 2}, Qualifier="live")
            took.append((time.monotonic() - began) * 1000)
            assert answer.error is None
            time.sleep(0.005)
        return statistics.median(took)

    def is_not_felt():
        alone = median_ms()
        id = start(server, name, against="live", rate=1000, concurrency=4)
        wait_until(lambda: result(server, id)["taken"] > 0, "it runs")
        beside = median_ms()
        assert result(server, id)["state"] == "running", "the replay ended before it was felt"
        ask(server, "DELETE", f"/v1/replays/{id}")
        print(f"median of a live call: {alone:.2f} ms alone, {beside:.2f} ms beside a replay")
        return beside < 3 * alone + 2

    median_ms()
    for x in range(20, 320):
        invoke(lam, name, {"x": x, "sleep": 0.02}, Qualifier="live")
    assert any(is_not_felt() for _ in range(3))  # a busy machine is felt, too


def shadow(server, name, method="GET", body=None):
    return ask(server, method, f"/v1/functions/{name}/shadow", body)


def test_a_shadow_is_recorded_and_never_returned(server, lam, name):
    two_versions(lam, name)
    assert shadow(server, name)[0] == 404
    status, answer = shadow(server, name, "PUT", {"version": "2"})
    assert status == 200 and answer["alias"] == "live" and answer["share"] == 1
    for x in range(20, 40):
        answer = invoke(lam, name, {"x": x}, Qualifier="live")
        assert answer.version == "1" and answer.payload["decision"] == (x % 2 == 0)
    invoke(lam, name, {"x": 1}, Qualifier="1")  # not by the alias
    wait_until(lambda: shadow(server, name)[1]["answered"] == 20, "all are copied")
    counts = shadow(server, name)[1]
    assert counts["seen"] == counts["copied"] == 20 and counts["dropped"] == counts["failed"] == 0
    copies = records(server, name, "shadow")
    assert len(copies) == 20 and {copy["version"] for copy in copies} == {"2"}
    decisions = {json.loads(copy["input"])["x"]: json.loads(copy["output"])["decision"] for copy in copies}
    assert decisions == {x: (x % 2 == 0) != (x % 7 == 0) for x in range(20, 40)}
    live = records(server, name, "")
    assert len(live) == 21 and {copy["detail"] for copy in copies} == {
        f"shadow of {record['request_id']}" for record in live[:20]
    }
    assert shadow(server, name, "DELETE")[0] == 204 and shadow(server, name, "DELETE")[0] == 404
    invoke(lam, name, {"x": 1}, Qualifier="live")
    time.sleep(0.2)
    assert len(records(server, name, "shadow")) == 20


def test_a_shadow_is_set_over_a_restart_and_drops_what_is_too_much(own_server):
    server = own_server()
    lam, name = server.client("lambda"), "f"
    slow = "import time\ndef handler(event, context): time.sleep(1)"
    two_versions(lam, name, "def handler(event, context): pass", slow)
    assert shadow(server, name, "PUT", {"version": "2", "share": 1.0})[0] == 200
    server.restart()
    lam = server.client("lambda", max_pool_connections=16)
    assert shadow(server, name)[1]["version"] == "2"
    for _ in range(300):
        assert invoke(lam, name, {}, Qualifier="live").error is None
    counts = shadow(server, name)[1]
    assert counts["seen"] == 300 and counts["dropped"] >= 300 - 256 - 20, counts
    assert shadow(server, name, "PUT", {"version": "7"})[0] == 404
    assert shadow(server, name, "PUT", {"version": "2", "share": 0})[0] == 400
    assert shadow(server, name, "PUT", {"version": "2", "alias": "stable"})[0] == 404


def test_diff_tells_what_changes(server, lam, name):
    two_versions(lam, name)
    for x in range(20, 62):
        invoke(lam, name, {"x": x}, Qualifier="live")
    done = server.cli("diff", "live", "2", name, "--replay", "42", "--rate", "1000", check=5)
    assert "6 of 42 answers change (14 %): here they are." in done.stdout
    assert done.stdout.count("at `decision`: was ") == 6 and "42 calls" in done.stderr
    few = server.cli("diff", "1", "2", name, "--rate", "1000", "--rows", "2", check=5)
    assert few.stdout.count("at `decision`") == 2 and "... and 4 more (--rows COUNT)" in few.stdout
    same = server.cli("diff", "recorded", "1", name, "--rate", "1000", check=0)
    assert "None of 42 answers changes." in same.stdout
    as_json = json.loads(server.cli("diff", "1", "2", name, "--json", "--rate", "1000", check=5).stdout)
    assert as_json["differ"] == 6 and len(as_json["rows"]) == 6
    id = server.cli("diff", "1", "2", name, "--detach", check=0).stdout.strip()
    assert "6 of 42" in server.cli("diff", "--show", id, check=5).stdout
    assert "which two versions" in server.cli("diff", "1", check=2).stderr
    assert "takes a number" in server.cli("diff", "1", "2", name, "--replay", "many", check=2).stderr
    assert "no version or alias '9'" in server.cli("diff", "1", "9", name, check=1).stderr


def test_ctrl_c_cancels_a_diff(server, lam, name):
    two_versions(lam, name)
    for x in range(20, 60):
        invoke(lam, name, {"x": x}, Qualifier="live")
    command = [BIN, "diff", "1", "2", name, "--rate", "10"]
    process = subprocess.Popen(command, env=server.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    listed = lambda: ask(server, "GET", f"/v1/replays?function={name}")[1]["replays"]  # noqa: E731
    wait_until(lambda: listed() and listed()[0]["state"] == "running", "it runs")
    process.send_signal(signal.SIGINT)
    out, words = process.communicate(timeout=30)
    assert process.returncode == 1 and "the replay is cancelled after" in words and out == ""
    assert listed()[0]["state"] == "cancelled"


def test_deploy_shows_what_changes_before_it_goes_live(server, tmp_path):
    folder = tmp_path / "replayed-deploy"
    folder.mkdir()
    main = folder / "main.py"
    main.write_text(ONE)
    server.cli("deploy", folder, check=0)
    lam = server.client("lambda")
    for x in range(20, 41):
        invoke(lam, folder.name, {"x": x}, Qualifier="live")
    main.write_text(TWO)
    words = server.cli("deploy", folder, "--replay", "5000", check=0).stderr
    assert "3 of 21 answers change (14 %)" in words and words.index("3 of 21") < words.index("version 1 -> 2")
    main.write_text(TWO.replace("13", "33"))
    refused = server.cli("deploy", folder, "--replay", "5000", check=1).stderr
    assert "1 call on record that version 2 answered ends in an error" in refused and "stays live" in refused
    assert lam.get_alias(FunctionName=folder.name, Name="live")["FunctionVersion"] == "2"


def test_a_shadow_by_the_command_line(server, lam, name):
    two_versions(lam, name)
    assert "has no shadow" in server.cli("shadow", name, check=1).stderr
    told = server.cli("shadow", name, "2", "--share", "0.25", check=0).stdout
    assert f"25 % of the calls of {name}:live are copied to version 2" in told
    assert json.loads(server.cli("shadow", name, "--json", check=0).stdout)["share"] == 0.25
    assert "--share takes" in server.cli("shadow", name, "2", "--share", "2", check=2).stderr
    server.cli("shadow", name, "--off", check=0)
    server.cli("shadow", name, "--off", check=1)


# Each call gives two rows; version 2 scores some of them higher.
MODEL = """
def handler(event, context):
    x = event["x"]
    return {"matches": [{"expense": f"{x}-{i}", "score": min(1.0, SCORE)} for i in range(2)]}
"""
MODEL_1 = MODEL.replace("SCORE", "(37 * x + 11 * i) % 100 / 100")
MODEL_2 = MODEL.replace("SCORE", "(37 * x + 11 * i) % 100 / 100 + (0.2 if x % 2 == 0 else 0)")
SETTINGS = {"rows": "$.matches[*]", "score": "score", "items": ["expense"], "threshold": 0.5}


def scores(version, x):
    return [(37 * x + 11 * i) % 100 / 100 + (0.2 if version == 2 and x % 2 == 0 else 0) for i in range(2)]


def monitored(server, lam, name):
    two_versions(lam, name, MODEL_1, MODEL_2)
    status, answer = ask(server, "PUT", f"/v1/functions/{name}/monitor", SETTINGS)
    assert status == 200, answer


def rows_of(server, name, **query):
    words = "".join(f"&{key}={value}" for key, value in query.items())
    status, answer = ask(server, "GET", f"/v1/predictions?function={name}&limit=1000{words}")
    assert status == 200, answer
    return answer["rows"]


def test_changed_decisions_are_told_with_what_they_mean(server, lam, name):
    monitored(server, lam, name)
    xs = range(60)
    for x in xs:
        invoke(lam, name, {"x": x}, Qualifier="live")
    truth = {f"{x}-{i}": int((7 * x + i) % 3 == 0) for x in xs if x < 50 for i in range(2)}
    wait_until(lambda: len(rows_of(server, name)) == 120, "all decisions are captured")
    labels = [{"function": name, "items": {"expense": item}, "label": label} for item, label in truth.items()]
    assert ask(server, "POST", "/v1/labels", labels)[0] == 200
    wait_until(lambda: len(rows_of(server, name, kind="labelled")) == 100, "all labels are there")

    done = ended(server, start(server, name, against="1"))
    before = {f"{x}-{i}": scores(1, x)[i] >= 0.5 for x in xs for i in range(2)}
    after = {f"{x}-{i}": scores(2, x)[i] >= 0.5 for x in xs for i in range(2)}
    changed = {item for item in before if before[item] != after[item]}
    assert done["decisions"] == 120 and done["labelled"] == 100 and done["changed"] == len(changed) > 5
    assert {row["items"]["expense"] for row in done["rows"]} == changed
    known = [row["label"] is not None for row in done["rows"]]
    assert known == sorted(known, reverse=True) and any(known)
    for row in done["rows"]:
        x, i = map(int, row["items"]["expense"].split("-"))
        assert row["position"] == i and row["decision_before"] is False and row["decision_after"] is True
        assert row["score_before"] == pytest.approx(scores(1, x)[i]) and row["score_after"] == pytest.approx(
            scores(2, x)[i]
        )
        assert row["label"] == truth.get(row["items"]["expense"])
    for side, decisions in (("before", before), ("after", after)):
        yes = [item for item in truth if decisions[item]]
        share = done["precision"][side]
        assert (share["n"], share["k"]) == (len(yes), sum(truth[item] for item in yes))
        assert share["low"] < share["value"] < share["high"]
        assert done["recall"][side]["k"] == share["k"] and done["recall"][side]["n"] == sum(truth.values())
    assert len(rows_of(server, name)) == 120  # a replay predicts nothing

    words = server.cli("diff", "1", "2", name, "--rate", "1000", "--rows", "3", check=5).stdout
    assert f"{len(changed)} of 120 decisions change" in words and "the labelled ones first." in words
    assert "The truth is known of 100 of 120 decisions." in words
    assert "Precision would go from 0." in words and "Recall would go from 0." in words
    assert words.count("no   -> yes") == 3 and ("better" in words or "worse" in words)

    # By another threshold both sides are decided anew.
    high = ended(server, start(server, name, against="1", threshold=0.95))
    before = sum(scores(1, x)[i] >= 0.95 for x in xs for i in range(2))
    after = sum(min(1, scores(2, x)[i]) >= 0.95 for x in xs for i in range(2))
    assert high["changed"] == after - before

    # The threshold in force is the alias's; what is compared with the record is as it was decided then.
    assert ask(server, "PUT", f"/v1/functions/{name}/threshold", {"alias": "live", "threshold": 0.95})[0] == 200
    assert ended(server, start(server, name, against="1"))["changed"] == high["changed"]
    then = ended(server, start(server, name))
    was = {f"{x}-{i}": scores(1, x)[i] >= 0.5 for x in xs for i in range(2)}
    now = {f"{x}-{i}": min(1, scores(2, x)[i]) >= 0.95 for x in xs for i in range(2)}
    assert then["changed"] == sum(was[item] != now[item] for item in was)


def test_a_shadows_decisions_are_captured_as_its_versions(server, lam, name):
    monitored(server, lam, name)
    assert shadow(server, name, "PUT", {"version": "2"})[0] == 200
    for x in range(20):
        invoke(lam, name, {"x": x}, Qualifier="live")
    wait_until(lambda: shadow(server, name)[1]["answered"] == 20, "all are copied")
    wait_until(lambda: len(rows_of(server, name, version=2)) == 40, "all decisions of the shadow are captured")
    assert len(rows_of(server, name, version=1)) == 40
    got = {row["items"]["expense"]: row["score"] for row in rows_of(server, name, version=2)}
    assert got == {f"{x}-{i}": pytest.approx(min(1, scores(2, x)[i])) for x in range(20) for i in range(2)}
