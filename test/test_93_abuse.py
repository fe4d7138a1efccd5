"""Functions that attack: their host, their neighbours, the server (test/abuse/main.py holds the probes).

Each probe first runs on the host, where it must succeed, or it would prove nothing; then as a function, where it must not.
All the while a neighbour is called at a steady rate: its times beside each probe are in the log.  At the end nothing is left.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from chaos import ChaosServer, Leftovers, is_alive, milliseconds, percentile
from helpers import descendants, invoke, make_function, wait_until

ABUSE = pathlib.Path(__file__).with_name("abuse") / "main.py"
SECRET = "secret-of-a-neighbour"
PACE_SECONDS = 0.02  # of the neighbour's calls
HELD_UP_SECONDS = 1.0  # no single call of the neighbour takes longer, whatever the other does
SLOWER_MAX, FLOOR_SECONDS = 10, 0.5  # its p99: this many times the quiet one, or under the floor on a busy machine

# Probes that reach for something.  (name, why it may reach nothing on some hosts either; "" must succeed outside)
REACH = [
    ("environ_of_others", ""),
    ("memory_of_others", ""),
    ("descriptors_of_others", ""),
    ("roots_of_others", ""),
    ("find_by_name", ""),
    ("host_files", ""),
    ("inherited_descriptors", ""),
    ("kernel_files", ""),
    ("devices", ""),
    ("write_where_code_is", ""),
    ("setuid_files", ""),
    ("capabilities", ""),
    ("become_root", ""),
    ("own_program", ""),
    ("mount_calls", ""),
    ("namespace_calls", ""),
    ("trace_calls", ""),
    ("surface_calls", ""),
    ("socket_families", ""),
    ("page_cache_calls", ""),
    ("other_architectures", "a kernel without the i386 calls"),
    ("new_calls", ""),
    ("make_devices", ""),
    ("terminal_injection", "dev.tty.legacy_tiocsti is 0"),
    ("limits_raised", "who tests has no CAP_SYS_RESOURCE"),
    ("priority_raised", ""),
    ("sysv_objects", ""),
    ("signal_others", ""),
    ("host_sockets", ""),
    ("api_without_keys", "the API asks for a signature everywhere"),
    ("fork_bomb", ""),
    ("thread_bomb", ""),
    ("memory_bomb", ""),
    ("scratch_bomb", ""),
    ("inode_bomb", ""),
    ("descriptor_bomb", ""),
]

# What is of its own function, and so no harm: the template and pid 1 of its cell answer to signal 0.
OWN = {"signal_others": lambda reached: [pid for pid in reached if pid > 3]}

# Probes that use up or wreck: only how they end matters, and what the others feel.  None: an answer; else an error type.
BURN = [
    ("exponential_bomb", {None, "Runtime.ExitError", "Sandbox.Timedout"}),
    ("cpu_hog", {None}),
    ("io_hog", {None, "Runtime.ExitError"}),
    ("endless_recursion", {"Runtime.ExitError", "RecursionError", "MemoryError", "Sandbox.Timedout"}),
    ("sleeping_for_ever", {"Sandbox.Timedout"}),
    ("daemon", {None}),
    ("kill_everyone", {None, "Runtime.ExitError", "Sandbox.Timedout"}),
    ("random_calls", {None, "Runtime.ExitError", "Sandbox.Timedout", "KeyboardInterrupt"}),  # kill(0, SIGINT) may be among them
    ("output_flood", {None}),
    ("forged_output", {None}),
]


class Neighbour(threading.Thread):
    """Called at a steady rate; (when, how long) of each call."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.lam, self.stopping, self.calls, self.wrong = server.client("lambda"), False, [], []

    def run(self):
        while not self.stopping:
            begun = time.monotonic()
            try:
                answer = invoke(self.lam, "neighbour", {"probe": "neighbour"})
                if answer.error:
                    self.wrong.append(answer.raw)
            except Exception as error:  # noqa: BLE001 - told by the test
                self.wrong.append(repr(error))
            self.calls.append((begun, time.monotonic() - begun))
            time.sleep(max(0, PACE_SECONDS - (time.monotonic() - begun)))

    def times(self, since, until):
        return [took for begun, took in self.calls if since <= begun <= until]


def outside(name, words, apart):
    """The same code on the host: in namespaces of its own where it changes something, with an end in any case."""
    command = [sys.executable, ABUSE, name, json.dumps(words)]
    if apart:
        command = ["unshare", "--mount", "--ipc", "--fork", *command]
    with contextlib.ExitStack() as stack:
        inherited = stack.enter_context(open("/etc/passwd")) if name == "inherited_descriptors" else None
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | {"TMPDIR": "/dev/shm"}, pass_fds=[inherited.fileno()] if inherited else [])
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])["reached"]


APART = {"mount_calls", "namespace_calls", "sysv_objects", "surface_calls"}


