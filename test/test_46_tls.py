"""TLS: a chain of certificates, much data, many clients and slow ones, and how functions reach a server that speaks it."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from helpers import BIN, clean_env, invoke, make_function, wait_until
from test_47_tls import TlsServer, folder, make_certificate, strict_context  # noqa: F401

READ_AHEAD_MAX = 256 * 1024  # HTTP_READ_AHEAD_MAX

ECHO = """
    import os, time, urllib.request

    def handler(event, context):
        if event == "environment":
            return {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
        if event == "health":
            return urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL_LAMBDA"] + "/health", timeout=5).status
        if isinstance(event, dict):
            time.sleep(event["sleep"])
            return "x" * event.get("size", 1)
        return event
"""


def openssl(folder, *words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)


def make_chain(folder):
    """A CA, one below it, and a certificate of that for 127.0.0.1.  The CA's path, the chain's, and the key's."""
    key = ["-newkey", "rsa:2048", "-nodes"]
    openssl(folder, "req", "-x509", *key, "-days", 2, "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem")
    extensions = {"middle": "basicConstraints=critical,CA:true", "leaf": "subjectAltName=IP:127.0.0.1,DNS:localhost"}
    for name, above in (("middle", "root"), ("leaf", "middle")):
        (folder / "extensions").write_text(extensions[name])
        openssl(folder, "req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{above}.pem", "-CAkey", f"{above}.key", "-days", 2,
                "-CAcreateserial", "-extfile", "extensions", "-out", f"{name}.pem")
    chain = folder / "chain.pem"
    chain.write_text((folder / "leaf.pem").read_text() + (folder / "middle.pem").read_text())
    return folder / "root.pem", chain, folder / "leaf.key"


class ChainServer(TlsServer):
    """Its clients trust the CA, and nothing else."""

    def __init__(self, ca, chain, key):
        self.ca = ca
        super().__init__(chain, key)

    def connect(self):
        context = strict_context(self.ca)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return context.wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)

    def connection(self, timeout=10):
        self.cert = self.ca
        return super().connection(timeout)

    def rss_mb(self):
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


@pytest.fixture(scope="module")
def tls(folder, nothing_is_left):  # noqa: F811
    server = ChainServer(*make_chain(folder))
    make_function(server.client("lambda"), "echo", ECHO)
    yield server
    try:
        server.stop()
    finally:
        server.remove()


def test_who_trusts_the_ca_trusts_the_chain(tls):
    done = subprocess.run(["curl", "-sS", "--cacert", tls.ca, tls.url + "/health"], capture_output=True, text=True)
    assert json.loads(done.stdout) == {"status": "ok"}, done.stderr
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", tls.port)),
                                                 server_hostname="127.0.0.1")
    assert tls.get("/health").status == 200


def test_the_command_line_trusts_the_ca_that_it_is_told(tls):
    words = [BIN, "ls", "--json", "--state", tls.state / "state"]
    assert subprocess.run(words, capture_output=True, env=clean_env() | {"AWS_CA_BUNDLE": str(tls.ca)}).returncode == 0
    refused = subprocess.run(words, capture_output=True, text=True, env=clean_env())
    assert refused.returncode != 0 and "certificate" in refused.stderr


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(tls, version):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls.port}", version, "-cipher",
                           "DEFAULT@SECLEVEL=0"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode != 0 and "alert protocol version" in done.stderr


def test_large_bodies_go_both_ways(tls):
    lam = tls.client("lambda")
    text = "abcdefghij" * 600_000
    assert invoke(lam, "echo", text).payload == text
    files = {"main.py": ECHO, "blob": os.urandom(10_000_000)}
    make_function(lam, "large", files)
    assert invoke(lam, "large", 1).payload == 1


@pytest.mark.skipif(b"__asan_init" in BIN.read_bytes(), reason="the sanitizer keeps what is freed")
def test_a_kept_connection_keeps_no_memory_of_large_answers(tls):
    clients = [tls.client("lambda") for _ in range(24)]
    for client in clients:
        assert invoke(client, "echo", 1).payload == 1
    before = tls.rss_mb()
    for client in clients:
        assert len(invoke(client, "echo", {"sleep": 0, "size": 5_000_000}).payload) == 5_000_000
    assert tls.rss_mb() - before < 24 * 5 / 2


def signed_call(tls, event):
    keys = tls.credentials
    url = f"{tls.url}/2015-03-31/functions/echo/invocations"
    request = AWSRequest("POST", url, data=json.dumps(event).encode(), headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(keys["access_key_id"], keys["secret_access_key"]), "lambda", keys["region"]).add_auth(request)
    ready = request.prepare()
    head = f"POST {urllib.parse.urlsplit(url).path} HTTP/1.1\r\nHost: 127.0.0.1:{tls.port}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in ready.headers.items() if name.lower() != "host")
    return head.encode() + b"\r\n" + ready.body


