"""What an attacker would try from inside a function; each probe is a small function.

As a Lambda function: {"probe": NAME, "with": {...}} answers {"reached": [...]}, what the probe got hold of that it should
not.  As a program on the host (`python3 main.py NAME '{...}'`) it prints the same, which shows that the probe is not weak.
Probes that use something up ("burn") answer how far they came.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
MINUS_ONE = ctypes.c_long(-1)


def syscall(number, *args):
    """The result, or -errno."""
    ctypes.set_errno(0)
    args = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = libc.syscall(ctypes.c_long(number), *args)
    return -ctypes.get_errno() if result == -1 else result


def in_child(function, seconds=10):
    """What function() returns (JSON), from a child of its own; its signal as text if it dies."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(function()).encode())
        except BaseException as error:  # noqa: BLE001
            os.write(write_end, json.dumps(f"raised {type(error).__name__}: {error}").encode())
        os._exit(0)
    os.close(write_end)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.005)
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return "hung"
    with os.fdopen(read_end, "rb") as pipe:
        text = pipe.read()
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return json.loads(text) if text else f"exit {status}"


def can_read(path, count=1):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.read(fd, count)
        return True
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES, errno.EIO)
    finally:
        os.close(fd)


def can_write(path):
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return True
    except OSError:
        return False


def other_pids():
    own = {os.getpid()}
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) not in own)


# Data


def environ_of_others(**_):
    return [f"/proc/{pid}/environ" for pid in other_pids() if can_read(f"/proc/{pid}/environ")]


def memory_of_others(**_):
    reached = []
    for pid in other_pids():
        try:
            os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
            reached.append(f"/proc/{pid}/mem")
        except OSError:
            pass
    return reached


def descriptors_of_others(**_):
    reached = []
    for pid in other_pids():
        try:
            reached += [f"/proc/{pid}/fd/{fd}" for fd in os.listdir(f"/proc/{pid}/fd")]
        except OSError:
            pass
    return reached


def roots_of_others(**_):
    reached = []
    for pid in other_pids():
        for way in ("root", "cwd"):
            try:
                os.listdir(f"/proc/{pid}/{way}/")
                reached.append(f"/proc/{pid}/{way}")
            except OSError:
                pass
    return reached


def find_by_name(secret, places=("/",), others=True, **_):
    """A file of another function, by its name, anywhere in the tree (also through other processes' roots)."""
    reached = []
    for place in [*places, *(f"/proc/{pid}/root/tmp" for pid in other_pids() if others)]:
        for folder, folders, files in os.walk(place):
            if folder == "/":
                folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "work")]
            if secret in files or secret in folders:
                reached.append(os.path.join(folder, secret))
    return reached


def host_files(paths=(), **_):
    return [path for path in ["/etc/shadow", "/root/.bashrc", "/etc/sudoers", "/var/log/dpkg.log", "/proc/1/root/etc/shadow", *paths]
            if can_read(path)]


def inherited_descriptors(**_):
    """Open files that nobody of ours opened, beside sockets and pipes."""
    reached = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if target.startswith(("socket:", "pipe:", "/dev/null", "/proc/")) or target.startswith("/tmp/probe-"):
            continue
        reached.append(f"{name} -> {target}")
    return reached


def kernel_files(**_):
    secret = ["/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/sched_debug", "/proc/timer_list",
              "/proc/kmsg", "/proc/kpagecount", "/proc/slabinfo", "/proc/iomem", "/proc/modules", "/proc/config.gz", "/proc/vmallocinfo",
              "/proc/sys/kernel/core_pattern", "/sys/kernel/notes", "/sys/firmware/dmi/tables/DMI", "/sys/kernel/debug",
              "/sys/fs/cgroup", "/sys/class/net"]
    writable = ["/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
                "/proc/self/oom_score_adj_", "/sys/kernel/uevent_helper", "/proc/sys/net/ipv4/ip_forward"]
    return ([path for path in secret if (os.path.isdir(path) and os.listdir(path)) or can_read(path)] +
            [f"{path} to write" for path in writable if can_write(path)])


def devices(**_):
    allowed = {"null", "zero", "full", "random", "urandom"}
    reached = []
    for folder, _folders, files in os.walk("/dev"):
        for name in files:
            path = os.path.join(folder, name)
            try:
                mode = os.stat(path).st_mode
            except OSError:
                continue
            if (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)) and path[5:] not in allowed and can_open(path):
                reached.append(path)
    return reached


def can_open(path):
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY))
        return True
    except OSError:
        return False