class World:
    """A server, an attacker, a neighbour, and things on the host that an attacker would like to have."""

    def __init__(self):
        self.before = Leftovers()
        self.server = ChaosServer()
        self.lam = self.server.client("lambda")
        self.folder = tempfile.mkdtemp(prefix="abuse-", dir="/tmp")
        code = ABUSE.read_text()
        quick = {"Timeout": 20, "MemorySize": 256, "EphemeralStorage": {"Size": 512}}
        make_function(self.lam, "neighbour", {"main.py": code, SECRET: "secret"}, **quick)
        make_function(self.lam, "attacker", {"main.py": code}, **quick)
        make_function(self.lam, "sleeper", {"main.py": code}, **quick | {"Timeout": 2})
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind(f"\0sculler-abuse-{os.getpid()}")
        self.abstract.listen()
        self.named = socket.socket(socket.AF_UNIX)
        self.named.bind(f"{self.folder}/control")
        self.named.listen()
        pathlib.Path(self.folder, SECRET).touch()
        invoke(self.lam, "neighbour", {"probe": "neighbour", "with": {"mark": SECRET}})
        self.calm = {}

    def words(self, name):
        state = self.server.state / "state"
        return {
            "find_by_name": {"secret": SECRET},
            "host_files": {"paths": [str(state / "credentials"), str(state / "sculler.db"), str(ABUSE)]},
            "host_sockets": {
                "abstract": f"sculler-abuse-{os.getpid()}",
                "paths": [f"{self.folder}/control"],
                "ports": [self.listener.getsockname()[1]],
            },
            "api_without_keys": {"api": self.server.port},
        }.get(name, {})

    def close(self):
        for s in (self.listener, self.abstract, self.named):
            s.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def world(nothing_is_left):
    world = World()
    neighbour = Neighbour(world.server)
    neighbour.start()
    time.sleep(2)
    world.neighbour = neighbour
    world.quiet = neighbour.times(0, time.monotonic())
    print(f"\nneighbour quiet: {milliseconds(world.quiet)}")
    yield world
    neighbour.stopping = True
    neighbour.join()
    family = descendants(world.server.pid)
    world.server.stop()
    world.close()
    wait_until(lambda: not any(map(is_alive, family)), "every process ends", 5)
    wait_until(lambda: not world.before.more(), f"nothing is left: {world.before.more()}", 10)
    world.server.remove()


@contextlib.contextmanager
def beside_a_neighbour(world, name):
    """The neighbour's calls meanwhile are all answered, and none is held up."""
    begun = time.monotonic()
    world.neighbour.wrong.clear()
    yield
    time.sleep(3 * PACE_SECONDS)
    assert world.server.process.poll() is None, f"{name} ended the server"
    times = world.neighbour.times(begun, time.monotonic())
    print(f"{name}: neighbour {milliseconds(times)}")
    assert not world.neighbour.wrong, f"the neighbour of {name}: {world.neighbour.wrong[0]}"
    if len(times) > 20:
        assert percentile(times, 99) < max(SLOWER_MAX * percentile(world.quiet, 99), FLOOR_SECONDS), name
    assert not times or max(times) < HELD_UP_SECONDS, f"{name}: a call of the neighbour took {max(times):.3f} s"


SLEEPERS = {"sleeping_for_ever", "endless_recursion"}  # end by their timeout: a short one


def attack(world, name):
    """(what was reached, the error type)."""
    answer = invoke(world.lam, "sleeper" if name in SLEEPERS else "attacker", {"probe": name, "with": world.words(name)})
    if answer.error:
        return None, answer.payload.get("errorType")
    return answer.payload["reached"], None


@pytest.mark.parametrize(("name", "weak"), REACH, ids=[name for name, _ in REACH])
def test_it_reaches_nothing(world, name, weak):
    words = world.words(name) | ({"places": [world.folder], "others": False} if name == "find_by_name" else {})
    there = outside(name, words, name in APART) if os.getuid() == 0 else None
    if there == []:
        assert weak, f"{name} reaches nothing on the host either, so it proves nothing"
        print(f"{name} is weak here: {weak}")
    with beside_a_neighbour(world, name):
        reached, error = attack(world, name)
    if error:
        assert error in ("Runtime.ExitError", "MemoryError", "Sandbox.Timedout"), error
    reached = OWN.get(name, lambda all_: all_)(reached or [])
    assert reached == [], f"{name} reaches {reached}"


@pytest.mark.parametrize(("name", "endings"), BURN, ids=[name for name, _ in BURN])
def test_it_burns_only_itself(world, name, endings):
    with beside_a_neighbour(world, name):
        _, error = attack(world, name)
    assert error in endings, f"{name} ends in {error}"
    assert invoke(world.lam, "sleeper" if name in SLEEPERS else "attacker", {"probe": "neighbour"}).payload == {"reached": []}, "the next call is served"


def test_what_it_prints_is_kept_in_bounds(world):
    """200 MB of output: the record keeps a bound of it, and the server does not grow by it."""
    def resident():
        return int(pathlib.Path(f"/proc/{world.server.pid}/statm").read_text().split()[1]) * 4096

    before = resident()
    attack(world, "output_flood")
    assert resident() - before < 32 << 20
    answer = invoke(world.lam, "attacker", {"probe": "forged_output"}, LogType="Tail")
    printed = world.server.cli("logs", check=0).stdout
    assert answer.error is None and "\x1b" not in printed and "\0" not in printed


def test_an_answer_too_many_is_nobodys(world):
    """A handler that forks and returns twice: the second answer is not taken for that of the next call."""
    for _ in range(3):
        invoke(world.lam, "attacker", {"probe": "answer_twice"})
        for number in range(1, 4):  # the first is running when the second answer of the one before comes
            answer = invoke(world.lam, "attacker", {"probe": "echo", "with": {"number": number, "seconds": 0.1}})
            assert answer.error or answer.payload == {"reached": [number]}, answer.raw


def test_a_daemon_goes_with_its_function(world):
    """It outlives its call, as on Lambda, and not its environment."""
    make_function(world.lam, "haunted", {"main.py": ABUSE.read_text()})
    before = set(descendants(world.server.pid))
    invoke(world.lam, "haunted", {"probe": "daemon"})
    ghosts = set(descendants(world.server.pid)) - before
    assert ghosts
    world.lam.delete_function(FunctionName="haunted")
    wait_until(lambda: not any(map(is_alive, ghosts)), "a daemon ends with its function", 20)
