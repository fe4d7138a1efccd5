"""TLS: what clients of it see, and what becomes of those who do not speak it."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import boto3
import pytest
from helpers import BIN, Server, clean_env, free_port, make_function, wait_until


def make_certificate(folder, name="server"):
    """Self-signed, for 127.0.0.1; the paths of it and of its key, which only root may read."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True)
    key.chmod(0o600)
    cert.chmod(0o644)
    return cert, key


def strict_context(ca):
    """That tells an end from a cut: by default Python takes both as the end."""
    context = ssl.create_default_context(cafile=ca)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


class TlsServer(Server):
    def __init__(self, cert, key, *flags):
        self.cert = cert
        super().__init__("--tls-cert", cert, "--tls-key", key, *flags)

    def is_up(self):
        self.url = f"https://127.0.0.1:{self.port}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/health").status == 200
        return False

    def connection(self, timeout=10):
        context = strict_context(self.cert)
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=timeout)

    def get(self, path):
        connection = self.connection()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def client(self, service, **config):
        keys = self.credentials
        return boto3.client(service, endpoint_url=self.url, verify=str(self.cert), region_name=keys["region"],
                            aws_access_key_id=keys["access_key_id"], aws_secret_access_key=keys["secret_access_key"])


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory(prefix="sculler-test-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


@pytest.fixture(scope="module")
def tls(folder, nothing_is_left):
    server = TlsServer(*make_certificate(folder))
    yield server
    try:
        server.stop()
    finally:
        server.remove()


def test_boto3_calls_a_function_by_tls(tls):
    lam = tls.client("lambda")
    make_function(lam, "echo", "def handler(event, context): return event")
    for size in (1, 100_000, 4_000_000):
        answer = lam.invoke(FunctionName="echo", Payload=json.dumps("x" * size).encode())
        assert json.loads(answer["Payload"].read()) == "x" * size


def test_the_command_line_finds_its_way(tls):
    done = subprocess.run([BIN, "ls", "--json", "--state", tls.state / "state"], capture_output=True, text=True,
                          env=clean_env())
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([BIN, "env", "--state", tls.state / "state"], capture_output=True, text=True,
                           env=clean_env()).stdout
    assert f"AWS_ENDPOINT_URL='https://127.0.0.1:{tls.port}'" in shown
    assert f"AWS_CA_BUNDLE='{tls.cert}'" in shown


def test_the_command_line_trusts_its_own_server_whatever_the_bundle(tls, tmp_path):
    """A shell's AWS_CA_BUNDLE is a company's, and does not know us."""
    other = make_certificate(tmp_path)[0]
    state = tls.state / "state"
    for endpoint in ([], ["--endpoint", tls.url]):
        words = [BIN, "ls", "--state", state, *endpoint]
        done = subprocess.run(words, capture_output=True, text=True, env=clean_env() | {"AWS_CA_BUNDLE": str(other)})
        assert done.returncode == 0, done.stderr
    shown = subprocess.run([BIN, "env", "--state", state], capture_output=True, text=True,
                           env=clean_env() | {"AWS_CA_BUNDLE": str(other)}).stdout
    assert f"AWS_CA_BUNDLE='{tls.cert}'" in shown
    named = subprocess.run([BIN, "ls", "--endpoint", f"https://localhost:{tls.port}", "--state", tmp_path],
                           capture_output=True, text=True, env=clean_env() | {"AWS_CA_BUNDLE": str(other)})
    assert named.returncode == 3 and "in AWS_CA_BUNDLE" in named.stderr
    gone = subprocess.run([BIN, "ls", "--endpoint", tls.url, "--state", tmp_path], capture_output=True, text=True,
                          env=clean_env() | {"AWS_CA_BUNDLE": "/nowhere.pem"})
    assert gone.returncode == 3 and "cannot be read: /nowhere.pem" in gone.stderr


def test_a_certificate_of_the_server_s_folder_is_found_from_others(folder, nothing_is_left, monkeypatch, tmp_path):
    own = folder / "own"
    own.mkdir()
    own.chmod(0o755)
    cert, key = make_certificate(own)
    monkeypatch.chdir(own)
    server = TlsServer(cert.name, key.name)
    try:
        server.cert = cert
        assert server.credentials["ca"] == str(cert)
        done = subprocess.run([BIN, "ls", "--state", server.state / "state"], capture_output=True, text=True,
                              env=clean_env(), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        server.stop()
    finally:
        server.remove()


def test_curl_is_served_over_one_connection(tls):
    done = subprocess.run(["curl", "-sS", "--cacert", tls.cert, "-w", "%{http_version} %{num_connects} ",
                           tls.url + "/health", tls.url + "/health"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("1.1") == 2 and "1.1 0" in done.stdout


@pytest.mark.parametrize(("version", "good"), [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                               (ssl.TLSVersion.TLSv1_3, True)])
def test_versions(tls, version, good):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.cert)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", tls.port), timeout=10) as plain:
        if not good:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="127.0.0.1")
            return
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            assert s.version() == version.name.replace("_", ".")
            assert s.selected_alpn_protocol() == "http/1.1"


def test_who_speaks_only_http_2_is_told_so(tls):
    context = ssl.create_default_context(cafile=tls.cert)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", tls.port), timeout=10) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1").do_handshake()


def answer_to(server, data):
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as s:
        s.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := s.recv(65536):
                received += piece
        return received


def test_plain_http_is_told_the_way(tls):
    answer = answer_to(tls, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") and b"https://" in answer


@pytest.mark.parametrize("data", [b"\x16", b"\x16\x03\x01\xff\xff" + b"\0" * 20000, b"\x16\x03\x01\x00\x05hello",
                                  b"\x16" * 70000, b"\x16\x03\x03\x00\x00" * 1000])
def test_a_bad_handshake_ends_and_harms_nobody(tls, data):
    began = time.monotonic()
    answer_to(tls, data)
    assert time.monotonic() - began < 15  # HTTP_HEADERS_TIMEOUT_MS and a little
    assert tls.get("/health").status == 200


def test_a_goodbye_comes_with_the_last_answer(tls):
    plain = socket.create_connection(("127.0.0.1", tls.port), timeout=10)
    with strict_context(tls.cert).wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False) as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := s.recv(65536):  # raises when the end is not announced
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_restart_takes_a_renewed_certificate_when_it_may_read_it(folder):
    cert, key = make_certificate(folder, "renewed")
    server = TlsServer(cert, key)
    try:
        for readable in (False, True):
            make_certificate(folder, "renewed")
            key.chmod(0o644 if readable else 0o600)
            before = json.loads((server.state / "state/lock").read_text())["starts"]
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda: json.loads((server.state / "state/lock").read_text() or "{}").get("starts") == before + 1
                       and json.loads((server.state / "state/lock").read_text())["state"] == "ready", "it began anew")
            served = ssl.get_server_certificate(("127.0.0.1", server.port))
            assert (served.strip() == cert.read_text().strip()) == readable
        server.stop()
    finally:
        server.remove()


@pytest.mark.parametrize(("what", "words"), [
    ("no file", "No such file"), ("no key", "--tls-key"), ("not its key", "not the one of the certificate"),
    ("no certificate", "no certificate in PEM"), ("no private key", "no private key in PEM"),
])
def test_what_is_wrong_with_the_files_is_said(folder, what, words):
    cert, key = make_certificate(folder, "good")
    other = make_certificate(folder, "other")
    flags = {
        "no file": ["--tls-cert", folder / "none.pem", "--tls-key", key],
        "no key": ["--tls-cert", cert],
        "not its key": ["--tls-cert", cert, "--tls-key", other[1]],
        "no certificate": ["--tls-cert", key, "--tls-key", key],
        "no private key": ["--tls-cert", cert, "--tls-key", cert],
    }[what]
    done = subprocess.run([BIN, "server", "--listen", f"127.0.0.1:{free_port()}", "--state", folder / "state", *flags],
                          capture_output=True, text=True, timeout=30, env=clean_env())
    assert done.returncode == 1 and words in done.stderr, done.stderr
