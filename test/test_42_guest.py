"""What a handler finds in its worker: what its import left behind, hooks, batches, and walls towards its siblings."""

import base64
import concurrent.futures
import json
import pathlib

import pytest
from helpers import invoke, make_function

WORKERS = 8


def crowd(lam, name, event=None, count=WORKERS):
    """Calls that overlap, so that each has a worker of its own."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: invoke(lam, name, event), range(count)))


def tail(answer):
    return base64.b64decode(answer.response["LogResult"]).decode()


def settings(**variables):
    return {"Environment": {"Variables": variables}, "Timeout": 20}


# -- what the import left ------------------------------------------------------------------------------------------


def test_what_the_import_wrote_to_tmp_is_in_each_workers_own(lam, name):
    make_function(lam, name, """
        import os, stat, time
        os.makedirs("/tmp/cache/deep")
        log = open("/tmp/cache/deep/log", "a+")
        log.write("import"); log.flush()
        with open("/tmp/tool", "w") as f: f.write("#!/bin/sh\\n")
        os.chmod("/tmp/tool", 0o750)
        os.utime("/tmp/tool", (1000, 2000))
        os.symlink("/tmp/cache", "/tmp/link")
        def handler(event, context):
            time.sleep(0.2)
            log.write(" call"); log.flush(); log.seek(0)
            tool = os.stat("/tmp/tool")
            return [log.read(), open("/tmp/link/deep/log").read(), stat.S_IMODE(tool.st_mode), tool.st_mtime, os.getpid()]
    """, **settings(SCULLER_PARKED="0"))
    answers = [answer.payload for answer in crowd(lam, name)]
    assert all(isinstance(answer, list) for answer in answers), answers
    own = {answer[4]: answer for answer in answers}
    assert len(own) > WORKERS / 2
    assert all(answer[0] == answer[1] and answer[0].startswith("import call") for answer in answers), answers
    assert sum(answer[0] == "import call" for answer in answers) >= len(own), "no worker sees another's call"
    assert all(answer[2:4] == [0o750, 2000.0] for answer in answers)


def test_a_large_tmp_is_no_reason_to_lose_it(lam, name):
    make_function(lam, name, "import os\nopen('/tmp/model', 'wb').write(b'x' * (9 << 20))\n"
                             "def handler(event, context): return os.path.getsize('/tmp/model')\n", **settings())
    answer = invoke(lam, name, LogType="Tail")
    assert answer.payload == 9 << 20
    assert "served without forks" in tail(answer) and "the import wrote more to /tmp than" in tail(answer)
    assert all(a.payload == 9 << 20 for a in crowd(lam, name, count=3))


def test_a_file_that_the_import_opened_has_its_own_offset_in_each_worker(lam, name):
    make_function(lam, name, """
        import os, time
        unread = open("/var/task/main.py", "rb", buffering=0)
        unread.read(5)
        def handler(event, context):
            time.sleep(0.5)
            return [os.getpid(), unread.tell(), len(unread.read(10))]
    """, **settings(SCULLER_PARKED="0"))
    offsets = {}
    for answer in crowd(lam, name):
        pid, offset, _ = answer.payload
        offsets.setdefault(pid, []).append(offset)
    assert len(offsets) > WORKERS / 2
    assert all(sorted(found) == [5 + 10 * i for i in range(len(found))] for found in offsets.values()), offsets


def test_a_connection_that_the_import_opened_is_shared_by_no_two_workers(lam, name):
    make_function(lam, name, """
        import os, socket, time, uuid
        here, there = socket.socketpair()
        def handler(event, context):
            mine = uuid.uuid4().hex
            here.send(mine.encode())
            time.sleep(0.2)
            return there.recv(100).decode() == mine
    """, **settings())
    first = invoke(lam, name, LogType="Tail")
    assert first.payload is True
    assert "served without forks" in tail(first) and "the import left a socket open (descriptor" in tail(first)
    assert [answer.payload for answer in crowd(lam, name, count=4)] == [True] * 4


def test_seeds_can_be_left_as_they_are(lam, name):
    make_function(lam, name, """
        import os, random, time
        own = random.Random()
        random.seed(3)
        def handler(event, context):
            time.sleep(0.2)
            return [os.getpid(), own.random(), random.random()]
    """, **settings(SCULLER_RESEED="false", SCULLER_PARKED="0"))
    first = {}
    for answer in crowd(lam, name):
        first.setdefault(answer.payload[0], answer.payload[1:])
    assert len(first) > WORKERS / 2
    assert len(set(map(tuple, first.values()))) < len(first), "each fork draws the same"
    import random
    assert random.Random(3).random() in {drawn[1] for drawn in first.values()}, "the seed that was chosen holds"


# -- hooks ---------------------------------------------------------------------------------------------------------

HOOKS = """
    import os
    from snapshot_restore_py import register_after_restore, register_before_snapshot
    happened = []
    @register_before_snapshot
    def first(): happened.append("before 1")
    register_before_snapshot(happened.append, "before 2")
    @register_after_restore
    def one(): happened.append("after 1")
    register_after_restore(happened.append, "after 2")
    os.register_at_fork(after_in_child=lambda: happened.append("forked"))
    def handler(event, context): return happened
