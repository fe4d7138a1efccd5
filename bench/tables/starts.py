"""Starts: the pandas + scikit-learn matcher from nothing, from a template, from a parked worker; a hundred at once; memory.

Each row beside its physical limit: a bare fork() of a process that holds the handler, whose child answers one event.
"""

import json
import selectors
import socket
import sqlite3
import subprocess
import tempfile
import time

from . import common

EVENT = json.dumps({"pairs": [
    {"text_a": "taxi to the fair", "text_b": "taxi fair", "budget": 40.0, "expense": 38.5, "planned": "2017-04-01",
     "paid": "2017-04-03"},
    {"text_a": "hotel", "text_b": "train", "budget": 400.0, "expense": 21.0, "planned": "2017-04-01",
     "paid": "2017-05-03"}]}).encode()
BURST = 100
GUNICORN_WORKERS = 8


def timed(url):
    """One POST on a connection that is open already: milliseconds."""
    host, path = url[7:].split("/", 1)
    address = (host.split(":")[0], int(host.split(":")[1]))
    with socket.create_connection(address) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        time.sleep(0.02)
        started = time.perf_counter()
        s.sendall(request(host, "/" + path, EVENT))
        answer = s.recv(65536)
        took = (time.perf_counter() - started) * 1e3
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        raise SystemExit(f"bench: {answer[:300]!r}")
    return took


def request(host, path, body):
    return (f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            .encode() + body)


