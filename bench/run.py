#!/usr/bin/env python3
"""Sculler beside FastAPI, Flask and uWSGI: the same two handlers, one run, ratios.

    bench/run.py [--rounds N] [--seconds S] [--sculler PATH] [--json]

Every contestant serves the same handler files, and its answer is compared byte for byte before anything is timed.
All servers have the same CPU(s), wrk has its own; rounds are interleaved; the table gives medians over rounds and
ratios to FastAPI.  For Sculler everything is on: SigV4 is verified, the record written, the log kept.  `invoke` is
the Lambda API (signed), `gateway` the API Gateway path.  `floor` is a bare TCP ping-pong between two processes.
Peers run in their best documented settings: two processes each (there are two CPUs), access logs off, uvloop and
httptools for uvicorn, threads with keep-alive for gunicorn, HTTP/1.1 keep-alive for uWSGI; bytecode is compiled
for all.  Where the peers have logs off and Sculler has its record on, the difference is Sculler's loss.
"""

import argparse
import datetime
import hashlib
import hmac
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
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
EVENTS = {
    "noop": json.dumps({"a": 1, "b": "two", "c": [1, 2, 3], "d": None, "pad": "x" * 40}).encode(),
    "pipeline": json.dumps({"x": [round(0.1 * i - 1, 1) for i in range(20)]}).encode(),
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url, body=None, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        try:
            urllib.request.urlopen(url, data=body, timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"bench: nothing answers at {url}")


class Contestant:
    """A started server: how to call each handler, and how to end it."""

    def __init__(self, name, process, targets):
        self.name, self.process, self.targets = name, process, targets

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def spawn(command, cpus, cwd=None, env=None):
    log = open(pathlib.Path(tempfile.gettempdir()) / f"bench-{os.getpid()}.log", "ab")
    return subprocess.Popen(["taskset", "-c", cpus, *map(str, command)], cwd=cwd, env=env, stdout=log, stderr=log,
                            start_new_session=True)


def start_peer(name, command, port, cpus, env):
    process = spawn(command, cpus, cwd=HERE / "peers", env=env)
    wait_for(f"http://127.0.0.1:{port}/noop", EVENTS["noop"])
    return Contestant(name, process, {h: (f"http://127.0.0.1:{port}/{h}", {}) for h in EVENTS})


def start_peers(venv, cpus):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ports = [free_port() for _ in range(3)]
    yield start_peer("FastAPI + uvicorn", [venv / "bin/uvicorn", "fastapi_app:app", "--port", ports[0], "--workers", 2,
                     "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"],
                     ports[0], cpus, env)
    yield start_peer("Flask + gunicorn", [venv / "bin/gunicorn", "flask_app:app", "-b", f"127.0.0.1:{ports[1]}", "-w", 2,
                     "-k", "gthread", "--threads", 8, "--keep-alive", 30, "--log-level", "error"], ports[1], cpus, env)
    if shutil.which("uwsgi"):
        site = next((venv / "lib").glob("python3*/site-packages"))
        yield start_peer("uWSGI", ["uwsgi", "--plugin", "python3", "--http11-socket", f"127.0.0.1:{ports[2]}", "--master",
                         "--processes", 2, "--single-interpreter", "--disable-logging", "--pythonpath", site,
                         "--pythonpath", HERE / "peers", "--wsgi-file", HERE / "peers/wsgi_app.py",
                         "--die-on-term", "--need-app"], ports[2], cpus, env)


def sign(key, url, body, region="us-east-1"):
    """Headers of a SigV4-signed Invoke, from the published algorithm; good for five minutes."""
    secret = key["AWS_SECRET_ACCESS_KEY"]
    host, path = re.match(r"http://([^/]+)(/.*)", url).groups()
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/lambda/aws4_request"
    canonical = f"POST\n{path}\n\nhost:{host}\nx-amz-date:{now}\n\nhost;x-amz-date\n{hashlib.sha256(body).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    k = ("AWS4" + secret).encode()
    for part in (now[:8], region, "lambda", "aws4_request"):
        k = hmac.new(k, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(k, text.encode(), hashlib.sha256).hexdigest()
    return {"X-Amz-Date": now, "Authorization": f"AWS4-HMAC-SHA256 Credential={key['AWS_ACCESS_KEY_ID']}/{scope}, "
            f"SignedHeaders=host;x-amz-date, Signature={signature}"}


class Sculler(Contestant):
    """Two rows: the Lambda API, signed for each measurement, and the API Gateway path."""

    def __init__(self, binary, cpus):
        state = tempfile.mkdtemp(prefix="sculler-bench-", dir="/tmp")
        os.chmod(state, 0o755)
        self.url = f"http://127.0.0.1:{free_port()}"
        process = spawn([binary, "server", "--listen", self.url[7:], "--state", state + "/s", "--workers-per-version", 2,
                         "--log-level", "warn"], cpus)
        wait_for(self.url + "/health")
        env = subprocess.run([binary, "env", "--state", state + "/s"], check=True, capture_output=True, text=True).stdout
        self.key = dict(re.findall(r"export (\w+)=['\"]?([^'\"\n]+)", env))
        for name in EVENTS:
            subprocess.run([binary, "deploy", HERE / name], check=True, env={**os.environ, **self.key},
                           stdout=subprocess.DEVNULL)
        super().__init__("Sculler", process, {})

    def targets_for(self, handler, row):
        if row == "gateway":
            return f"{self.url}/test/bench_{handler}/", {}
        url = f"{self.url}/2015-03-31/functions/bench_{handler}/invocations"
        return url, sign(self.key, url, EVENTS[handler])


def call(url, headers, body):
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def load(url, headers, body, connections, seconds, cpus):
    """wrk: requests a second and the median latency in microseconds."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n")
        for name, value in headers.items():
            script.write(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n")
        script.write(f"wrk.body = {json.dumps(body.decode())}\n"
                     "done = function(s, l, r) io.write(string.format('RESULT %d %f %f %d\\n', s.requests, s.duration, "
                     "l:percentile(50), s.errors.status + s.errors.read + s.errors.timeout + s.errors.connect)) end\n")
        script.flush()
        out = subprocess.run(["taskset", "-c", cpus, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name,
                              url], capture_output=True, text=True).stdout
    requests, duration, p50, errors = re.search(r"RESULT (\d+) (\S+) (\S+) (\d+)", out).groups()
    if int(errors):
        print(f"bench: {errors} errors at {url}", file=sys.stderr)
    return int(requests) / (float(duration) / 1e6), float(p50)


def floor(seconds, binary):
    out = subprocess.run([binary, str(seconds), "200"], capture_output=True, text=True).stdout.split()
    return float(out[0]), float(out[1])


def measure(contestants, sculler, pingpong, args, cpus_load):
    rows = {}
    names = [(c.name, lambda h, c=c: c.targets[h]) for c in contestants]
    names += [(f"Sculler ({row})", lambda h, row=row: sculler.targets_for(h, row)) for row in ("invoke", "gateway")]
    for handler, body in EVENTS.items():
        expected = None
        for name, target in names:
            got = call(*target(handler), body)
            expected = expected or got
            if got != expected:
                raise SystemExit(f"bench: {name} answers {got!r} where others answer {expected!r}")
    for turn in range(args.rounds):
        rows.setdefault(("floor", "TCP ping-pong", 1), []).append(floor(args.seconds, pingpong))
        for handler, body in EVENTS.items():
            for connections in (1, 16):
                for name, target in names:
                    url, headers = target(handler)
                    load(url, headers, body, connections, 1, cpus_load)
                    rate, p50 = load(url, headers, body, connections, args.seconds, cpus_load)
                    rows.setdefault((handler, name, connections), []).append((rate, p50))
                    print(f"{handler} {name} c={connections}: {rate:.0f}/s, p50 {p50:.1f} us", file=sys.stderr, flush=True)
        print(f"round {turn + 1} of {args.rounds}", file=sys.stderr)
    return rows


def medians(rows):
    return {key: tuple(statistics.median(v[i] for v in values) for i in (0, 1)) for key, values in rows.items()}


def print_table(found, title):
    print(f"\n{title}")
    print(f"{'handler':10} {'contestant':20} {'c':>3} {'requests/s':>11} {'p50 us':>9} {'rate ÷ FastAPI':>15} {'FastAPI p50 ÷':>14}")
    for (handler, name, connections), (rate, p50) in found.items():
        base = found.get((handler, "FastAPI + uvicorn", connections))
        ratios = f"{rate / base[0]:15.2f} {base[1] / p50:14.2f}" if base else f"{'':15} {'':14}"
        print(f"{handler:10} {name:20} {connections:3} {rate:11.0f} {p50:9.1f} {ratios}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--sculler", default=ROOT / "build/sculler")
    parser.add_argument("--venv", type=pathlib.Path, default=ROOT / ".deps/bench-venv")
    parser.add_argument("--pingpong", default=ROOT / "build/pingpong")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    subprocess.run([args.venv / "bin/python", HERE / "pipeline/train.py"], check=True)
    results = {}
    for title, cpus_server, cpus_load in (("servers on CPU 0, load on CPU 1", "0", "1"), ("all on both CPUs", "0,1", "0,1")):
        running = []
        try:
            running += list(start_peers(args.venv, cpus_server))
            sculler = Sculler(args.sculler, cpus_server)
            found = medians(measure(running, sculler, args.pingpong, args, cpus_load))
            running.append(sculler)
        finally:
            for contestant in running:
                contestant.stop()
        results[title] = found
        if not args.json:
            print_table(found, title)
    if args.json:
        print(json.dumps({t: [{"handler": k[0], "contestant": k[1], "connections": k[2], "rate": v[0], "p50_us": v[1]}
                              for k, v in f.items()] for t, f in results.items()}, indent=1))


if __name__ == "__main__":
    main()
