"""What limits must do on any shape of cgroups; `inside` runs it in each.  SCULLER_TEST_CGROUPS says which one it is:
v2, hybrid, v1, or none, where a server still serves and says what it cannot do.  On an ordinary host, unset:
what that has."""

import os
import pathlib
import re
import time

import pytest
from helpers import invoke, make_function, wait_until

BACKEND = os.environ.get("SCULLER_TEST_CGROUPS", "")
PIDS_A_WORKER_MAX = int(
    re.search(
        r"PIDS_A_WORKER_MAX = (\d+)",
        (pathlib.Path(__file__).resolve().parents[2] / "src/runtime/runtime_private.h").read_text(),
    )[1]
)
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

    def handler(event, context):
        return {"eat": eat, "bomb": bomb, "add": lambda event: event["a"] + event["b"]}[event["do"]](event)
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
    _, lam = made
    answer = invoke(lam, "busy", {"do": "eat", "megabytes": 1024})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] in ("Runtime.ExitError", "Runtime.OutOfMemory"), answer.payload
    assert "killed" in answer.payload["errorMessage"]
    assert adds(lam)
    assert invoke(lam, "busy", {"do": "eat", "megabytes": 16}).payload == 16


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