def write_where_code_is(**_):
    reached = []
    for folder in ("/", "/usr", "/usr/lib", "/etc", "/opt", "/var", "/var/task", "/var/runtime", "/bin", "/dev", "/proc/sys/kernel"):
        path = os.path.join(folder, f"probe-{os.getpid()}")
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            os.unlink(path)
            reached.append(folder)
        except OSError:
            pass
    for path in ("/usr/bin/python3", "/proc/self/exe", "/etc/passwd", "/var/task/main.py"):
        if can_write(path):
            reached.append(path)
    return reached


def setuid_files(**_):
    reached = []
    for place in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/bin", "/sbin"):
        for folder, _folders, files in os.walk(place):
            for name in files:
                path = os.path.join(folder, name)
                try:
                    honoured = not os.statvfs(path).f_flag & os.ST_NOSUID
                    if os.lstat(path).st_mode & 0o6000 and honoured and "NoNewPrivs:\t1" not in open("/proc/self/status").read():
                        reached.append(path)
                except OSError:
                    pass
    return reached


def capabilities(**_):
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    reached = [f"{name} {status[name]}" for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
    return reached + ([] if status.get("NoNewPrivs") == "1" else ["NoNewPrivs 0"]) + ([] if status.get("Seccomp") == "2" else ["no seccomp"])


def become_root(**_):
    reached = []
    for name, call in {"setuid": lambda: os.setuid(12345), "setgid": lambda: os.setgid(12345), "setgroups": lambda: os.setgroups([0]),
                       "chroot": lambda: os.chroot("/tmp")}.items():
        def attempt(call=call):
            call()
            return True

        if in_child(attempt) is True:
            reached.append(name)
    return reached


def own_program(**_):
    """Our binary inside a cell could be written to or run as another role."""
    reached = []
    for folder, _folders, files in os.walk("/"):
        if folder == "/":
            _folders[:] = [name for name in _folders if name not in ("proc", "sys", "work")]
        reached += [os.path.join(folder, name) for name in files if name == "sculler"]
    return reached


# Kernel


def mount_calls(**_):
    calls = {
        "mount": lambda: syscall(165, b"none", b"/tmp", b"tmpfs", 0, 0),
        "umount2": lambda: syscall(166, b"/tmp", 0) if syscall(165, b"none", b"/tmp", b"tmpfs", 0, 0) == 0 else syscall(166, b"/proc", 2),
        "fsopen": lambda: syscall(430, b"tmpfs", 0),
        "open_tree": lambda: syscall(428, -100, b"/tmp", 1),
        "mount_setattr": lambda: syscall(442, -100, b"/", 0, ctypes.create_string_buffer(32), 32),
        "pivot_root": lambda: 0 if syscall(155, b"/", b"/") in (0, -errno.EBUSY, -errno.EINVAL) else -1,
        "swapon": lambda: 0 if syscall(167, b"/nothing", 0) in (0, -errno.ENOENT) else -1,
    }
    return [name for name, call in calls.items() if isinstance(got := in_child(call), int) and got >= 0]


def namespace_calls(**_):
    flags = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000,
             "cgroup": 0x02000000, "time": 0x00000080}
    reached = [f"unshare {name}" for name, flag in flags.items() if in_child(lambda flag=flag: syscall(272, flag)) == 0]
    for name, flag in flags.items():
        if name == "time":
            continue

        def clone(flag=flag):
            pid = syscall(56, flag | signal.SIGCHLD, 0, 0, 0, 0)
            if pid == 0:
                os._exit(0)
            return pid

        result = in_child(clone)
        if isinstance(result, int) and result > 0:
            reached.append(f"clone {name}")
    arguments = struct.pack("8Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)

    def clone3():
        pid = syscall(435, ctypes.create_string_buffer(arguments), 64)
        if pid == 0:
            os._exit(0)
        return pid

    result = in_child(clone3)
    if isinstance(result, int) and result > 0:
        reached.append("clone3 user")
    for name in ("mnt", "net", "pid", "user", "ipc"):
        def enter(name=name):
            return syscall(308, os.open(f"/proc/{os.getppid()}/ns/{name}", os.O_RDONLY), 0)

        if in_child(enter) == 0:
            reached.append(f"setns {name}")
    return reached


def trace_calls(**_):
    reached = []
    victim = os.fork()
    if victim == 0:
        time.sleep(20)
        os._exit(0)
    try:
        if syscall(101, 16, victim, 0, 0) == 0:  # PTRACE_ATTACH
            reached.append("ptrace")
            os.waitpid(victim, 0)
            syscall(101, 17, victim, 0, 0)
        buffer = ctypes.create_string_buffer(16)
        local = struct.pack("PN", ctypes.addressof(buffer), 16)
        for name, number in (("process_vm_readv", 310), ("process_vm_writev", 311)):
            if syscall(number, victim, ctypes.create_string_buffer(local), 1, ctypes.create_string_buffer(local), 1, 0) > 0:
                reached.append(name)
        pidfd = syscall(434, victim, 0)
        if pidfd >= 0 and syscall(438, pidfd, 0, 0) >= 0:
            reached.append("pidfd_getfd")
        if syscall(312, os.getpid(), victim, 0, 0, 0) >= 0:
            reached.append("kcmp")
    finally:
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
    return reached


def surface_calls(**_):
    """Calls that open a door into the kernel, each with arguments that a kernel without a filter takes, or refuses by
    another error than the filter's."""
    attributes = ctypes.create_string_buffer(struct.pack("IIQQQQQ", 1, 112, 0, 0, 0, 0, 0) + bytes(72))
    calls = {
        "userfaultfd": lambda: syscall(323, 1),
        "io_uring_setup": lambda: syscall(425, 4, ctypes.create_string_buffer(120)),
        "bpf": lambda: syscall(321, 0, ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 8, 1) + bytes(100)), 72),
        "perf_event_open": lambda: syscall(298, attributes, 0, -1, -1, 0),
        "keyctl": lambda: syscall(250, 0, -3, 1),
        "add_key": lambda: syscall(248, b"user", b"probe", b"x", 1, -2),
        "memfd_create": lambda: syscall(319, b"probe", 0),
        "fanotify_init": lambda: syscall(300, 0, 0),
        "kexec_load": lambda: 0 if syscall(246, 0, 0, 0, 0) in (0, -errno.EBUSY) else -1,
        "init_module": lambda: 0 if syscall(175, 0, 0, 0) in (-errno.EFAULT, -errno.ENOEXEC) else -1,
        "open_by_handle_at": lambda: 0 if syscall(304, -100, 0, 0) in (-errno.EFAULT,) else -1,
        "acct": lambda: syscall(163, 0),
        "reboot": lambda: 0 if syscall(169, 0xFEE1DEAD, 672274793, 0, 0) == 0 else -1,
        "sethostname": lambda: 0 if syscall(170, b"probe", 5) == 0 else -1,
        "settimeofday": lambda: 0 if syscall(164, 0, 0) == 0 else -1,
        "personality": lambda: 0 if syscall(135, 0x0400000) >= 0 else -1,
        "seccomp listener": lambda: 0 if syscall(317, 1, 8, 0) == -errno.EFAULT else -1,
    }
    return [name for name, call in calls.items() if isinstance(got := in_child(call), int) and got >= 0]


