"""The physical limit of a start: a process that holds the handler forks, the child answers one event.

    fork_predict.py FOLDER EVENT_FILE ROUNDS BURST

fork() by libc, not os.fork(): no Python hooks before or after.  Prints JSON: import_ms, first_us (a list), burst_ms.
"""

import ctypes
import gc
import json
import os
import sys
import time

folder, event_file, rounds, burst = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.path.insert(0, folder)
event = json.load(open(event_file))
started = time.perf_counter()
import main  # noqa: E402

import_ms = (time.perf_counter() - started) * 1e3
fork = ctypes.PyDLL(None).fork
gc.collect()
gc.freeze()


def child(pipe):
    os.write(pipe, json.dumps(main.handler(event, None)).encode())
    os._exit(0)


def forks(count):
    ends = [os.pipe() for _ in range(count)]
    started = time.perf_counter()
    pids = []
    for _, write_end in ends:
        pid = fork()
        if pid == 0:
            child(write_end)
        pids.append(pid)
    for read_end, _ in ends:
        os.read(read_end, 65536)
    took = time.perf_counter() - started
    for pid in pids:
        os.waitpid(pid, 0)
    for pair in ends:
        os.close(pair[0]), os.close(pair[1])
    return took


first_us = [forks(1) * 1e6 for _ in range(rounds)]
print(json.dumps({"import_ms": import_ms, "first_us": first_us, "burst_ms": forks(burst) * 1e3}))
