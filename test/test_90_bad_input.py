"""Whatever a client or a function does: it gets an answer that says so, the next call is served, nothing is left."""

import io
import json
import os
import pathlib
import socket
import struct
import zipfile
import zlib

import botocore.exceptions
import pytest
from helpers import ROLE, descendants, fds, http, invoke, make_function, raw, status_of, wait_active, wait_until, zip_of

INVOKE = "/2015-03-31/functions/{}/invocations"
EVENT_MAX = 6291456
RESPONSE_MAX = 6291556


@pytest.fixture(autouse=True)
def serves_on_and_leaves_nothing(server):
    """After each test: /health answers, descriptors and spooled files are as they were."""
    before = fds(server.pid)
    yield
    assert server.is_up()
    # A worker or a template that stays warm has a socket or two of its own.
    wait_until(lambda: fds(server.pid) <= before + 16, f"descriptors: {before} before, {fds(server.pid)} now", 10)
    spool = server.state / "state/spool"
    wait_until(lambda: not spool.exists() or not os.listdir(spool), "the spool is empty", 10)


@pytest.fixture(scope="module")
def good(server):
    """A function that must answer whatever was done to its neighbours."""
    make_function(server.client("lambda"), "good", "def handler(event, context): return {'ok': event}")
    return "good"


def assert_good(lam):
    assert invoke(lam, "good", {"n": 1}).payload == {"ok": {"n": 1}}