def socket_families(**_):
    wanted = {"packet": (17, socket.SOCK_RAW, 0), "raw": (2, socket.SOCK_RAW, 1), "vsock": (40, socket.SOCK_STREAM, 0),
              "alg": (38, socket.SOCK_SEQPACKET, 0), "netlink": (16, socket.SOCK_RAW, 0), "key": (15, socket.SOCK_RAW, 2),
              "bluetooth": (31, socket.SOCK_RAW, 1), "can": (29, socket.SOCK_RAW, 1), "tipc": (30, socket.SOCK_STREAM, 0),
              "smc": (43, socket.SOCK_STREAM, 0), "xdp": (44, socket.SOCK_RAW, 0), "rds": (21, socket.SOCK_SEQPACKET, 0)}
    return [name for name, (family, kind, protocol) in wanted.items()
            if in_child(lambda f=family, k=kind, p=protocol: syscall(41, f, k, p)) in range(0, 1 << 20)]


def page_cache_calls(**_):
    def splice():
        read_end, write_end = os.pipe()
        os.write(write_end, b"abc")
        with tempfile.TemporaryFile() as file:
            return syscall(275, read_end, 0, file.fileno(), 0, 3, 0)

    def vmsplice():
        read_end, write_end = os.pipe()
        text = ctypes.create_string_buffer(b"abc")
        return syscall(278, write_end, ctypes.create_string_buffer(struct.pack("PN", ctypes.addressof(text), 3)), 1, 0)

    def tee():
        first, second = os.pipe(), os.pipe()
        os.write(first[1], b"abc")
        return syscall(276, first[0], second[1], 3, 0)

    return [name for name, call in {"splice": splice, "vmsplice": vmsplice, "tee": tee}.items() if in_child(call) == 3]


