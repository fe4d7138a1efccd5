"""Calls: two handlers, Sculler beside FastAPI, Flask and uWSGI; closed loop by wrk at 1 and 16 connections.

Every contestant serves the same handler files, and its answer is compared before anything is timed.  For Sculler
everything is on: SigV4 is verified, the record written, the log kept.  `invoke` is the Lambda API (signed), `gateway`
the API Gateway path.  The floor is a bare TCP ping-pong between two processes, plus what Python's json takes for the event.
Peers run in their best documented settings: two processes each (there are two CPUs), access logs off, uvloop and
httptools for uvicorn, threads with keep-alive for gunicorn, HTTP/1.1 keep-alive for uWSGI.
"""

import datetime
import hashlib
import hmac
import json
import re
import shutil
import subprocess

from . import common

EVENTS = {
    "noop": json.dumps({"a": 1, "b": "two", "c": [1, 2, 3], "d": None, "pad": "x" * 40}).encode(),
    "pipeline": json.dumps({"x": [round(0.1 * i - 1, 1) for i in range(20)]}).encode(),
}
JSON_LOOP = """
import json, sys, time
body = sys.stdin.buffer.read()
times = []
for _ in range(20000):
    started = time.perf_counter()
    json.dumps({"ok": True, "n": len(json.loads(body))}).encode()
    times.append(time.perf_counter() - started)
print(sorted(times)[10000] * 1e6)
"""


def start_peer(name, command, port, cpus):
    server = common.Server(name, command, cpus, cwd=common.BENCH / "peers")
    server.url = f"http://127.0.0.1:{port}"
    common.wait_for(server.url + "/noop", EVENTS["noop"])
    return server


def start_fastapi(cpus):
    port = common.free_port()
    return start_peer("FastAPI + uvicorn", [common.VENV / "bin/uvicorn", "fastapi_app:app", "--port", port, "--workers", 2,
                      "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"], port, cpus)


def start_flask(cpus):
    port = common.free_port()
    return start_peer("Flask + gunicorn", [common.VENV / "bin/gunicorn", "flask_app:app", "-b", f"127.0.0.1:{port}", "-w", 2,
                      "-k", "gthread", "--threads", 8, "--keep-alive", 30, "--log-level", "error"], port, cpus)


def start_uwsgi(cpus):
    if not shutil.which("uwsgi"):
        common.say("bench: uWSGI is not installed: its row is missing")
        return None
    port, site = common.free_port(), next((common.VENV / "lib").glob("python3*/site-packages"))
    return start_peer("uWSGI", ["uwsgi", "--plugin", "python3", "--http11-socket", f"127.0.0.1:{port}", "--master",
                      "--processes", 2, "--single-interpreter", "--disable-logging", "--pythonpath", site, "--pythonpath",
                      common.BENCH / "peers", "--wsgi-file", common.BENCH / "peers/wsgi_app.py", "--die-on-term", "--need-app"],
                      port, cpus)


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


def targets(peers, sculler):
    """{name: {handler: (url, body -> headers)}}"""
    found = {p.name: {h: (f"{p.url}/{h}", {}) for h in EVENTS} for p in peers}
    found["Sculler (gateway)"] = {h: (sculler.deploy(h), {}) for h in EVENTS}
    found["Sculler (invoke)"] = {h: (f"{sculler.url}/2015-03-31/functions/bench_{h}/invocations", None) for h in EVENTS}
    return found


def headers_for(headers, sculler, url, body):
    return sign(sculler.key, url, body) if headers is None else headers


def check_answers(found, sculler):
    for handler, body in EVENTS.items():
        answers = {name: common.call(rows[handler][0], body, headers_for(rows[handler][1], sculler, rows[handler][0], body))
                   for name, rows in found.items()}
        if len(set(answers.values())) != 1:
            raise SystemExit(f"bench: the contestants do not answer the same bytes: {answers}")


def floor(args):
    out = subprocess.run([common.ROOT / "build/pingpong", str(args.seconds), "200"], capture_output=True, text=True).stdout
    took = subprocess.run([common.PYTHON, "-c", JSON_LOOP], input=EVENTS["noop"], capture_output=True).stdout
    rate, p50 = map(float, out.split())
    return rate, p50 + float(took)


def measure(args, cpus, load_cpus):
    running, rows = [], {}
    try:
        running += [peer for peer in (start(cpus) for start in (start_fastapi, start_flask, start_uwsgi)) if peer]
        sculler = common.Sculler(args.sculler, cpus, "--workers-per-version", 2)
        found = targets(running, sculler)
        running.append(sculler)
        check_answers(found, sculler)
        for turn in range(args.rounds):
            rows.setdefault(("floor", "TCP ping-pong + JSON", 1), []).append(floor(args))
            for handler, body in EVENTS.items():
                for connections in (1, 16):
                    for name, by_handler in found.items():
                        url, headers = by_handler[handler]
                        headers = headers_for(headers, sculler, url, body)
                        common.wrk(url, body, connections, 1, load_cpus, headers)
                        rate, p50 = common.wrk(url, body, connections, args.seconds, load_cpus, headers)
                        rows.setdefault((handler, name, connections), []).append((rate, p50))
                        common.say(f"{handler} {name} c={connections}: {rate:.0f}/s, p50 {p50:.1f} us")
            common.say(f"calls: round {turn + 1} of {args.rounds}")
    finally:
        for server in running:
            server.stop()
    return [{"handler": h, "contestant": name, "connections": c, "rate": common.median([v[0] for v in values]),
             "p50_us": common.median([v[1] for v in values])} for (h, name, c), values in rows.items()]


def run(args):
    return {"servers on CPU 0, load on CPU 1": measure(args, "0", "1"), "all on both CPUs": measure(args, "0,1", "0,1")}


def show(found):
    for title, rows in found.items():
        floor_us = next(r["p50_us"] for r in rows if r["handler"] == "floor")
        base = {(r["handler"], r["connections"]): r for r in rows if r["contestant"] == "FastAPI + uvicorn"}
        uwsgi = {(r["handler"], r["connections"]): r for r in rows if r["contestant"] == "uWSGI"}
        lines = []
        for r in rows:
            key = (r["handler"], r["connections"])
            lines.append([f"{r['handler']} {r['contestant']}", str(r["connections"]), r["rate"], r["p50_us"],
                          r["p50_us"] / floor_us, r["rate"] / base[key]["rate"] if key in base else None,
                          base[key]["p50_us"] / r["p50_us"] if key in base else None,
                          r["rate"] / uwsgi[key]["rate"] if key in uwsgi else None])
        common.table(f"Calls; {title}", ["handler, contestant", "c", "calls/s", "p50 us", "p50 ÷ floor", "rate ÷ FastAPI",
                     "FastAPI p50 ÷", "rate ÷ uWSGI"], lines)
