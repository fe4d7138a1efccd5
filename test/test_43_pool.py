"""What a function is promised about running: its memory, its crowd, its crashes, and what its neighbours feel of them."""

import base64
import concurrent.futures
import statistics
import threading
import time

import pytest
from botocore.exceptions import ClientError
from helpers import invoke, make_function, wait_until


def tail(answer):
    return base64.b64decode(answer.response["LogResult"]).decode()


def has_memory_limits(server):
    """Cgroups are the host's to give; as an ordinary user there may be none."""
    return "no cgroups" not in server.log_text()


def test_out_of_memory_ends_that_worker_alone_and_is_told(server, lam, name):
    if not has_memory_limits(server):
        pytest.skip("this host gives no cgroups")
    make_function(lam, name, "import os\ndef handler(event, context):\n    if event.get('eat'): bytearray(os.urandom(1) * "
                             "(600 << 20))\n    return os.getpid()\n", MemorySize=256, Timeout=30)
    other = f"{name}-neighbour"
    make_function(lam, other, "def handler(event, context): return 'here'\n")
    before = invoke(lam, other).payload
    killed = invoke(lam, name, {"eat": True}, LogType="Tail")
    assert killed.error == "Unhandled" and killed.payload["errorType"] == "Runtime.ExitError", killed.raw
    assert killed.payload["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert "Memory Size: 256 MB\tMax Memory Used: 256 MB" in tail(killed), tail(killed)
    found = server.cli("logs", name, "--json").stdout
    assert "out of memory: the function used more than its MemorySize of 256 MB" in found
    assert isinstance(invoke(lam, name).payload, int) and invoke(lam, other).payload == before


def test_a_crowd_is_served_as_batches(lam, name):
    make_function(lam, name, """
        import time
        def handler(event, context): raise RuntimeError("batches only")
        def batch_handler(events, context):
            time.sleep(0.05)
            assert len(events) == len(context.contexts) == len(context.aws_request_ids)
            return [ValueError(f"no {e['n']}") if e["n"] % 7 == 0 else {"n": e["n"], "of": len(events)} for e in events]
    """, Environment={"Variables": {"SCULLER_BATCH_MAX": "32"}})
    with concurrent.futures.ThreadPoolExecutor(64) as crowd:
        answers = list(crowd.map(lambda n: (n, invoke(lam, name, {"n": n})), range(200)))
    sizes = []
    for n, answer in answers:
        if n % 7 == 0:
            assert answer.error == "Unhandled" and answer.payload["errorMessage"] == f"no {n}"
            assert answer.payload["requestId"] == answer.request_id
        else:
            assert answer.payload["n"] == n, (n, answer.raw)
            sizes.append(answer.payload["of"])
    assert max(sizes) > 4 and max(sizes) <= 32, sizes


def test_a_batch_that_fails_is_told_to_each(lam, name):
    make_function(lam, name, """
        import os, time
        def handler(event, context): pass
        def batch_handler(events, context):
            time.sleep(0.1)
            if any(e.get("die") for e in events): os._exit(3)
            return events[1:] if any(e.get("short") for e in events) else events
    """)
    invoke(lam, name, {})
    for word, kind in (("die", "Runtime.ExitError"), ("short", "Runtime.BatchMismatch")):
        with concurrent.futures.ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(lambda i: invoke(lam, name, {word: True}), range(8)))
        for answer in answers:
            assert answer.payload["errorType"] == kind and answer.request_id in answer.raw.decode(), answer.raw
    assert invoke(lam, name, {"still": "there"}).payload == {"still": "there"}


def test_tmp_stays_after_a_timeout(lam, name):
    make_function(lam, name, "import os, time\ndef handler(event, context):\n    there = os.path.exists('/tmp/kept')\n"
                             "    open('/tmp/kept', 'w').close()\n    time.sleep(event['s'])\n    return there\n",
                  Timeout=1, Environment={"Variables": {"SCULLER_PARKED": "0"}})
    assert invoke(lam, name, {"s": 0}).payload is False
    assert "timed out" in invoke(lam, name, {"s": 5}).payload["errorMessage"]
    time.sleep(0.3)
    assert invoke(lam, name, {"s": 0}).payload is True


@pytest.mark.parametrize("module", ["import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True, "
                                    "name='metrics-pusher').start()\n"])