def run_bytes(machine_code):
    """A function of these bytes: written first, made executable then."""
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    page.write(machine_code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5) != 0:
        page2 = mmap.mmap(-1, 4096, prot=7)
        page2.write(machine_code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page2))
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


def other_architectures(**_):
    # mov eax, 20 (getpid of i386); int 0x80; ret
    old = in_child(lambda: run_bytes(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3") == os.getpid())
    new = in_child(lambda: syscall(0x40000000 | 39) == os.getpid())
    return [name for name, got in (("int 0x80", old), ("x32", new)) if got is True]


def new_calls(**_):
    """Numbers that came after the policy was written: none may do anything."""
    known = {434, 435, 436, 439, 441, 444, 445, 446}  # tried by others, or harmless; Landlock only takes away

    def sweep():
        signal.alarm(5)
        return [n for n in range(424, 1024) if n not in known and
                syscall(n, -1, -1, -1, -1, -1, -1) not in (-errno.EPERM, -errno.ENOSYS)]

    got = in_child(sweep)
    return got if isinstance(got, list) else [got]


def make_devices(**_):
    reached = []
    for name, mode, device in (("memory", stat.S_IFCHR, os.makedev(1, 1)), ("disk", stat.S_IFBLK, os.makedev(254, 0))):
        path = f"/tmp/probe-{os.getpid()}-{name}"
        try:
            os.mknod(path, mode | 0o600, device)
            os.unlink(path)
            reached.append(name)
        except OSError:
            pass
    return reached


def terminal_injection(**_):
    import fcntl

    reached = []
    try:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, 0x5412, b"x")
        reached.append("TIOCSTI")
    except OSError:
        pass
    return reached


def limits_raised(**_):
    """A limit that was lowered stays low."""
    def attempt(kind):
        resource.setrlimit(kind, (10, 10))
        resource.setrlimit(kind, (11, 11))
        return True

    return [name for name in ("NOFILE", "MEMLOCK", "CORE", "NPROC", "STACK", "MSGQUEUE")
            if in_child(lambda kind=getattr(resource, f"RLIMIT_{name}"): attempt(kind)) is True]


def priority_raised(**_):
    def nice():
        os.nice(-5)
        return True

    def fifo():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        return True

    def oom():
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("-1000")
        return True

    return [call.__name__ for call in (nice, fifo, oom) if in_child(call) is True]


def sysv_objects(**_):
    reached = []
    for name, number, args in (("shm", 29, (0x5C0111E2, 1 << 20, 0o1600)), ("sem", 64, (0x5C0111E3, 10, 0o1600)),
                               ("msg", 68, (0x5C0111E4, 0o1600))):
        if syscall(number, *args) >= 0:
            reached.append(name)
    if syscall(240, b"probe", os.O_CREAT | os.O_RDWR, 0o600, 0) >= 0:
        reached.append("mqueue")
        syscall(241, b"probe")
    return reached


# Control


def signal_others(**_):
    reached = []
    for pid in other_pids():
        try:
            os.kill(pid, 0)
            reached.append(pid)
        except OSError:
            pass
    return reached


def kill_everyone(**_):
    """In earnest.  Only for inside: what goes with it must be of this function."""
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        for pid in (-1, 1, os.getppid()):
            try:
                os.kill(pid, number)
            except OSError:
                pass
    return []


def connects(family, address):
    with socket.socket(family) as s:
        s.settimeout(1)
        try:
            s.connect(address)
            return True
        except OSError:
            return False


def host_sockets(abstract=None, paths=(), ports=(), addresses=(), **_):
    reached = []
    if abstract and connects(socket.AF_UNIX, "\0" + abstract):
        reached.append("abstract " + abstract)
    reached += [path for path in paths if connects(socket.AF_UNIX, path)]
    reached += [f"127.0.0.1:{port}" for port in ports if connects(socket.AF_INET, ("127.0.0.1", port))]
    reached += [f"[::1]:{port}" for port in ports if connects(socket.AF_INET6, ("::1", port))]
    return reached + [f"{host}:{port}" for host, port in addresses if connects(socket.AF_INET, (host, port))]


def api_without_keys(api=0, **_):
    """The API's port may be reachable; without a signature it must not listen."""
    import urllib.error
    import urllib.request

    reached = []
    for path in ("/2015-03-31/functions/", "/v1/logs", "/restapis"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{api}{path}", timeout=3) as answer:
                reached.append(f"{path} {answer.status}")
        except urllib.error.HTTPError:
            pass
        except OSError:
            pass
    return reached


# What uses something up: how far it came


def fork_bomb(most=2500, **_):
    pids = []
    try:
        while len(pids) < most:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            pids.append(pid)
    except OSError:
        pass
    count = len(pids)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)
    return ["processes"] if count >= most else []


def exponential_bomb(seconds=2, **_):
    """Every child forks on: only a bound on all of them together holds it."""
    me, end = os.getpid(), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.fork()
        except OSError:
            pass
    if os.getpid() != me:
        os._exit(0)
    return []


def thread_bomb(most=2500, **_):
    threading.stack_size(64 * 1024)
    stop = threading.Event()
    threads = []
    try:
        while len(threads) < most:
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except (RuntimeError, MemoryError):
        pass
    count = len(threads)
    stop.set()
    return ["threads"] if count >= most else []


def memory_bomb(mb=600, **_):
    kept = []
    for _i in range(mb):
        kept.append(bytearray(os.urandom(4096) * 256))
    return ["memory"]


def scratch_bomb(mb=700, **_):
    folder = tempfile.mkdtemp(prefix="probe-")
    written = 0
    block = b"\0" * (1 << 20)
    try:
        with open(os.path.join(folder, "big"), "wb", buffering=0) as file:
            while written < mb:
                written += file.write(block) >> 20
    except OSError:
        pass
    os.unlink(os.path.join(folder, "big"))
    os.rmdir(folder)
    return ["scratch"] if written >= mb else []


def inode_bomb(most=200000, **_):
    folder = tempfile.mkdtemp(prefix="probe-")
    made = 0
    fd = os.open(folder, os.O_RDONLY)
    try:
        while made < most:
            os.close(os.open(f"{made}", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd))
            made += 1
    except OSError:
        pass
    for name in range(made):
        os.unlink(f"{name}", dir_fd=fd)
    os.rmdir(folder)
    return ["inodes"] if made >= most else []


def descriptor_bomb(most=4000, **_):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fds = []
    try:
        while len(fds) < most:
            fds.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    for fd in fds:
        os.close(fd)
    return ["descriptors"] if len(fds) >= most else []


def cpu_hog(seconds=2, **_):
    end = time.monotonic() + seconds
    pids = []
    for _i in range(4):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < end:
                pass
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    return []


def io_hog(seconds=2, **_):
    end = time.monotonic() + seconds
    with tempfile.NamedTemporaryFile(prefix="probe-") as file:
        while time.monotonic() < end:
            file.seek(0)
            file.write(b"x" * (1 << 20))
            file.flush()
            os.fsync(file.fileno())
    return []


def endless_recursion(**_):
    sys.setrecursionlimit(10**9)

    def deeper(n):
        return deeper(n + 1) + 1

    return deeper(0)


def sleeping_for_ever(**_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1000)


def daemon(**_):
    """Leaves a process with a session of its own that ignores what can be ignored."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            time.sleep(0.1)
    return []


def output_flood(mb=200, **_):
    block = b"y" * (1 << 16)
    for _i in range(mb * 16):
        os.write(1, block)
    return []


def forged_output(**_):
    os.write(1, b"\r\n\x1b]0;owned\x07\x1b[2Jfine\r\nREPORT RequestId: 00000000-0000-0000-0000-000000000000\tDuration: 1 ms\n\xff\xfe\x00\n")
    return []


def random_calls(seconds=2, **_):
    """A few hundred thousand calls with random numbers and arguments, each some thousand in a child of its own."""
    import random

    end = time.monotonic() + seconds
    deaths = 0

    def some():
        signal.alarm(1)
        chance = random.Random()
        buffer = ctypes.addressof(ctypes.create_string_buffer(4096))
        values = [0, 1, -1, 2, 3, 4096, buffer, 1 << 31, 1 << 62]
        skipped = {56, 57, 58, 60, 231, 34, 435, 61}
        for _i in range(3000):
            number = chance.randrange(0, 470)
            if number not in skipped:
                syscall(number, *[chance.choice(values) for _ in range(6)])
        return True

    while time.monotonic() < end:
        deaths += in_child(some, 2) is not True
    return []


def answer_twice(**_):
    """The child returns from the handler too, a little later."""
    if os.fork() == 0:
        time.sleep(0.05)
    return []


def echo(number, seconds=0, **_):
    time.sleep(seconds)
    return [number]


def neighbour(mark=None, **_):
    if mark:
        with open(f"/tmp/{mark}", "w") as file:
            file.write("mine")
    return []


def handler(event, context):
    return {"reached": globals()[event["probe"]](**event.get("with", {}))}


if __name__ == "__main__":
    print(json.dumps(handler({"probe": sys.argv[1], "with": json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}}, None)))
