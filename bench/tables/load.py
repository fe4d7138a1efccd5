"""Overload and tail, both in an open loop (openloop.c), so that a server that stalls is not asked less.

Overload: ten milliseconds of work a call, two workers: 200 a second is the capacity, 2,000 a second are sent.
Tail: no-ops at half the rate that FastAPI sustains in a closed loop, and p99.9 from the intended time of sending.
"""

import json

from . import common
from .calls import EVENTS, sign, start_fastapi

CONNECTIONS = 256


def overload(args):
    flags = ("--workers-per-version", 2, "--queue", 8, "--queue-wait-ms", 1000)
    with common.Sculler(args.sculler, "0", *flags) as sculler:
        sculler.deploy("slow", parked=0)
        url = f"{sculler.url}/2015-03-31/functions/bench_slow/invocations"  # says 429, where a gateway says 500
        common.call(url, b"{}", sign(sculler.key, url, b"{}"))
        rows = []
        for _ in range(args.rounds):
            headers = sign(sculler.key, url, b"{}")
            peak, _ = common.wrk(url, b"{}", 2, args.seconds, "1", headers)
            found = common.openloop(url, b"{}", 10 * peak, args.seconds, CONNECTIONS, "1", headers)
            after, _ = common.wrk(url, b"{}", 2, 1, "1", headers)
            answered = found["answered"]["count"] / args.seconds
            rows.append({"peak": peak, "answered": answered, "share": answered / peak, "after": after / peak,
                         "refused_p50_ms": found["refused"].get("p50_us", 0) / 1e3,
                         "refused_p99_ms": found["refused"].get("p99_us", 0) / 1e3,
                         "admitted_p99_ms": found["answered"].get("p99_us", 0) / 1e3,
                         "failed": found["failed"]["count"]})
            common.say(f"overload: {json.dumps(rows[-1])}")
    return {key: common.median([row[key] for row in rows]) for key in rows[0]}


def tail(args):
    fastapi = start_fastapi("0")
    sculler = common.Sculler(args.sculler, "0", "--workers-per-version", 2)
    found = {}
    try:
        targets = {"FastAPI + uvicorn": fastapi.url + "/noop", "Sculler (gateway)": sculler.deploy("noop")}
        body = EVENTS["noop"]
        common.same_answers(targets, body)
        knee, _ = common.wrk(targets["FastAPI + uvicorn"], body, 16, args.seconds, "1")
        for _ in range(args.rounds):
            for name, url in targets.items():
                sample = common.openloop(url, body, knee / 2, args.seconds, 64, "1")
                found.setdefault(name, []).append(sample["answered"])
                common.say(f"tail {name}: {json.dumps(sample['answered'])}")
    finally:
        fastapi.stop(), sculler.stop()
    return {"rate": knee / 2, "rows": {name: {p: common.median([s[p] for s in samples]) for p in ("p50_us", "p99_us", "p999_us")}
                                       for name, samples in found.items()}}


def run(args):
    return {"overload": overload(args), "tail": tail(args)}


def show(found):
    o = found["overload"]
    common.table("Ten times what two workers can do", ["what", "value"],
                 [["capacity, calls/s", o["peak"]], ["answered under overload, calls/s", o["answered"]],
                  ["share of capacity", o["share"]], ["refusal, p50 ms", o["refused_p50_ms"]],
                  ["refusal, p99 ms", o["refused_p99_ms"]], ["admitted, p99 ms", o["admitted_p99_ms"]],
                  ["broken or unanswered", o["failed"]], ["a second later, share of capacity", o["after"]]])
    base = found["tail"]["rows"]["FastAPI + uvicorn"]
    common.table(f"No-ops at {found['tail']['rate']:.0f} a second, open loop", ["contestant", "p50 us", "p99 us", "p99.9 us",
                 "FastAPI p99.9 ÷"], [[name, r["p50_us"], r["p99_us"], r["p999_us"], base["p999_us"] / r["p999_us"]]
                                      for name, r in found["tail"]["rows"].items()])