# -- HTTP ---------------------------------------------------------------------------------------------------------------

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="a TLS hello"),
        pytest.param(b"GARBAGE\r\n\r\n", id="no request line"),
        pytest.param(b"GET /health\r\n\r\n", id="HTTP/0.9"),
        pytest.param(b"GET /health HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(GET + b"Host: other\r\n\r\n", id="two Hosts"),
        pytest.param(GET + b"X : y\r\n\r\n", id="space before the colon"),
        pytest.param(GET + b"X: a\r\n b\r\n\r\n", id="folded header"),
        pytest.param(GET + b"X: a\x00b\r\n\r\n", id="NUL in a header"),
        pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", id="two lengths"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nhello", id="signed length"),
        pytest.param(POST + b"Content-Length: 99999999999999999999\r\n\r\n", id="length past 64 bits"),
        pytest.param(POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="length and chunks"),
        pytest.param(POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked not last"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="unknown coding"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", id="space in the name"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", id="chunk size no number"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", id="chunk longer than it says"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", id="negative chunk"),
        pytest.param(b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", id="line too long"),
        pytest.param(GET + b"X: " + b"a" * 70000 + b"\r\n\r\n", id="header too long"),
        pytest.param(GET + b"X: y\r\n" * 200 + b"\r\n", id="too many headers"),
    ],
)
def test_a_request_that_is_none_is_refused_and_closed(server, request_bytes):
    """At most one answer, a 4xx or 5xx; nothing behind it is taken for a request."""
    received = raw(server, request_bytes + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(received) == 0 or 400 <= status_of(received) < 600
    assert b"HTTP/1.1 200" not in received and received.count(b"HTTP/1.1 ") <= 1


@pytest.mark.parametrize("cut", [1, 10, 40, 70])
def test_a_client_that_leaves_early_harms_nobody(server, good, lam, cut):
    whole = b"POST /test/x/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(whole[:cut])
    assert_good(lam)


def test_a_body_that_is_cut_short_is_no_call(server):
    received = raw(server, b"POST /test/x/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc", close_writing=True)
    assert status_of(received) in (0, 400, 403, 404)


@pytest.mark.parametrize("path", ["/", "/nothing", "/test", "/test/", "/test/nothing/", "/restapis/none/test/_user_request_/", "/%00", "/..%2f..%2fetc/passwd", "//", "/v1/nothing", "/2015-03-31/functions/%2e%2e/invocations"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "BREW"])
def test_unknown_routes_are_told(server, method, path):
    received = raw(server, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    assert 400 <= status_of(received) < 500


def test_without_a_signature_nothing_is_done(server, good):
    for method, path in [("GET", "/2015-03-31/functions"), ("POST", INVOKE.format("good")), ("GET", "/restapis"), ("GET", "/v1/logs")]:
        status, _, body = http(method, server.url + path, b"{}" if method == "POST" else None)
        assert status in (401, 403), (path, status, body)


def test_a_wrong_secret_is_refused(server):
    import boto3

    client = boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", aws_secret_access_key="no",
                          aws_access_key_id=server.credentials["access_key_id"])
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        client.list_functions()
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


# -- the event -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("event", [b"{", b"{budgets: 1}", b'{"a": 1,}', b"\xff\xfe", b"nul", b'"\x01"', b"[" * 5000, b"{} {}"])
def test_an_event_that_is_no_json(lam, good, event):
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        invoke(lam, good, event)
    assert failed.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert_good(lam)


@pytest.mark.parametrize("event", [b"null", b"0", b'""', b"[]", b'"\\ud83d\\ude00"', b"1e308", b" {} \n", b'{"a":1,"a":2}'])
def test_an_event_of_any_kind(lam, good, event):
    assert invoke(lam, good, event).payload == {"ok": json.loads(event)}


def test_the_largest_event_and_one_byte_more(lam, good):
    largest = b'"' + b"x" * (EVENT_MAX - 2) + b'"'
    answer = invoke(lam, "good", largest)
    # It comes back inside {"ok": ...}, 8 bytes larger, which is still within the limit of an answer.
    assert answer.error is None and len(answer.raw) == EVENT_MAX + len('{"ok": }')
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        invoke(lam, "good", largest[:-1] + b'x"')
    assert failed.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert_good(lam)


# -- control operations ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(
    "change",
    [
        {"MemorySize": 1}, {"MemorySize": 10241}, {"Timeout": 0}, {"Timeout": 901}, {"Runtime": "cobol"},
        {"Handler": ""}, {"FunctionName": "a b"}, {"FunctionName": "x" * 200}, {"Role": "nobody"},
        {"Environment": {"Variables": {"9bad": "x"}}}, {"Environment": {"Variables": {"BIG": "x" * 5000}}},
        {"Code": {}}, {"Code": {"ZipFile": b""}}, {"Code": {"ZipFile": b"PK no zip"}},
    ],
    ids=str,
)
def test_a_function_that_cannot_be_is_a_4xx_and_not_made(server, name, change):
    import boto3
    import botocore.config

    keys = server.credentials
    lam = boto3.client("lambda", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=keys["access_key_id"],
                       aws_secret_access_key=keys["secret_access_key"],
                       config=botocore.config.Config(parameter_validation=False, retries={"total_max_attempts": 1}))
    wanted = {"FunctionName": name, "Runtime": "python3.11", "Role": ROLE, "Handler": "main.handler",
              "Code": {"ZipFile": zip_of("def handler(e, c): pass")}} | change
    with pytest.raises(botocore.exceptions.ClientError) as failed:
        lam.create_function(**wanted)
    answer = failed.value.response
    assert 400 <= answer["ResponseMetadata"]["HTTPStatusCode"] < 500, answer
    assert answer["Error"]["Code"] and answer["Error"]["Message"]
    assert name not in {f["FunctionName"] for f in lam.list_functions()["Functions"]}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"FunctionName": 7}', b'{"FunctionName": "x", "FunctionName": "y"}', b"\xff" * 100, b'{"Code":{"ZipFile":"!!!"},"FunctionName":"zz","Role":"' + ROLE.encode() + b'"}'])
def test_a_create_call_that_is_no_shape(server, body):
    status, answer = signed(server, "POST", "/2015-03-31/functions", body)
    assert 400 <= status < 500
    assert b"essage" in answer