"""


def test_hooks_run_once_and_in_order(lam, name):
    make_function(lam, name, HOOKS)
    expected = ["before 2", "before 1", "forked", "after 1", "after 2"]
    assert all(answer.payload == expected for answer in crowd(lam, name))


def test_hooks_run_where_nothing_is_forked(lam, name):
    make_function(lam, name, HOOKS, **settings(SCULLER_FORK="false"))
    assert invoke(lam, name).payload == ["before 2", "before 1", "after 1", "after 2"]


def test_a_hook_that_raises_after_the_restore_is_told(lam, name):
    make_function(lam, name, "from snapshot_restore_py import register_after_restore\n"
                             "@register_after_restore\ndef broken(): raise ValueError('no database')\n"
                             "def handler(event, context): pass\n", **settings())
    answer = invoke(lam, name, LogType="Tail")
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert "[ERROR] ValueError: no database" in tail(answer)


# -- batches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("result, told", [
    ("{'a': 1}", "it returned dict"),
    ("(e for e in events)", "it returned generator"),
    ("events + [1]", "got 1 events and returned 2 results"),
])
def test_a_batch_handler_returns_a_list(lam, name, result, told):
    make_function(lam, name, f"def handler(event, context): pass\ndef batch_handler(events, context): return {result}\n")
    answer = invoke(lam, name)
    assert answer.payload["errorType"] == "Runtime.BatchMismatch" and told in answer.payload["errorMessage"]


def test_errors_of_a_batch_name_their_call_and_a_common_one_is_printed_once(lam, name):
    make_function(lam, name, """
        import time
        def handler(event, context): pass
        def batch_handler(events, context):
            time.sleep(0.2)
            if events[0].get("raise"): raise RuntimeError("all of them")
            return [SystemExit(3) if e.get("n") == 1 else {1, 2} if e.get("n") == 2 else e for e in events]
    """, **settings(SCULLER_BATCH_MAX="64"))

    def call(event):
        return invoke(lam, name, event, LogType="Tail")

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(call, [{"n": n % 4} for n in range(40)]))
        raised = list(pool.map(call, [{"raise": True}] * 40))
    for n, answer in enumerate(answers):
        if n % 4 in (0, 3):
            assert answer.payload == {"n": n % 4}
            continue
        assert answer.payload["errorType"] == ("SystemExit", "Runtime.MarshalError")[n % 4 - 1]
        assert f"[ERROR] RequestId: {answer.request_id} {answer.payload['errorType']}: " in tail(answer)
    for answer in raised:
        assert answer.payload["errorMessage"] == "all of them" and answer.payload["requestId"] == answer.request_id
        assert tail(answer).count("RuntimeError: all of them") == 1, tail(answer)
    assert any(" more RuntimeError: all of them" in tail(answer) for answer in raised), "some came as a batch"


# -- siblings ------------------------------------------------------------------------------------------------------


def test_a_worker_can_neither_read_nor_signal_its_siblings(server, lam, name):
    make_function(lam, name, """
        import os, time
        def tries(pid):
            for what in (lambda: open(f"/proc/{pid}/mem", "rb"), lambda: os.listdir(f"/proc/{pid}/fd"),
                         lambda: os.kill(pid, 0)):
                try:
                    what()
                    yield "done"
                except OSError as error:
                    yield type(error).__name__
        def handler(event, context):
            time.sleep(0.5)
            return os.getpid(), [list(tries(pid)) for pid in range(2, 40) if pid != os.getpid()]
    """, **settings(SCULLER_PARKED="0"))
    if "no Landlock" in server.log_text():
        pytest.skip("this host has no Landlock")
    answers = [answer.payload for answer in crowd(lam, name)]
    assert len({pid for pid, _ in answers}) > WORKERS / 2, "siblings were there"
    assert max(pid for pid, _ in answers) < 40
    for _, found in answers:
        assert {result for results in found for result in results} <= {"PermissionError", "ProcessLookupError",
                                                                      "FileNotFoundError"}, answers


def test_a_handlers_children_inherit_no_socket(lam, name):
    make_function(lam, name, """
        import json, subprocess, sys
        code = "import json, os; print(json.dumps([os.readlink(f'/proc/self/fd/{n}') for n in '0123456789'" \\
               " if os.path.islink(f'/proc/self/fd/{n}')]))"
        def handler(event, context):
            return json.loads(subprocess.check_output([sys.executable, "-c", code], close_fds=False))
    """, **settings())
    found = invoke(lam, name).payload
    assert isinstance(found, list) and not [target for target in found if target.startswith("socket:")], found


def test_a_flood_of_output_stops_nothing(lam, name):
    make_function(lam, name, "import sys\ndef handler(event, context):\n    for _ in range(40):\n"
                             "        sys.stdout.write('x' * 100_000)\n    return json\nimport json\njson = 'done'\n",
                  **settings())
    assert json.loads(invoke(lam, name).raw) == "done"


# -- memory --------------------------------------------------------------------------------------------------------


def test_an_import_lies_in_huge_pages_and_a_worker_copies_small_ones(lam, name):
    """A fork copies one entry for each huge page, and is no larger for it."""
    if "[never]" in pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text():
        pytest.skip("this host makes no huge pages")
    make_function(lam, name, """
        import json, re
        LONG = [json.loads(json.dumps({"n": n, "words": ["word %d" % (n + i) for i in range(4)]})) for n in range(80_000)]
        BUFFERS = [bytearray(b"x" * 4000) for _ in range(5_000)]
        def handler(event, context):
            LONG[0]["seen"] = str(event) * 100
            with open("/proc/self/smaps_rollup") as file:
                return {key: int(kb) for key, kb in re.findall(r"^(\\w+): +(\\d+)", file.read(), re.M)}
    """, MemorySize=512, **settings(SCULLER_PARKED="0"))
    found = [answer.payload for answer in (invoke(lam, name), invoke(lam, name))]
    for kb in found:
        assert kb["Anonymous"] > 60 << 10, kb
        assert kb["AnonHugePages"] > kb["Anonymous"] / 2, kb
        assert kb["Private_Dirty"] < 8 << 10, kb


def log_of(answer):
    return base64.b64decode(answer.response["LogResult"]).decode()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("{'a': [1, {'score': float('nan')}]}", "$.a[1].score is NaN"),
        ("[1e308 * 10]", "$[0] is infinite"),
        ("{'when': __import__('datetime').date(2026, 1, 1)}", "$.when is a datetime.date"),
    ],
)
def test_what_is_not_json_in_an_answer_is_named(lam, name, answer, said):
    make_function(lam, name, f"def handler(event, context): return {answer}")
    told = invoke(lam, name, LogType="Tail")
    assert told.payload["errorType"] == "Runtime.MarshalError"
    assert f"[sculler] the answer is not JSON: {said}\n" in log_of(told)


def test_boto3_that_is_not_there_is_told_what_to_do(lam, name):
    make_function(lam, name, "import boto3\ndef handler(event, context): pass")
    told = invoke(lam, name, LogType="Tail")
    assert told.payload["errorType"] == "Runtime.ImportModuleError"
    assert "[sculler] AWS's runtime brings boto3, this one does not: name it in requirements.txt" in log_of(told)
