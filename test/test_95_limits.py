"""What a function may take of the machine outside its calls: while its package is made ready, at its import, after it.

Each attack here took gigabytes, or a CPU for ever, before there was a limit.
"""

import contextlib
import pathlib
import re

import pytest
from helpers import descendants, invoke, make_function
from test_43_pool import has_memory_limits


@pytest.fixture
def limited(server):
    if not has_memory_limits(server):
        pytest.skip("this host gives no cgroups")
    return server


def test_a_source_that_compiles_to_gigabytes_is_not_compiled(limited, name):
    """50 KB of zip, 40 MB of source, gigabytes of the compiler's.  Bytecode is a gain, no need: the rest is served."""
    lam = limited.client("lambda")
    monster = "x = [" + "0," * 20_000_000 + "]\n"
    make_function(lam, name, {"main.py": "def handler(event, context): return 'served'\n", "monster.py": monster})
    assert invoke(lam, name).payload == "served"
    assert "compiling its sources took more than 1024 MB of memory" in limited.log_text()


def test_an_import_has_what_a_worker_has_and_some(limited, name):
    """Without a setting: 512 MB at least.  Half of the machine was the limit, for each template."""
    lam = limited.client("lambda")
    make_function(lam, name, "x = [bytearray(b'x') * (1 << 20) for _ in range(600)]\ndef handler(event, context): return len(x)\n")
    assert invoke(lam, name).payload["errorMessage"].endswith("signal: killed")
    assert "out of memory: the import took more than 512 MB" in limited.cli("logs", name, "--json").stdout
    lam.update_function_configuration(FunctionName=name, MemorySize=512)
    lam.get_waiter("function_updated").wait(FunctionName=name)
    assert invoke(lam, name).payload == 600


def oom_score(pid):
    return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())


def may_set_scores():
    """CAP_SYS_RESOURCE, which servers of ours then have, too."""
    status = pathlib.Path("/proc/self/status").read_text()
    return bool(int(re.search(r"^CapEff:\s*(\w+)", status, re.M)[1], 16) >> 24 & 1)


def uplinks(pid):
    """pasta is called by the instructions that it uses: passt.avx2."""
    found = []
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            found += [one] if pathlib.Path(f"/proc/{one}/comm").read_text().startswith(("pasta", "passt")) else []
    return found


def test_the_kernel_looks_for_its_victim_in_cells(server, lam, name):
    make_function(lam, name, """
        def can(text):
            try:
                with open("/proc/self/oom_score_adj", "w") as file: file.write(text)
                return True
            except OSError:
                return False
        def handler(event, context):
            with open("/proc/self/oom_score_adj") as file:
                return [int(file.read()), [text for text in ("499", "0", "-1", "-900") if can(text)]]
    """)
    score, lower = invoke(lam, name).payload
    assert score == 500 and set(lower) <= (set() if may_set_scores() else {"499", "0"})
    if may_set_scores():
        keeper = next(pid for pid in descendants(server.pid) if "keeper" in pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[1:2])
        assert oom_score(server.pid) == oom_score(keeper) == -900
        assert all(oom_score(pid) >= 0 for pid in uplinks(keeper))


def test_processes_of_an_import_are_each_workers_own(server, lam, name):
    """On Lambda an environment has them; a fork would share the one.  They count as its worker's."""
    make_function(lam, name, """
        import os, subprocess
        child = subprocess.Popen(["sh", "-c", "read line; cat /proc/self/cgroup; echo; sleep 1000"], stdin=-1, stdout=-1, text=True)
        def handler(event, context):
            print(file=child.stdin, flush=True)
            its_group = "".join(iter(child.stdout.readline, "\\n"))
            child.terminate()
            with open(f"/proc/self/cgroup") as file:
                return [child.wait(), its_group == file.read()]
    """)
    answer = invoke(lam, name)
    assert answer.payload == [-15, True], answer.raw
    assert "served without forks, each worker imports the handler itself: after the import: processes that it started still run, and " \
           "each worker needs its own: sh" in server.cli("logs", name, "--json").stdout


def test_a_process_of_an_import_that_ended_is_none(lam, name):
    make_function(lam, name, """
        import os, subprocess
        subprocess.run(["true"])
        unwaited = subprocess.Popen(["true"], stdout=subprocess.PIPE)
        unwaited.stdout.read()
        unwaited.stdout.close()
        while open(f"/proc/{unwaited.pid}/stat").read().rpartition(")")[2].split()[0] != "Z": pass
        importer = os.getpid()
        def handler(event, context):
            return importer != os.getpid()
    """)
    assert invoke(lam, name).payload is True


def anonymous_mb(pids):
    sum_kb = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"^RssAnon:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
            sum_kb += int(found[1]) if found else 0
    return sum_kb / 1024


def test_processes_of_an_import_take_no_more_than_a_template(limited, name):
    """Eight of 150 MB, with a template that says there are none: 1.2 GB at MemorySize 128, and no call."""
    lam = limited.client("lambda")
    make_function(lam, name, """
        import os, time
        real = os.listdir
        os.listdir = lambda path=".": [name for name in real(path) if path != "/proc"]
        for _ in range(8):
            if os.fork() == 0:
                kept = bytearray(os.urandom(4096)) * (150 << 8)
                time.sleep(1000)
        time.sleep(3)
        def handler(event, context): return "served"
    """)
    before = anonymous_mb(descendants(limited.pid))
    invoke(lam, name)
    assert anonymous_mb(descendants(limited.pid)) - before < 600
    lam.delete_function(FunctionName=name)


def test_an_uplink_is_counted_as_its_cells(limited, name):
    lam = limited.client("lambda")
    make_function(lam, name, "def handler(event, context): return 'served'\n", Environment={"Variables": {"SCULLER_NETWORK": "egress"}})
    before = set(uplinks(limited.pid))
    assert invoke(lam, name).payload == "served"
    fresh = set(uplinks(limited.pid)) - before
    if not fresh:
        pytest.skip("this host gives no uplink")
    groups = pathlib.Path(f"/proc/{fresh.pop()}/cgroup").read_text().splitlines()
    assert any(re.search(r"/sculler-[\d.]+/cell-\d+/uplink$", group) for group in groups), groups