def signed(server, method, path, body):
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    keys = server.credentials
    request = botocore.awsrequest.AWSRequest(method=method, url=server.url + path, data=body,
                                             headers={"Content-Type": "application/json"})
    credentials = botocore.credentials.Credentials(keys["access_key_id"], keys["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "lambda", keys["region"]).add_auth(request)
    status, _, answer = http(method, request.url, body, dict(request.headers))
    return status, answer


# -- packages ------------------------------------------------------------------------------------------------------------

def zip_with(entries):
    """Entries as (name, bytes, mode): what zip_of() would not write."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content, mode in entries:
            info = zipfile.ZipInfo(path)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return out.getvalue()


MAIN = ("main.py", b"def handler(event, context): return 1", 0o100644)


@pytest.mark.parametrize(
    "package",
    [
        pytest.param(lambda: zip_with([MAIN, ("../../../../tmp/sculler-climbed", b"x", 0o100644)]), id="climbs out"),
        pytest.param(lambda: zip_with([MAIN, ("/tmp/sculler-climbed", b"x", 0o100644)]), id="absolute"),
        pytest.param(lambda: zip_with([MAIN, ("link", b"/tmp", 0o120777), ("link/sculler-climbed", b"x", 0o100644)]), id="through a link"),
        pytest.param(lambda: zip_with([MAIN]) [:-30], id="cut short"),
        pytest.param(lambda: zip_with([MAIN, ("a", b"x", 0o100644), ("a/b", b"x", 0o100644)]), id="file and folder"),
        pytest.param(lambda: zip_with([MAIN]).replace(b"def handler", b"def handlex"), id="wrong checksum or data"),
    ],
)
def test_a_package_that_is_not_what_it_seems(lam, good, name, package):
    """Refused, or failed while it is unpacked; never a file outside, never a server that stops."""
    climbed = pathlib.Path("/tmp/sculler-climbed")
    try:
        lam.create_function(FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="main.handler", Code={"ZipFile": package()})
        state = wait_until(lambda: (now := lam.get_function_configuration(FunctionName=name))["State"] != "Pending" and now, "a state")
        if state["State"] == "Active":
            invoke(lam, name)
    except botocore.exceptions.ClientError as error:
        assert 400 <= error.response["ResponseMetadata"]["HTTPStatusCode"] < 500 or error.response["Error"]["Code"].startswith("Resource"), error
    assert not climbed.exists()
    assert_good(lam)


def zip_that_explodes(claims):
    """Twelve entries of a gigabyte of zeros each, 12 MB in all; `claims` is the size that its headers give."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    block, crc, packed = bytes(16 << 20), 0, b""
    for _ in range(64):
        packed += packer.compress(block)
        crc = zlib.crc32(block, crc)
    packed += packer.flush()
    out, directory = b"", b""
    main = MAIN[1]
    for name, data, method, check, size in [(b"main.py", main, 0, zlib.crc32(main), len(main))] + [
        (b"zeros%d" % n, packed, 8, crc, claims) for n in range(12)
    ]:
        head = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, check, len(data), size, len(name), 0)
        directory += b"PK\1\2" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, len(out)) + name
        out += b"PK\3\4" + head + name + data
    end = struct.pack("<HHHHIIH", 0, 0, 13, 13, len(directory), len(out), 0)
    return out + directory + b"PK\5\6" + end


@pytest.mark.parametrize("claims", [pytest.param(1 << 30, id="as it says"), pytest.param(10, id="though it says 10 bytes")])
def test_a_package_that_explodes(lam, good, name, claims):
    """12 GB out of 12 MB: past the limit of what may be unpacked."""
    try:
        lam.create_function(FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="main.handler", Code={"ZipFile": zip_that_explodes(claims)})
        state = wait_until(lambda: (now := lam.get_function_configuration(FunctionName=name))["State"] != "Pending" and now, "a state", 120)
        assert state["State"] == "Failed" and state["StateReason"]
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert_good(lam)


# -- handlers ------------------------------------------------------------------------------------------------------------

BAD_HANDLERS = {
    "exits": ("import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError", r"exit"),
    "sys.exit": ("import sys\ndef handler(e, c): sys.exit(1)", "Runtime.ExitError|SystemExit", r""),
    "segfaults": ("import ctypes\ndef handler(e, c): ctypes.string_at(0)", "Runtime.ExitError", r"signal"),
    "kills itself": ("import os, signal\ndef handler(e, c): os.kill(os.getpid(), signal.SIGKILL)", "Runtime.ExitError", r"signal"),
    "raises": ("def handler(e, c): raise RuntimeError('so it is')", "RuntimeError", r"so it is"),
    "recurses": ("def handler(e, c): return handler(e, c)", "RecursionError", r""),
    "returns an object": ("def handler(e, c): return object()", "Runtime.MarshalError", r"serializ|marshal"),
    "returns bytes": ("def handler(e, c): return b'x'", "Runtime.MarshalError", r"serializ|marshal"),
    "returns a circle": ("def handler(e, c):\n    a = []\n    a.append(a)\n    return a", "Runtime.MarshalError", r""),
    "does not import": ("import nothing_of_that_name", "Runtime.ImportModuleError", r"nothing_of_that_name"),
    "is no Python": ("def handler(", "Runtime.UserCodeSyntaxError", r""),
    "is not there": ("x = 1", "Runtime.HandlerNotFound", r"handler"),
    "exits at import": ("import os\nos._exit(1)", "Runtime.ExitError", r""),
    "raises at import": ("raise ValueError('while importing')", "Runtime.Unknown|ValueError", r"while importing"),
}


