"""The walls of a cell, tried from inside by a function: what must work works, what must not is refused."""

import json
import pathlib
import shutil

import pytest
from helpers import EXAMPLE, invoke, make_function

# Each probe is a line of Python that raises or answers; how it ended comes back by name.
PROBE = """
import ctypes, errno, glob, json, os, signal, socket, stat, struct, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]

def attempt(code):
    try:
        return str(eval(code))
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except Exception as error:
        return type(error).__name__

def links():
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink("/proc/self/fd/" + name))
        except OSError:
            pass  # that of the listing itself
    return found

def handler(event, context):
    return {name: attempt(code) for name, code in event.items()}
"""

# What the history of such walls teaches, a row each: name, what is tried, what must come of it.
REFUSED = ("EPERM", "EACCES", "ENOENT", "ENOSYS", "EROFS", "ESRCH", "EINVAL", "ENXIO", "FileNotFoundError", "PermissionError",
           "ProcessLookupError")
TRIED = {
    # Data
    "environment of pid 1": "open('/proc/1/environ').read()",
    "memory of pid 1": "open('/proc/1/mem', 'rb').read(1)",
    "root of pid 1": "os.listdir('/proc/1/root')",
    "descriptors of pid 1": "os.listdir('/proc/1/fd')",
    "memory of the template": "open('/proc/%d/mem' % os.getppid(), 'rb').read(1)",
    "descriptors of the template": "os.listdir('/proc/%d/fd' % os.getppid())",
    "shadow": "open('/etc/shadow').read()",
    "a home": "os.listdir('/home')",
    "root's home": "os.listdir('/root')",
    "state": "os.listdir('/var/lib')",
    "sys": "os.listdir('/sys')",
    "cgroups": "os.listdir('/sys/fs/cgroup')",
    "kcore": "open('/proc/kcore', 'rb').read(1)",
    "keys": "open('/proc/keys').read()",
    "kallsyms": "open('/proc/kallsyms').read()",
    "sysrq": "open('/proc/sysrq-trigger', 'w').write('h')",
    "sysctl": "open('/proc/sys/kernel/core_pattern', 'w').write('|/tmp/x')",
    "memory of the machine": "open('/dev/mem', 'rb').read(1)",
    "kvm": "open('/dev/kvm', 'rb').read(1)",
    "fuse": "open('/dev/fuse', 'rb').read(1)",
    "terminal": "open('/dev/tty', 'rb').read(1)",
    "write the package": "open('/var/task/main.py', 'a').write('x')",
    "write the runtime": "open('/var/runtime/bootstrap.py', 'a').write('x')",
    "write the interpreter": "open('/proc/self/exe', 'r+b').write(b'x')",
    "write /usr": "open('/usr/bin/x', 'w').write('x')",
    "write /": "os.mkdir('/x')",
    "write /opt": "os.mkdir('/opt/x')",
    # Kernel
    "mount": "call(165, b'none', b'/tmp', b'tmpfs', 0, 0)",
    "umount": "call(166, b'/tmp', 2)",
    "new mount calls": "call(430, b'tmpfs', 0)",
    "pivot_root": "call(155, b'.', b'.')",
    "chroot": "os.chroot('/tmp')",
    "unshare": "call(272, 0x10000000)",
    "setns": "call(308, os.open('/proc/self/ns/mnt', os.O_RDONLY), 0x20000)",
    "clone with a namespace": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "clone3": "call(435, 0, 0)",
    "ptrace": "call(101, 16, os.getppid(), 0, 0)",
    "process_vm_readv": "call(310, os.getppid(), 0, 0, 0, 0, 0)",
    "pidfd_getfd": "call(438, 3, 0, 0)",
    "userfaultfd": "call(323, 0)",
    "io_uring": "call(425, 8, 0)",
    "bpf": "call(321, 0, 0, 0)",
    "perf_event_open": "call(298, 0, 0, -1, -1, 0)",
    "keyctl": "call(250, 0, -3, 0, 0, 0)",
    "add_key": "call(248, b'user', b'x', b'y', 1, -3)",
    "AF_PACKET": "socket.socket(17, socket.SOCK_RAW)",
    "AF_ALG": "socket.socket(38, socket.SOCK_SEQPACKET)",
    "AF_VSOCK": "socket.socket(40, socket.SOCK_STREAM)",
    "AF_NETLINK": "socket.socket(16, socket.SOCK_RAW)",
    "raw sockets": "socket.socket(2, socket.SOCK_RAW, 1)",
    "splice": "call(275, 0, 0, 0, 0, 1, 0)",
    "vmsplice": "call(278, 0, 0, 0, 0)",
    "tee": "call(276, 0, 1, 1, 0)",
    "mknod": "os.mknod('/tmp/node', 0o666 | stat.S_IFCHR, os.makedev(1, 1))",
    "reboot": "call(169, 0xfee1dead, 672274793, 0)",
    "init_module": "call(175, 0, 0, b'')",
    "shared memory": "call(29, 0, 4096, 0o1600)",
    "message queue": "call(240, b'q', 0o102, 0o600, 0)",
    "chown": "os.chown('/tmp', 0, 0)",
    "setuid": "os.setuid(0)",
    "a real-time schedule": "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))",
    "a higher priority": "os.nice(-5)",
    "the host's name": "socket.sethostname('x')",
    "the clock": "call(227, 0, struct.pack('qq', 0, 0))",
    # Control
    "kill pid 1": "os.kill(1, signal.SIGTERM)",
    "kill the template": "os.kill(os.getppid(), signal.SIGTERM)",
    "a memory file": "os.memfd_create('x')",
}


