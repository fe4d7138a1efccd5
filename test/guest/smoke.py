"""What limits must do on any shape of cgroups; `inside` runs it in each.  SCULLER_TEST_CGROUPS says which one it is:
v2, hybrid, v1, or none, where a server still serves and says what it cannot do.  On an ordinary host, unset:
what that has."""

import base64
import concurrent.futures
import os
import pathlib
import re
import time

import pytest
from helpers import descendants, invoke, make_function, wait_until

BACKEND = os.environ.get("SCULLER_TEST_CGROUPS", "")
PIDS_A_WORKER_MAX = int(
    re.search(
        r"PIDS_A_WORKER_MAX = (\d+)",
        (pathlib.Path(__file__).resolve().parents[2] / "src/runtime/runtime_private.h").read_text(),
    )[1]
)
BOMB_SECONDS = 5
CODE = """
    import os, time

    def eat(event):
        kept = [bytearray(b"x" * (1 << 20)) for _ in range(event["megabytes"])]
        return len(kept)

    def bomb(event):
        children = 0
        while children < event["most"]:
            try:
                pid = os.fork()
            except OSError:
                break
            if pid == 0:
                time.sleep(600)
                os._exit(0)
            children += 1
        return children

    def explode(event):
        while True:
            try:
                os.fork()
            except OSError:
                pass

    def handler(event, context):
        return {"eat": eat, "bomb": bomb, "explode": explode, "add": lambda event: event["a"] + event["b"]}[event["do"]](event)
"""

limited = pytest.mark.skipif(BACKEND == "none", reason="this host has no cgroups, which the log says")


@pytest.fixture
def made(own_server):
    server = own_server()
    lam = server.client("lambda")
    make_function(lam, "busy", CODE, MemorySize=128, Timeout=120)
    return server, lam


def adds(lam):
    return invoke(lam, "busy", {"do": "add", "a": 2, "b": 3}).payload == 5


def ours(server):
    """Directories of cgroups of this server's keeper."""
    keepers = [
        pid
        for pid in os.listdir("/proc")
        if pid.isdigit() and pathlib.Path(f"/proc/{pid}/stat").exists() and is_keeper_of(pid, server)
    ]
    return [p for pid in keepers for p in groups() if p.name == f"sculler-{pid}"]


def is_keeper_of(pid, server):
    try:
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"keeper" in words and str(server.state / "state").encode() in words


def groups():
    found = []
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        found += [pathlib.Path(folder, name) for name in names if re.fullmatch(r"sculler-[\d.]+", name)]
    return found


def test_it_says_what_the_host_lacks(made):
    server, lam = made
    assert adds(lam)
    assert ("no cgroups" in server.log_text()) == (BACKEND == "none"), server.log_text()
    assert bool(ours(server)) == (BACKEND != "none")


@limited
def test_memory_beyond_the_limit_is_told_and_only_that_call_ends(made):
    server, lam = made
    assert adds(lam)
    killed = invoke(lam, "busy", {"do": "eat", "megabytes": 1024}, LogType="Tail")
    assert killed.error == "Unhandled" and killed.payload["errorType"] == "Runtime.ExitError", killed.raw
    assert killed.payload["errorMessage"].endswith("Runtime exited with error: signal: killed"), killed.raw
    report = base64.b64decode(killed.response["LogResult"]).decode()
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in report, report
    records = server.cli("logs", "busy", "--json", check=0).stdout
    assert "out of memory: the function used more than its MemorySize of 128 MB" in records, records
    assert adds(lam)
    assert invoke(lam, "busy", {"do": "eat", "megabytes": 16}).payload == 16


@limited
def test_a_fork_bomb_is_gone_with_its_call(made, capsys):
    server, lam = made
    make_function(lam, "endless", CODE, MemorySize=1769, Timeout=BOMB_SECONDS)
    quiet = len(descendants(server.pid))
    begun = time.monotonic()
    seen = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(invoke, lam, "endless", {"do": "explode"})
        while not call.done():
            seen.append(len(descendants(server.pid)))
            time.sleep(0.2)
        answer = call.result()
    ended = time.monotonic()
    assert answer.error == "Unhandled", answer.raw
    assert answer.payload["errorType"] in ("Sandbox.Timedout", "Runtime.ExitError"), answer.raw
    assert max(seen) > quiet + 50, f"it forked, or this proves nothing: {seen}"
    assert max(seen) <= quiet + PIDS_A_WORKER_MAX + 20, seen
    wait_until(lambda: len(descendants(server.pid)) <= quiet + 5, "its processes end", 20)
    gone = time.monotonic()
    assert adds(lam)
    with capsys.disabled():
        print(f"\n# a fork bomb of {max(seen) - quiet} processes: call answered after {ended - begun:.1f} s, "
              f"gone {gone - ended:.2f} s later, next call {time.monotonic() - gone:.2f} s")


@limited
def test_forks_are_refused_past_the_limit_and_the_server_answers(made):
    _, lam = made
    make_function(lam, "bomber", CODE, MemorySize=1769, Timeout=240)  # for less its memory runs out first
    children = invoke(lam, "bomber", {"do": "bomb", "most": PIDS_A_WORKER_MAX + 100}).payload
    assert 0 < children < PIDS_A_WORKER_MAX, children
    assert adds(lam)


@limited
def test_nothing_is_left_of_a_keeper_that_was_killed(made):
    server, lam = made
    assert adds(lam)
    before = ours(server)
    assert before
    server.kill9()
    server.start()
    wait_until(lambda: not any(path.exists() for path in before), f"{before} go", 10)
    assert adds(server.client("lambda"))
    now = ours(server)
    server.stop()
    wait_until(lambda: not any(path.exists() for path in now), f"{now} go", 10)


def test_a_function_goes_with_its_package(made):
    server, lam = made
    assert adds(lam)
    lam.delete_function(FunctionName="busy")
    time.sleep(0.1)
    server.stop()
