"""What the kill and abuse tests share: what a server leaves in the machine, and which process is whose."""

import contextlib
import os
import pathlib
import re
import socket
import sqlite3
import statistics
import subprocess
import time

from helpers import BIN, Server, clean_env, descendants, wait_until

ACCEPT_SECONDS = 1.0  # from the start of the process to its first accepted connection; the goal is 0.1


class ChaosServer(Server):
    """Measures each start: .starts, in seconds until the port accepts."""

    def start(self):
        self.starts = getattr(self, "starts", [])
        command = [BIN, "server", "--listen", f"127.0.0.1:{self.port}", "--state", self.state / "state", *self.flags]
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_env())
        while not accepts(self.port):
            assert self.process.poll() is None, f"the server ended at its start:\n{self.log_text()}"
            assert time.monotonic() - begun < 30, f"the port is not open:\n{self.log_text()}"
            time.sleep(0.001)
        self.starts.append(time.monotonic() - begun)
        wait_until(lambda: self.is_up() or self.process.poll() is not None, "health", 10)
        assert self.process.poll() is None, f"the server ended at its start:\n{self.log_text()}"


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * percent // 100)]


def milliseconds(values):
    """For the log: how many, and how long they took."""
    if not values:
        return "none"
    return (f"{len(values)}: p50 {statistics.median(values) * 1000:.1f} ms, p99 {percentile(values, 99) * 1000:.1f} ms, "
            f"max {max(values) * 1000:.1f} ms")


def is_alive(pid):
    """Zombies are dead: whoever adopted them has not looked yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def package_of(pid):
    """The package that a process has at /var/task: hex, or None."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
            fields = line.split()
            if fields[4].endswith("/var/task"):
                found = re.search(r"/packages/([0-9a-f]{64})/", fields[3])
                return found and found[1]
    return None


def words_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def keeper_of(server):
    """The keeper is exec'ed by the server as `sculler keeper`."""
    for pid in descendants(server.pid):
        if re.search(r"\bkeeper\b", words_of(pid)):
            return pid
    return None


def processes_of(server, package):
    """Those that run this package's code: template first, then its workers."""
    return [pid for pid in descendants(server.pid) if package_of(pid) == package and "python" in words_of(pid)]


def cgroups():
    """Cgroups of keepers that are no more (sculler-<pid>), in every hierarchy that is mounted."""
    found = set()
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        if " - cgroup" not in line:
            continue
        for folder, children, _ in os.walk(line.split()[4]):
            for child in children:
                keeper = re.fullmatch(r"sculler-(\d+)", child)
                if keeper and not is_alive(keeper[1]):
                    found.add(os.path.join(folder, child))
    return found


def uplinks():
    """Processes that give a cell its way out; of ours: who loses its parent becomes a child of the tests' process."""
    return {pid for pid in descendants(os.getpid())
            if re.search(r"\b(pasta|passt)\b", words_of(pid).split(" ")[0]) and is_alive(pid)}


def mounts():
    return {line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines() if "sculler" in line}


def sockets_and_rings():
    """System V objects, which outlive their process."""
    return {kind: len(pathlib.Path(f"/proc/sysvipc/{kind}").read_text().splitlines()) for kind in ("shm", "sem", "msg")}


class Leftovers:
    """What was there before, so that what is there afterwards can be told from it."""

    def __init__(self):
        self.before = self.now()

    @staticmethod
    def now():
        return {"cgroups": cgroups(), "uplinks": uplinks(), "mounts": mounts(), "ipc": set(sockets_and_rings().items())}

    def more(self):
        now = self.now()
        return {kind: sorted(map(str, now[kind] - self.before[kind])) for kind in now if now[kind] - self.before[kind]}


def database(server, name):
    return sqlite3.connect(f"file:{server.state}/state/{name}?mode=ro", uri=True, timeout=10)


def is_whole(server):
    for name in ("sculler.db", "records.db"):
        with contextlib.closing(database(server, name)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], name
            assert db.execute("PRAGMA foreign_key_check").fetchall() == [], name


def recorded(server):
    with contextlib.closing(database(server, "records.db")) as db:
        return [row[0] for row in db.execute("SELECT request_id FROM invocations ORDER BY id")]


def half_made(server):
    """What a crash may leave under packages/ and spool/ and a start must take away."""
    state = server.state / "state"
    names = [f"packages/{name}" for name in os.listdir(state / "packages") if not re.fullmatch(r"[0-9a-f]{64}", name)]
    spool = state / "spool"
    return names + [f"spool/{name}" for name in (os.listdir(spool) if spool.is_dir() else [])]