class Sealer:
    """A client that seals first and sends then, so much arrives in one piece."""

    def __init__(self, tls):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = strict_context(tls.ca).wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")
        self.socket = socket.create_connection(("127.0.0.1", tls.port), timeout=30)
        self.until_done(self.tls.do_handshake)
        self.socket.sendall(self.outgoing.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def until_done(self, act):
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                self.incoming.write(self.socket.recv(65536) or pytest.fail("cut off"))

    def seal(self, data):
        self.tls.write(data)
        return self.outgoing.read()

    def receive(self):
        return self.until_done(lambda: self.tls.read(65536))


def test_what_is_pipelined_behind_a_slow_call_waits(tls):
    """Up to just below HTTP_READ_AHEAD_MAX is taken, and most of a record; then one read brings more than there may be."""
    head = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Filler: "
    health = head + b"x" * (1024 - len(head) - 4) + b"\r\n\r\n"
    count = 1000
    rest = health * count
    with Sealer(tls) as client:
        client.socket.sendall(client.seal(signed_call(tls, {"sleep": 1})))
        time.sleep(0.1)
        client.socket.sendall(client.seal(rest[: READ_AHEAD_MAX - 1]))
        sealed = client.seal(rest[READ_AHEAD_MAX - 1 :])
        client.socket.sendall(sealed[:16000])
        time.sleep(0.2)
        os.kill(tls.pid, signal.SIGSTOP)  # so that it finds much at once
        sender = threading.Thread(target=client.socket.sendall, args=[sealed[16000:]])
        sender.start()
        time.sleep(0.2)
        os.kill(tls.pid, signal.SIGCONT)
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < count + 1 and (piece := client.receive()):
            received += piece
        sender.join()
    assert received.count(b"HTTP/1.1 200 OK") == count + 1


def test_a_slow_reader_gets_all_and_then_a_goodbye(tls):
    call = signed_call(tls, {"sleep": 0, "size": 5_000_000}).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    with tls.connect() as s:
        s.sendall(call)
        time.sleep(1)
        received = b""
        while piece := s.recv(65536):  # raises when the end is not announced
            received += piece
    assert received.endswith(b'"' + b"x" * 5_000_000 + b'"')


def test_a_crowd_is_served_on_kept_connections(tls):
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(tls.connect()) for _ in range(200)]
        for _ in range(3):
            for s in crowd:
                s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for s in crowd:
                assert s.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_session_is_taken_up_again(tls):
    context = ssl.create_default_context(cafile=tls.ca)
    session = None
    for reused in (False, True):
        plain = socket.create_connection(("127.0.0.1", tls.port), timeout=30)
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as s:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert s.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert s.session_reused is reused
            session = s.session


def test_a_handshake_that_dribbles_is_cut_and_costs_the_others_nothing(tls):
    context = ssl.create_default_context()
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1").do_handshake()
    hello = hello.read()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", tls.port), timeout=1)) for _ in range(50)]
        open_still = set(slow)
        for byte in hello[:100]:
            for s in list(open_still):
                try:
                    s.sendall(bytes([byte]))
                except OSError:
                    open_still.discard(s)
            if not open_still:
                break
            assert tls.get("/health").status == 200
            time.sleep(0.25)
        assert not open_still
    assert 8 < time.monotonic() - began < 20  # HTTP_HEADERS_TIMEOUT_MS, which no byte prolongs


def check_functions_way(tls):
    lam = tls.client("lambda")
    keys = invoke(lam, "echo", "environment").payload
    endpoint = urllib.parse.urlsplit(keys["AWS_ENDPOINT_URL_LAMBDA"])
    assert endpoint.scheme == "http" and endpoint.hostname == "127.0.0.1" and endpoint.port != tls.port
    assert invoke(lam, "echo", "health").payload == 200
    mine = boto3.client("lambda", endpoint_url=keys["AWS_ENDPOINT_URL_LAMBDA"], region_name=keys["AWS_REGION"],
                        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_session_token=keys["AWS_SESSION_TOKEN"],
                        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"])
    assert invoke(mine, "echo", "again").payload == "again"


def test_functions_reach_a_plain_port_of_their_own(tls):
    check_functions_way(tls)


def test_a_restart_says_goodbye_and_goes_on(tls):
    def words():
        return json.loads((tls.state / "state/lock").read_text() or "{}")

    kept = tls.connect()
    kept.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert kept.recv(65536).startswith(b"HTTP/1.1 200 ")
    starts = words()["starts"]
    os.kill(tls.pid, signal.SIGHUP)
    assert kept.recv(65536) == b""  # no SSLEOFError, no reset
    wait_until(lambda: words().get("starts") == starts + 1 and words()["state"] == "ready", "it began anew")
    assert tls.get("/health").status == 200
    check_functions_way(tls)


def test_who_listens_at_a_path_has_no_port(folder):  # noqa: F811
    cert, key = make_certificate(folder, "path")
    path = folder / "s"
    process = subprocess.Popen([BIN, "server", "--listen", f"unix:{path}", "--state", folder / "at-path", "--tls-cert", cert,
                                "--tls-key", key], stderr=subprocess.DEVNULL, env=clean_env())
    try:
        answer = wait_until(lambda: subprocess.run(["curl", "-sS", "--unix-socket", path, "--cacert", cert,
                                                    "https://localhost/health"], capture_output=True).stdout, "it answers")
        assert json.loads(answer) == {"status": "ok"}
        inodes = {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{process.pid}/fd")}
        with open("/proc/net/tcp") as table:
            assert not [row for row in table if row.split()[3] == "0A" and f"socket:[{row.split()[9]}]" in inodes]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