@pytest.mark.parametrize("kind", BAD_HANDLERS)
def test_a_handler_that(lam, good, name, kind):
    import re

    code, error_type, words = BAD_HANDLERS[kind]
    make_function(lam, name, code)
    for _ in range(2):
        answer = invoke(lam, name)
        assert answer.status == 200 and answer.error == "Unhandled"
        assert re.fullmatch(error_type, answer.payload["errorType"]), answer.payload
        assert re.search(words, answer.payload["errorMessage"], re.I), answer.payload
    assert_good(lam)


def test_a_handler_that_never_returns(lam, good, name):
    make_function(lam, name, "def handler(e, c):\n    while e.get('hang'): pass\n    return 'back'", Timeout=1)
    answer = invoke(lam, name, {"hang": True})
    assert answer.error == "Unhandled" and "Task timed out after 1.00 seconds" in answer.payload["errorMessage"]
    assert invoke(lam, name).payload == "back"
    assert_good(lam)


def test_a_handler_that_prints_a_hundred_megabytes(lam, good, name, server):
    make_function(lam, name, "def handler(e, c):\n    for _ in range(1600): print('x' * 65535)\n    return 'done'", Timeout=60)
    answer = invoke(lam, name, LogType="Tail")
    assert answer.payload == "done" and answer.response["LogResult"]
    assert_good(lam)


@pytest.mark.parametrize(("size", "fits"), [(RESPONSE_MAX - 2, True), (RESPONSE_MAX - 1, False), (7_000_000, False), (100_000_000, False)])
def test_an_answer_of_that_size(lam, good, name, size, fits):
    make_function(lam, name, f"def handler(e, c): return 'x' * {size}", MemorySize=1024)
    answer = invoke(lam, name)
    if fits:
        assert answer.error is None and len(answer.raw) == size + 2
    else:
        assert answer.error == "Unhandled"
        assert answer.payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert_good(lam)


def test_a_handler_that_takes_a_gigabyte(lam, good, name):
    """Within its MemorySize it may; past it, it alone is stopped (where the host gives cgroups: test_43)."""
    make_function(lam, name, "def handler(e, c):\n    taken = [bytearray(b'x') * (16 << 20) for _ in range(64)]\n    return len(taken)", MemorySize=2048)
    assert invoke(lam, name).payload == 64
    assert_good(lam)


def test_a_handler_that_leaves_processes_behind(lam, good, name, server):
    make_function(lam, name, "import subprocess\ndef handler(e, c):\n    for _ in range(20): subprocess.Popen(['sleep', '1000'])\n    return 1")
    before = len(descendants(server.pid))
    invoke(lam, name)
    lam.delete_function(FunctionName=name)
    wait_until(lambda: len(descendants(server.pid)) <= before, "they are gone with the function", 30)
    assert_good(lam)


def test_a_handler_that_fills_its_tmp(lam, good, name):
    make_function(lam, name, "def handler(e, c):\n    with open('/tmp/full', 'wb') as f:\n        while True: f.write(bytes(1 << 20))", Timeout=30, MemorySize=1024)
    answer = invoke(lam, name)
    assert answer.error == "Unhandled"
    assert_good(lam)


def test_crashes_by_http_are_an_error_in_the_answer(server, lam, tmp_path):
    folder = tmp_path / "crasher"
    folder.mkdir()
    (folder / "main.py").write_text("import os\ndef handler(e, c):\n    if e.get('die'): os._exit(1)\n    return 'alive'\n")
    url = server.cli("deploy", folder, check=0).stdout.strip()
    status, _, body = http("POST", url, b'{"die": true}', {"Content-Type": "application/json"})
    assert status == 502 and b"errorMessage" in body
    assert http("POST", url, b"{}", {"Content-Type": "application/json"})[::2] == (200, b'"alive"')