@pytest.fixture(scope="module")
def tried(server):
    lam = server.client("lambda")
    make_function(lam, "walls", PROBE)
    answer = invoke(lam, "walls", TRIED)
    assert answer.error is None, answer.raw
    return answer.payload


@pytest.mark.parametrize("what", TRIED)
def test_is_refused(tried, what):
    assert tried[what] in REFUSED, tried[what]


def test_a_worker_has_no_privilege_at_all(lam, tried):
    status = "dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l)"
    names = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Uid", "Gid"]
    seen = invoke(lam, "walls", {n: f"{status}['{n}']" for n in names}).payload
    assert {seen[n] for n in names[:5]} == {"0000000000000000"}
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2")
    assert seen["Uid"].split() == ["993"] * 4 and seen["Gid"].split() == ["990"] * 4


def test_no_descriptor_of_ours_leaks(lam):
    """Null, output, errors, and the socket by which it serves: nothing of the keeper, of a sibling, of the host."""
    make_function(lam, "walls-descriptors", PROBE)  # in which no probe has opened anything
    links = eval(invoke(lam, "walls-descriptors", {"fds": "links()"}).payload["fds"])
    assert all(link.startswith(("/dev/null", "pipe:", "socket:")) for link in links), links
    assert len(links) <= 6, links


def test_nothing_that_gives_privilege_is_in_sight(lam, tried):
    """A setuid file on the host may be seen, but its bit counts for nothing: every mount is nosuid or not writable."""
    mounts = "[l.split()[5].split(',') for l in open('/proc/self/mountinfo')]"
    options = eval(invoke(lam, "walls", {"m": mounts}).payload["m"])
    assert options and all("nosuid" in words for words in options), options


def test_its_programs_and_processes_are_its_own(lam, tried):
    seen = invoke(lam, "walls", {
        "exe": "os.readlink('/proc/self/exe')",
        "pids": "sorted(int(p) for p in os.listdir('/proc') if p.isdigit())",
        "self": "os.getpid()",
        "host": "socket.gethostname()",
        "cgroup": "open('/proc/self/cgroup').read()",
        "core": "__import__('resource').getrlimit(4)",
        "files": "__import__('resource').getrlimit(7)",
        "processes": "__import__('resource').getrlimit(6)",
        "signals": "__import__('resource').getrlimit(11)",
        "root": "sorted(os.listdir('/'))",
    }).payload
    assert "sculler" not in seen["exe"]
    assert set(eval(seen["pids"])) <= {int(seen["self"])}, seen["pids"]
    assert seen["host"] == "sculler"
    assert seen["core"] == "(0, 0)" and seen["files"] == "(1024, 1024)"
    assert 0 < eval(seen["processes"])[1] <= 8192, seen["processes"]
    assert 0 < eval(seen["signals"])[1] <= 4096, seen["signals"]
    assert "home" not in seen["root"] and "root" not in seen["root"] and "sys" not in seen["root"]


# ------------------------------------------------------------------------------------------------- what must work