def burst(url, body, count):
    """`count` connections, all open; all requests at once; milliseconds until the last answer, and how many were 200."""
    host, path = url[7:].split("/", 1)
    address = (host.split(":")[0], int(host.split(":")[1]))
    sockets = [socket.create_connection(address) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for s in sockets:
        selector.register(s, selectors.EVENT_READ)
    text = request(host, "/" + path, body)
    time.sleep(0.05)
    started = time.perf_counter()
    for s in sockets:
        s.sendall(text)
    waiting, good = count, 0
    while waiting:
        for key, _ in selector.select(60):
            good += b" 200 " in key.fileobj.recv(65536).split(b"\r\n", 1)[0]
            selector.unregister(key.fileobj)
            waiting -= 1
    took = (time.perf_counter() - started) * 1e3
    for s in sockets:
        s.close()
    return took, good


def cold_calls(sculler):
    time.sleep(0.5)
    with sqlite3.connect(sculler.state / "s/records.db") as db:
        return db.execute("SELECT count(*), sum(cold) FROM calls").fetchone()


def all_cold(sculler, name):
    calls, cold = cold_calls(sculler)
    if calls != cold:
        common.say(f"bench: {name}: {calls - cold} of {calls} calls were served by a warm worker")


def from_template(args, cpus):
    with common.Sculler(args.sculler, cpus, "--worker-idle-ms", 100) as sculler:
        url = sculler.deploy("matcher", parked=0)
        for _ in range(args.rounds * 5):
            time.sleep(0.6)
            yield timed(url)
        all_cold(sculler, "template up, no worker")


def from_parked(args, cpus):
    with common.Sculler(args.sculler, cpus, "--worker-idle-ms", 100) as sculler:
        url = sculler.deploy("matcher", parked=1)
        for _ in range(args.rounds * 5):
            time.sleep(0.6)
            yield timed(url)
        all_cold(sculler, "parked worker")


def from_warm(args, cpus):
    """A worker that has answered before, called as seldom: what a parked worker can come near to."""
    with common.Sculler(args.sculler, cpus) as sculler:
        url = sculler.deploy("matcher", parked=1)
        for _ in range(5):
            timed(url)
        for _ in range(args.rounds * 5):
            time.sleep(0.6)
            yield timed(url)


def from_nothing(args, cpus):
    with common.Sculler(args.sculler, cpus, "--worker-idle-ms", 100, "--template-idle-ms", 1000) as sculler:
        url = sculler.deploy("matcher", parked=0)
        for _ in range(args.rounds):
            time.sleep(3.5)
            yield timed(url)


def plain_imports(cpus, event_file):
    code = f"import json, main; print(main.handler(json.load(open({event_file!r})), None))"
    started = time.perf_counter()
    subprocess.run(["taskset", "-c", cpus, common.PYTHON, "-c", code], cwd=common.BENCH / "matcher", check=True,
                   stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1e3


def bare_forks(cpus, event_file, rounds):
    out = subprocess.run(["taskset", "-c", cpus, common.PYTHON, common.BENCH / "limits/fork_predict.py",
                          common.BENCH / "matcher", event_file, str(rounds), str(BURST)], check=True, capture_output=True,
                         text=True, env={**common.ONE_THREAD})
    return json.loads(out.stdout)


def memory(args, cpus):
    """A hundred workers, each has answered: MB each by PSS and by what the machine has less of."""
    body = json.dumps({**json.loads(EVENT), "sleep": 3}).encode()
    with common.Sculler(args.sculler, cpus, "--workers-per-version", 128, "--workers", 200, "--queue-wait-ms", 60000) as sculler:
        url = sculler.deploy("matcher", parked=0)
        common.call(url, EVENT)
        before, there = common.available_kb(), set(sculler.processes())
        burst(url, body, BURST)
        workers = [pid for pid, words in sculler.processes().items() if pid not in there and "bootstrap" in words]
        less = before - common.available_kb()
        pss = sum(common.pss_kb(pid) for pid in workers)
        return {"workers": len(workers), "pss_mb": pss / len(workers) / 1024, "available_mb": less / len(workers) / 1024}


def memory_of_gunicorn(cpus):
    port = common.free_port()
    before = common.available_kb()
    with common.Server("gunicorn", [common.VENV / "bin/gunicorn", "matcher_app:app", "-b", f"127.0.0.1:{port}", "-w",
                                    GUNICORN_WORKERS, "--log-level", "error"], cpus, cwd=common.BENCH / "peers") as server:
        url = f"http://127.0.0.1:{port}/"
        common.wait_for(url, EVENT)
        for _ in range(GUNICORN_WORKERS * 8):
            common.call(url, EVENT)
        less = before - common.available_kb()
        workers = [pid for pid, words in common.descendants(server.process.pid).items() if "gunicorn" in words]
        pss = sum(common.pss_kb(pid) for pid in workers)
        return {"workers": len(workers), "pss_mb": pss / len(workers) / 1024, "available_mb": less / len(workers) / 1024}


def bursts(args, cpus):
    with common.Sculler(args.sculler, cpus, "--worker-idle-ms", 100, "--workers-per-version", 128, "--workers", 200) as sculler:
        url = sculler.deploy("matcher", parked=0)
        common.call(url, EVENT)
        for _ in range(args.rounds):
            time.sleep(1.5)
            took, good = burst(url, EVENT, BURST)
            if good != BURST:
                raise SystemExit(f"bench: only {good} of {BURST} were answered")
            yield took


def run(args):
    cpus = "0,1"
    with tempfile.NamedTemporaryFile("wb", suffix=".json") as event:
        event.write(EVENT), event.flush()
        limits, plain = [], []
        for _ in range(args.rounds):
            limits.append(bare_forks(cpus, event.name, 20))
            plain.append(plain_imports(cpus, event.name))
    starts = {"bare fork + predict (limit)": common.median([us / 1e3 for l in limits for us in l["first_us"]]),
              "Sculler, template up, no worker": common.median(from_template(args, cpus)),
              "Sculler, parked worker": common.median(from_parked(args, cpus)),
              "Sculler, warm worker": common.median(from_warm(args, cpus)),
              "Sculler, no template": common.median(from_nothing(args, cpus)),
              "plain imports, one answer": common.median(plain)}
    return {"starts_ms": starts,
            "burst_ms": {"100 bare forks (limit)": common.median([l["burst_ms"] for l in limits]),
                         "Sculler, 100 calls, no worker": common.median(bursts(args, cpus))},
            "memory": {"Sculler worker": memory(args, cpus), "gunicorn worker, no preload": memory_of_gunicorn(cpus)}}


def show(found):
    starts, limit = found["starts_ms"], found["starts_ms"]["bare fork + predict (limit)"]
    plain = starts["plain imports, one answer"]
    common.table("First answer of the pandas + scikit-learn matcher", ["from", "ms", "÷ limit", "sooner than imports"],
                 [[name, ms, ms / limit, plain / ms] for name, ms in starts.items()])
    limit = found["burst_ms"]["100 bare forks (limit)"]
    common.table("A hundred at once, until all are answered", ["what", "ms", "÷ limit"],
                 [[name, ms, ms / limit] for name, ms in found["burst_ms"].items()])
    base = found["memory"]["gunicorn worker, no preload"]
    common.table("Memory of one more instance",
                 ["what", "instances", "MB (PSS)", "MB (available)", "per GB ÷ gunicorn's", "by PSS"],
                 [[name, m["workers"], m["pss_mb"], m["available_mb"], base["available_mb"] / m["available_mb"],
                   base["pss_mb"] / m["pss_mb"]]
                  for name, m in found["memory"].items()])
