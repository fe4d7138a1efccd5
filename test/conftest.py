"""Fixtures of the black-box tests.  SCULLER_BIN names the binary; default build/sculler."""

import contextlib
import ctypes
import itertools
import os
import pathlib

import pytest
from helpers import BIN, EXAMPLE, Server, descendants, wait_until

PR_SET_CHILD_SUBREAPER = 36
numbers = itertools.count(1)


def mounts():
    lines = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines if "sculler" in line}


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left():
    """After the last server has ended there is no process and no mount of theirs."""
    assert BIN.exists(), f"{BIN} is not there: make build"
    # Whatever outlives its parent becomes a child of ours, and so cannot hide.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = mounts()
    yield

    def reaped():
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        return not descendants(os.getpid())

    wait_until(reaped, f"processes of the servers end: {descendants(os.getpid())}", 10)
    assert mounts() <= before


@pytest.fixture(scope="session")
def server(nothing_is_left):
    """One for all tests that leave it as they found it."""
    server = Server()
    yield server
    try:
        server.stop()
    finally:
        if os.environ.get("SCULLER_KEEP"):
            print(f"\nkept: {server.state} {server.log}")
        else:
            server.remove()


@pytest.fixture
def own_server(nothing_is_left):
    """Makes servers that a test may stop, kill and configure: own_server("--flag", ...)."""
    servers = []

    def make(*flags):
        servers.append(Server(*flags))
        return servers[-1]

    yield make
    for server in servers:
        try:
            server.stop() if server.process.returncode is None else None
        finally:
            server.remove()


@pytest.fixture
def lam(server):
    return server.client("lambda")


@pytest.fixture
def apigw(server):
    return server.client("apigateway")


@pytest.fixture
def name(request):
    """A function's name that no other test has."""
    stem = "".join(c if c.isalnum() else "-" for c in request.node.name.removeprefix("test_"))
    return f"{stem[:48]}-{next(numbers)}"


@pytest.fixture(scope="session")
def example_url(server):
    """The example, deployed once: the URL it answers at."""
    return server.cli("deploy", EXAMPLE, check=0).stdout.strip()