def test_what_does_not_survive_a_fork_is_started_afresh(lam, name, module):
    make_function(lam, name, module + "import threading\ndef handler(event, context):\n"
                                      "    return [t.name for t in threading.enumerate()]\n")
    first = invoke(lam, name, LogType="Tail")
    assert "metrics-pusher" in first.payload
    assert "served without forks" in tail(first) and "metrics-pusher" in tail(first)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all("metrics-pusher" in a.payload for a in pool.map(lambda _: invoke(lam, name), range(8)))


def test_a_full_queue_and_a_reserved_one_say_which(own_server):
    server = own_server("--workers-per-version", "1", "--queue", "2", "--queue-wait-ms", "10000")
    lam = server.client("lambda")
    make_function(lam, "slow", "import time\ndef handler(event, context): time.sleep(1.5)\n")
    invoke(lam, "slow")
    reasons, took = [], []

    def call():
        started = time.monotonic()
        try:
            invoke(lam, "slow")
        except ClientError as error:
            took.append(time.monotonic() - started)
            reasons.append(error.response["Reason"])

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons and set(reasons) == {"ConcurrentInvocationLimitExceeded"}
    assert statistics.median(took) < 0.5
    lam.put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        invoke(lam, "slow")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_who_crashes_in_a_loop_delays_nobody(lam, name):
    make_function(lam, name, "import os\ndef handler(event, context): os.abort()\n")
    other = f"{name}-neighbour"
    make_function(lam, other, "def handler(event, context): return 1\n")
    ends, crashes = threading.Event(), []

    def crash():
        while not ends.is_set():
            crashes.append(invoke(lam, name).error)

    def times(count):
        taken = []
        for _ in range(count):
            started = time.monotonic()
            assert invoke(lam, other).payload == 1
            taken.append(time.monotonic() - started)
        return statistics.median(taken)

    times(20)
    quiet = times(100)
    threads = [threading.Thread(target=crash) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(crashes) > 4, "it crashes")
        loud = times(100)
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    print(f"neighbour: {quiet * 1e3:.2f} ms, beside {len(crashes)} crashes {loud * 1e3:.2f} ms")
    assert set(crashes) == {"Unhandled"}
    assert loud < 20 * quiet + 0.05


def test_slow_calls_are_in_the_servers_log(own_server):
    server = own_server("--slow-ms", "200")
    lam = server.client("lambda")
    make_function(lam, "slow", "import time\ndef handler(event, context): time.sleep(event['s'])\n")
    invoke(lam, "slow", {"s": 0.4})
    assert 'event="slow call"' in server.log_text() and "ran_ms=4" in server.log_text()
    assert "record_ms=0" in server.log_text()


def test_a_slow_import_runs_again_in_the_first_call(own_server):
    server = own_server("--init-timeout-ms", "500")
    lam = server.client("lambda")
    make_function(lam, "heavy", "import time\ntime.sleep(1.2)\ndef handler(event, context): return 'ready'\n", Timeout=20)
    assert invoke(lam, "heavy").payload == "ready"


def test_no_two_workers_draw_the_same_numbers(lam, name):
    make_function(lam, name, """
        import os, random, ssl, tempfile, time, uuid, secrets
        own = random.Random()
        fixed = random.Random(7)
        def handler(event, context):
            time.sleep(0.3)
            return [random.random(), own.random(), str(uuid.uuid4()), secrets.token_hex(8), ssl.RAND_bytes(8).hex(),
                    tempfile.mktemp(), fixed.random(), os.getpid()]
    """)
    with concurrent.futures.ThreadPoolExecutor(16) as crowd:
        drawn = [a.payload for a in crowd.map(lambda _: invoke(lam, name), range(32))]
    first = {}
    for row in drawn:
        first.setdefault(row[-1], row)
    assert len(first) > 4
    for column in range(6):
        assert len({row[column] for row in first.values()}) == len(first), column
    assert len({row[6] for row in first.values()}) == 1, "a seed that was chosen is left alone"


def test_an_import_that_eats_the_machine_is_stopped(own_server):
    server = own_server("--template-memory-mb", "200")
    if not has_memory_limits(server):
        pytest.skip("this host gives no cgroups")
    lam = server.client("lambda")
    make_function(lam, "glutton", "x = [bytearray(b'x') * (1 << 20) for _ in range(400)]\ndef handler(event, context): pass\n")
    assert invoke(lam, "glutton").payload["errorMessage"].endswith("signal: killed")
