"""What all tables share: starting and ending servers, deploying to Sculler, loads, medians, printing."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

BENCH = pathlib.Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
VENV = ROOT / ".deps/bench-venv"
PYTHON = VENV / "bin/python"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1"}


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(url, body, headers=None, timeout=60):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return response.read()


def wait_for(url, body=None, seconds=90):
    end = time.time() + seconds
    while time.time() < end:
        try:
            urllib.request.urlopen(urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"}),
                                   timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"bench: nothing answers at {url}")


class Server:
    """A started process (and its children) on the CPUs given; ended by stop(), also as a context."""

    def __init__(self, name, command, cpus, cwd=None, env=None):
        self.name = name
        self.log = tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log", delete=False)
        self.process = subprocess.Popen(["taskset", "-c", cpus, *map(str, command)], cwd=cwd, stdout=self.log,
                                        stderr=self.log, env={**os.environ, **ONE_THREAD, **(env or {})},
                                        start_new_session=True)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        os.unlink(self.log.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Sculler(Server):
    """A server of its own with a fresh state; flags as `sculler server` takes them."""

    def __init__(self, binary, cpus, *flags):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="sculler-bench-", dir="/tmp"))
        self.state.chmod(0o755)
        self.binary, self.port = binary, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("Sculler", [binary, "server", "--listen", self.url[7:], "--state", self.state / "s",
                                     "--log-level", "warn", *flags], cpus)
        wait_for(self.url + "/health")
        out = subprocess.run([binary, "env", "--state", self.state / "s"], check=True, capture_output=True, text=True).stdout
        self.key = dict(re.findall(r"export (\w+)=['\"]?([^'\"\n]+)", out))

    def deploy(self, folder, **settings):
        """A folder of bench/, with [tool.sculler] settings over its own; returns the URL of its endpoint."""
        with tempfile.TemporaryDirectory() as scratch:
            copy = pathlib.Path(scratch) / folder
            shutil.copytree(BENCH / folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
            project = copy / "pyproject.toml"
            words = "".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items())
            project.write_text(project.read_text().rstrip("\n") + "\n" + words)
            done = subprocess.run([self.binary, "deploy", copy], env={**os.environ, **self.key}, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"bench: deploying {folder}:\n{done.stdout}{done.stderr}")
        return f"{self.url}/test/bench_{folder}/"

    def stop(self):
        super().stop()
        shutil.rmtree(self.state, ignore_errors=True)

    def processes(self):
        """pid -> command line of every process below the server."""
        return descendants(self.process.pid)


def descendants(root):
    parents = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
        except OSError:
            pass
    found, todo = {}, [root]
    while todo:
        for pid in parents.get(todo.pop(), []):
            try:
                found[pid] = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            todo.append(pid)
    return found


def pss_kb(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))


def available_kb():
    return int(re.search(r"MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text()).group(1))


def wrk(url, body, connections, seconds, cpus, headers=None):
    """Closed loop: (requests a second, median latency in us)."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n")
        for name, value in (headers or {}).items():
            script.write(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n")
        script.write(f"wrk.body = {json.dumps(body.decode())}\n"
                     "done = function(s, l, r) io.write(string.format('RESULT %d %f %f %d\\n', s.requests, s.duration, "
                     "l:percentile(50), s.errors.status + s.errors.read + s.errors.timeout + s.errors.connect)) end\n")
        script.flush()
        out = subprocess.run(["taskset", "-c", cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name,
                              url], capture_output=True, text=True).stdout
    requests, duration, p50, errors = re.search(r"RESULT (\d+) (\S+) (\S+) (\d+)", out).groups()
    if int(errors):
        say(f"bench: {errors} errors at {url}")
    return int(requests) / (float(duration) / 1e6), float(p50)


def openloop(url, body, rate, seconds, connections, cpus, headers=None):
    """Open loop at a constant rate (openloop.c): its JSON."""
    host, path = re.match(r"http://([^/]+)(/.*)", url).groups()
    with tempfile.NamedTemporaryFile() as request:
        request.write(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
                      f"Content-Length: {len(body)}\r\n".encode()
                      + "".join(f"{k}: {v}\r\n" for k, v in (headers or {}).items()).encode() + b"\r\n" + body)
        request.flush()
        done = subprocess.run(["taskset", "-c", cpus, ROOT / "build/openloop", host.split(":")[1], request.name, str(rate),
                               str(seconds), str(connections)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: openloop: {done.stderr}")
    return json.loads(done.stdout)


def median(values):
    return statistics.median(values)


def table(title, heads, rows):
    """Text columns to the left, numbers to the right."""
    cells = [[c if isinstance(c, str) else "" if c is None else f"{c:.3g}" if abs(c) < 100 else f"{c:.0f}" for c in row]
             for row in rows]
    widths = [max(len(r[i]) for r in [heads, *cells]) for i in range(len(heads))]
    print(f"\n{title}")
    for row in [heads, *cells]:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())


def same_answers(targets, body):
    """{name: url}: every contestant answers the same bytes (JSON blanks aside), or there is no race."""
    expected = None
    for name, url in targets.items():
        got = json.loads(call(url, body))
        expected = got if expected is None else expected
        if got != expected:
            raise SystemExit(f"bench: {name} answers {got!r} where others answer {expected!r}")
