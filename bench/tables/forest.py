"""A random forest at 64 connections: one row a request, batched where a contestant can.

The limit is the model alone at 64 rows a call, in one process a CPU.
"""

import json
import subprocess

from . import common

EVENT = json.dumps({"x": [round(0.1 * i - 1, 1) for i in range(20)]}).encode()
CONNECTIONS = 64
LIMIT = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import main
rows = [json.load(open(sys.argv[2]))["x"]] * 64
main.score(rows)
started, count = time.perf_counter(), 0
while time.perf_counter() - started < 2:
    main.score(rows); count += 64
print(count / (time.perf_counter() - started))
"""


def uvicorn(app, port, workers):
    return [common.VENV / "bin/uvicorn", f"{app}:app", "--port", port, "--workers", workers, "--loop", "uvloop", "--http",
            "httptools", "--no-access-log", "--log-level", "error"]


def contestants(args, cpus, workers):
    """(server, url, body)"""
    peers = common.BENCH / "peers"
    for name, app in (("FastAPI, as documented", "forest_docs"), ("FastAPI + batcher by hand", "forest_batcher")):
        port = common.free_port()
        yield common.Server(name, uvicorn(app, port, workers), cpus, cwd=peers), f"http://127.0.0.1:{port}/", EVENT
    if (common.VENV / "bin/bentoml").exists():
        port = common.free_port()
        body = json.dumps({"x": [json.loads(EVENT)["x"]]}).encode()
        server = common.Server("BentoML, adaptive batching", [common.VENV / "bin/bentoml", "serve", "forest_bento:Forest",
                               "--port", port, "--host", "127.0.0.1"], cpus, cwd=peers,
                               env={"BENTOML_DO_NOT_TRACK": "True", "PATH": f"{common.VENV}/bin:/usr/bin:/bin"})
        yield server, f"http://127.0.0.1:{port}/score", body
    else:
        common.say("bench: BentoML is not installed (bench/requirements-bento.txt): its row is missing")
    sculler = common.Sculler(args.sculler, cpus, "--workers-per-version", workers)
    sculler.name = "Sculler, batch_handler"
    yield sculler, sculler.deploy("forest", batch_max=64), EVENT


def limit(cpus, count):
    with open(common.ROOT / "build/forest-event.json", "wb") as event:
        event.write(EVENT)
    running = [subprocess.Popen(["taskset", "-c", cpus, common.PYTHON, "-c", LIMIT, common.BENCH / "forest", event.name],
                                stdout=subprocess.PIPE, env=common.ONE_THREAD) for _ in range(count)]
    return sum(float(p.communicate()[0]) for p in running)


def score_of(answer):
    value = json.loads(answer)
    return (value[0] if isinstance(value, list) else value)["score"]


def run(args):
    found = {}
    for title, cpus, load_cpus, workers in (("servers on CPU 0, load on CPU 1", "0", "1", 1), ("all on both CPUs", "0,1", "0,1", 2)):
        running = []
        try:
            for server, url, body in contestants(args, cpus, workers):
                running.append((server, url, body))
                common.wait_for(url, body)
            scores = {server.name: score_of(common.call(url, body)) for server, url, body in running}
            if max(scores.values()) - min(scores.values()) > 1e-12:
                raise SystemExit(f"bench: the contestants do not agree: {scores}")
            rows = {"model alone, 64 rows a call (limit)": []}
            for _ in range(args.rounds):
                rows["model alone, 64 rows a call (limit)"].append((limit(cpus, workers), None))
                for server, url, body in running:
                    common.wrk(url, body, CONNECTIONS, 1, load_cpus)
                    rows.setdefault(server.name, []).append(common.wrk(url, body, CONNECTIONS, args.seconds, load_cpus))
                    common.say(f"forest {server.name}: {rows[server.name][-1][0]:.0f}/s")
        finally:
            for server, _, _ in running:
                server.stop()
        found[title] = {name: [common.median([v[0] for v in values]),
                               common.median([v[1] for v in values]) if values[0][1] else None] for name, values in rows.items()}
    return found


def show(found):
    for title, rows in found.items():
        base = rows["FastAPI, as documented"][0]
        top = rows["model alone, 64 rows a call (limit)"][0]
        common.table(f"Random forest of 100 trees, {CONNECTIONS} connections; {title}",
                     ["contestant", "rows/s", "p50 ms", "÷ FastAPI as documented", "of the limit"],
                     [[name, rate, p50 and p50 / 1e3, rate / base, rate / top] for name, (rate, p50) in rows.items()])