EXERCISE = '''
import ctypes, json, multiprocessing, os, socket, sqlite3, ssl, subprocess, tempfile, threading, time, asyncio
import concurrent.futures, mmap, shutil, signal, pathlib, select, uuid, zipfile
import numpy, pandas, scipy.linalg, sklearn.ensemble, sklearn.datasets, joblib

def square(x):
    return x * x

def models():
    x, y = sklearn.datasets.make_classification(400, random_state=0)
    forest = sklearn.ensemble.RandomForestClassifier(20, n_jobs=2).fit(x, y)
    return forest.score(x, y) > 0.9

def arrays():
    matrix = numpy.random.default_rng(0).normal(size=(200, 200))
    frame = pandas.DataFrame(matrix).rolling(5).mean()
    return scipy.linalg.svd(matrix)[1].shape == (200,) and frame.shape == (200, 200)

def memory_maps():
    a = numpy.memmap("/tmp/a.dat", dtype="f8", mode="w+", shape=(1000,))
    a[:] = 1
    a.flush()
    return float(numpy.memmap("/tmp/a.dat", dtype="f8", mode="r", shape=(1000,)).sum()) == 1000

def databases():
    with sqlite3.connect("/tmp/a.db") as db:
        mode = db.execute("pragma journal_mode=wal").fetchone()[0]
        db.execute("create table if not exists t (x)")
        db.executemany("insert into t values (?)", [(i,) for i in range(100)])
        return mode == "wal" and db.execute("select count(*) from t").fetchone()[0] >= 100

def programs():
    done = subprocess.run(["sh", "-c", "echo $((6 * 7)); (sleep 0.01 & wait); exit 3"], capture_output=True, text=True)
    group = subprocess.Popen(["sleep", "60"], start_new_session=True)
    os.killpg(os.getpgid(group.pid), signal.SIGKILL)
    return done.stdout == "42\\n" and done.returncode == 3 and group.wait() == -9

def threads():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(square, range(5))) == [0, 1, 4, 9, 16]

def processes():
    with multiprocessing.Pool(2) as pool:
        return pool.map(square, range(5)) == [0, 1, 4, 9, 16]

def shared():
    from multiprocessing import shared_memory
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.buf[0] = 7
    again = shared_memory.SharedMemory(block.name)
    seen = again.buf[0] == 7
    again.close(), block.close(), block.unlink()
    return seen

def jobs():
    return joblib.Parallel(2)(joblib.delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]

def tls():
    context = ssl.create_default_context()
    return context.cert_store_stats()["x509_ca"] > 0 and ssl.RAND_bytes(8) != ssl.RAND_bytes(8)

def files():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "a.txt")
        path.write_text("x" * 100000)
        shutil.copy2(path, folder + "/b.txt")
        shutil.copytree(folder, "/tmp/copy", dirs_exist_ok=True)
        os.symlink("b.txt", folder + "/c.txt")
        shutil.make_archive("/tmp/packed", "zip", folder)
        usage = shutil.disk_usage("/tmp")
        os.replace("/tmp/packed.zip", "/tmp/again.zip")
        return zipfile.ZipFile("/tmp/again.zip").testzip() is None and usage.total > 0

def loops():
    async def serve():
        async def answer(reader, writer):
            writer.write(await reader.readexactly(4))
            writer.close()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"ping")
        got = await reader.read(4)
        child = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
        return got == b"ping" and (await child.communicate())[0] == b"hello\\n"
    return asyncio.run(serve())

def alarms():
    rung = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    time.sleep(0.05)
    return rung == [1]

def callbacks():
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    items = (ctypes.c_int * 3)(3, 1, 2)
    ctypes.CDLL(None).qsort(items, 3, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    return list(items) == [1, 2, 3]

def names():
    return socket.getaddrinfo("localhost", 80, flags=socket.AI_ADDRCONFIG) != [] and uuid.uuid4() != uuid.uuid4()

def handler(event, context):
    try:
        return globals()[event["what"]]()
    except BaseException as error:
        return "%s: %s" % (type(error).__name__, error)
'''
WORKS = ("models arrays memory_maps databases programs threads processes shared jobs tls files loops alarms callbacks"
         " names").split()


@pytest.fixture(scope="module")
def exercised(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exercise")
    (folder / "main.py").write_text(EXERCISE)
    shutil.copy(EXAMPLE / "requirements.txt", folder)
    (folder / "pyproject.toml").write_text(
        '[tool.sculler]\nname = "exercise"\nruntime = "python3.11"\nhandler = "main.handler"\nmemory = 1024\ntimeout = 60\n')
    server.cli("deploy", folder, check=0)
    return server.client("lambda")


@pytest.mark.parametrize("what", WORKS)
def test_works(exercised, what):
    answer = invoke(exercised, "exercise:live", {"what": what})
    assert answer.error is None and answer.payload is True, answer.raw
