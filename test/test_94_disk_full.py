"""The disk fills up under a server that works: what is answered is true, warm functions go on, and all is well again
within a second of space coming back."""

import os
import subprocess
import time

import botocore.exceptions
import pytest
from chaos import ChaosServer, is_whole, recorded
from helpers import ROLE, invoke, make_function, wait_active, wait_until, zip_of

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="a small disk is mounted for it, which takes root")

DISK = "size=24m"
RECOVERED_SECONDS = 1
CODE = "def handler(event, context):\n    return event\n"


class SmallServer(ChaosServer):
    """Its state is on a disk of its own, of 24 MB."""

    def start(self):
        if not os.path.ismount(self.state):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"{DISK},mode=0755", "sculler-small-disk", self.state], check=True)
        super().start()

    def fill(self):
        """Every byte of it."""
        with open(self.state / "filler", "wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError:
                    continue

    def clear(self):
        (self.state / "filler").unlink()

    def remove(self):
        subprocess.run(["umount", "-l", self.state], check=True)
        super().remove()


@pytest.fixture
def small(nothing_is_left):
    server = SmallServer()
    yield server
    try:
        if server.process.poll() is None:
            server.stop()
    finally:
        server.remove()


def create(lam, name):
    return lam.create_function(FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=ROLE,
                               Code={"ZipFile": zip_of(CODE + f"# {name}\n")})


def test_a_full_disk_is_told_and_got_over(small):
    lam = small.client("lambda")
    make_function(lam, "warm", CODE)
    before = [invoke(lam, "warm", n).request_id for n in range(5)]
    wait_until(lambda: set(before) <= set(recorded(small)), "records reach the database")
    small.fill()

    refused, made = 0, []
    for n in range(20):  # what is refused is refused in words, not by silence
        try:
            create(lam, f"full-{n}")
            made.append(f"full-{n}")
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (429, 500, 502, 503, 507), error
            refused += 1
        assert invoke(lam, "warm", n).payload == n
    assert refused > 0
    assert small.process.poll() is None

    small.clear()
    begun = time.monotonic()
    wait_until(lambda: can_create(lam), "functions can be made again", 10)
    assert time.monotonic() - begun < RECOVERED_SECONDS
    after = [invoke(lam, "warm", n).request_id for n in range(5)]
    wait_until(lambda: set(after) <= set(recorded(small)), "records reach the database again", 10)
    names = {function["FunctionName"] for function in lam.list_functions()["Functions"]}
    assert set(made) <= names, "what was acknowledged is there"
    assert names <= {*made, "warm", "again"}, "and nothing else"
    wait_active(lam, "again")
    assert invoke(lam, "again", 1).payload == 1
    is_whole(small)


def can_create(lam):
    try:
        create(lam, "again")
        return True
    except botocore.exceptions.ClientError as error:
        return "already exist" in str(error)


def test_a_server_that_starts_on_a_full_disk_says_so_or_serves(small):
    """Killed when the disk is full, it starts again, or says why not; with space it starts with all it had."""
    lam = small.client("lambda")
    make_function(lam, "kept", CODE)
    answered = [invoke(lam, "kept", n).request_id for n in range(5)]
    small.fill()
    small.kill9()
    try:
        small.start()
        assert invoke(small.client("lambda"), "kept", 1).payload == 1
        small.stop()
    except AssertionError as error:
        assert "ended at its start" in str(error) and "No space left" in small.log_text(), error
    small.clear()
    small.start()
    lam = small.client("lambda")
    wait_active(lam, "kept")
    assert invoke(lam, "kept", 2).payload == 2
    wait_until(lambda: set(answered) <= set(recorded(small)), "what was answered is on record", 10)
    is_whole(small)
