"""kill -9 at random moments, of each kind of process, while functions are called, deployed, moved and deleted.

What was acknowledged is there after each restart; what was not is there as a whole or not at all; nothing is left
behind.  A minute or less in `make test` (KILL_SECONDS), rounds by thousands in `make check` (KILL_ROUNDS).  The seed is
printed; CHAOS_SEED=N plays the same choices again, though not the same timing.
"""

import base64
import os
import random
import signal
import threading
import time

import botocore.exceptions
import pytest
from chaos import (ACCEPT_SECONDS, ChaosServer, Leftovers, half_made, is_alive, is_whole, keeper_of, milliseconds, percentile,
                   processes_of, recorded)
from helpers import ROLE, descendants, invoke, make_function, wait_active, wait_until, zip_of

KILL_ROUNDS = int(os.environ.get("KILL_ROUNDS", 0))
KILL_SECONDS = float(os.environ.get("KILL_SECONDS", 15))
SEED = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
NAMES = ["k0", "k1", "k2"]
# An ordinary user may not open /dev/net/tun everywhere; as root every cell has its uplink, which must not be left behind.
NETWORK = {} if os.getuid() == 0 else {"Environment": {"Variables": {"SCULLER_NETWORK": "none"}}}
pytestmark = pytest.mark.timeout(300 + 10 * KILL_ROUNDS)
GONE_SECONDS = 10  # until the processes of a server that was killed have ended


def code(value):
    return f"def handler(event, context):\n    return [{value}, event]\n"


def rounds():
    end = time.monotonic() + KILL_SECONDS
    number = 0
    while number < KILL_ROUNDS or (KILL_ROUNDS == 0 and time.monotonic() < end):
        yield number
        number += 1


class Function:
    """What was acknowledged of one function.  `latest` None: it does not exist."""

    def __init__(self):
        self.latest, self.versions, self.live = None, {}, None

    def copy(self):
        other = Function()
        other.latest, other.versions, other.live = self.latest, dict(self.versions), self.live
        return other

    def facts(self):
        """A version that was begun and not acknowledged has no number yet ("?"): it is the last."""
        ordered = sorted(self.versions, key=lambda number: int(number) if number.isdigit() else 10**9)
        return self.latest, [self.versions[number] for number in ordered], self.versions.get(self.live)

    def __eq__(self, other):
        return self.facts() == other.facts() and all(self.versions[n] == other.versions[n] for n in
                                                     self.versions.keys() & other.versions.keys())

    def __repr__(self):
        return f"<latest {self.latest}, versions {self.versions}, live {self.live}>"


class Deployer(threading.Thread):
    """Changes functions until the server is gone.  `known`: what was acknowledged; `begun`: (name, what it would be)."""

    def __init__(self, server, known, chance, values):
        super().__init__()
        self.lam, self.known, self.chance, self.values = server.client("lambda"), known, chance, values
        self.begun, self.wrong, self.done = None, None, 0
        self.stopping = False

    def run(self):
        try:
            while not self.stopping:
                self.step(self.chance.choice(NAMES))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError):
            pass  # the server is gone
        except Exception as error:  # noqa: BLE001 - told by the test
            self.wrong = error

    def step(self, name):
        now = self.known[name]
        after = now.copy()
        if now.latest is None:
            after.latest = next(self.values)
            self.acknowledge(name, after, self.lam.create_function, Runtime="python3.11", Handler="main.handler", Role=ROLE,
                             Code={"ZipFile": zip_of(code(after.latest))}, **NETWORK)
            return
        what = self.chance.choices([self.update, self.publish, self.move, self.delete], [4, 4, 4, 1])[0]
        what(name, now, after)

    def acknowledge(self, name, after, call, **words):
        self.begun = (name, after)
        answer = call(FunctionName=name, **words)
        if "?" in after.versions:
            after.versions[answer["Version"]] = after.versions.pop("?")
        self.known[name] = after
        self.begun = None
        self.done += 1

    def update(self, name, now, after):
        after.latest = next(self.values)
        wait_active(self.lam, name)
        self.acknowledge(name, after, self.lam.update_function_code, ZipFile=zip_of(code(after.latest)))

    def publish(self, name, now, after):
        wait_active(self.lam, name)
        if now.latest in now.versions.values():
            return
        after.versions["?"] = now.latest
        self.acknowledge(name, after, self.lam.publish_version)

    def move(self, name, now, after):
        if not now.versions:
            return
        after.live = self.chance.choice(sorted(now.versions))
        call = self.lam.update_alias if now.live else self.lam.create_alias
        self.acknowledge(name, after, call, Name="live", FunctionVersion=after.live)

    def delete(self, name, now, after):
        self.acknowledge(name, Function(), self.lam.delete_function)


class Caller(threading.Thread):
    """Calls one function until the server is gone or it is told to stop."""

    def __init__(self, server, name, may_fail=False):
        super().__init__()
        self.lam, self.name, self.may_fail = server.client("lambda"), name, may_fail
        self.answered, self.failed, self.wrong, self.stopping, self.times = [], 0, None, False, []
        self.world_ends = False  # the keeper is killed, and every cell with it: an honest error is a right answer

    def run(self):
        number = 0
        try:
            while not self.stopping:
                number += 1
                begun = time.monotonic()
                answer = invoke(self.lam, self.name, {"n": number})
                self.times.append(time.monotonic() - begun)
                self.answered.append(answer.request_id)
                if answer.error and (self.may_fail or self.world_ends):
                    self.failed += 1
                    assert answer.payload["errorType"] == "Runtime.ExitError", answer.payload
                else:
                    assert answer.error is None and answer.payload[1] == {"n": number}, answer.raw
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError):
            pass  # the server is gone
        except Exception as error:  # noqa: BLE001 - told by the test
            self.wrong = None if self.world_ends and "keeper is gone" in str(error) else error


def found(lam, name):
    """What is there of a function, as Function says it: by calling each version."""
    now = Function()
    try:
        wait_active(lam, name)
    except lam.exceptions.ResourceNotFoundException:
        return now
    now.latest = invoke(lam, name).payload[0]
    for version in lam.list_versions_by_function(FunctionName=name)["Versions"][1:]:
        number = version["Version"]
        wait_active(lam, name, Qualifier=number)
        now.versions[number] = invoke(lam, name, Qualifier=number).payload[0]
    aliases = {alias["Name"]: alias["FunctionVersion"] for alias in lam.list_aliases(FunctionName=name)["Aliases"]}
    now.live = aliases.get("live")
    return now


def check_functions(server, known, begun):
    """All that was acknowledged, and what was begun entirely or not at all; what is there is known from now on."""
    lam = server.client("lambda")
    for name in NAMES:
        there = found(lam, name)
        allowed = [known[name]] + ([begun[1]] if begun and begun[0] == name else [])
        assert there in allowed, f"{name}: {there}, and not {' or '.join(map(repr, allowed))}"
        known[name] = there


def check_records(server, answered):
    there = []

    def all_there():
        there[:] = recorded(server)
        return set(answered) <= set(there)

    wait_until(all_there, "what was answered is on record", 20)
    assert len(there) == len(set(there)), "a call is on record twice"


def kill_server(server, chance):
    if chance.random() < 0.2:  # all at once, as the end of a container does
        pids = [server.pid, *descendants(server.pid)]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        server.process.wait()
    else:
        server.kill9()


def kill_keeper(server, chance):
    keeper = keeper_of(server)
    if keeper:
        os.kill(keeper, signal.SIGKILL)
    server.process.wait(20)


def test_kill_9_of_server_and_keeper(nothing_is_left):
    chance = random.Random(SEED)
    values = iter(range(1, 10**9))
    before = Leftovers()
    server = ChaosServer()
    known = {name: Function() for name in NAMES}
    answered, operations, number = [], 0, 0
    print(f"\nCHAOS_SEED={SEED}")
    try:
        make_function(server.client("lambda"), "kept", code(0), **NETWORK)
        for number in rounds():
            deployer = Deployer(server, known, chance, values)
            callers = [Caller(server, "kept") for _ in range(2)]
            for thread in (deployer, *callers):
                thread.start()
            time.sleep(chance.uniform(0.0, 0.4) if chance.random() < 0.9 else 0)
            family = descendants(server.pid)
            kill = chance.choices([kill_server, kill_keeper], [3, 1])[0]
            for caller in callers:
                caller.world_ends = kill is kill_keeper
            kill(server, chance)
            for thread in (deployer, *callers):
                thread.join()
                assert thread.wrong is None, f"round {number}, CHAOS_SEED={SEED}: {thread.wrong!r}"
            wait_until(lambda: not any(map(is_alive, family)), "the processes of a dead server end", GONE_SECONDS)
            operations += deployer.done
            answered += [request for caller in callers for request in caller.answered]
            server.start()
            check_functions(server, known, deployer.begun)
            assert invoke(server.client("lambda"), "kept").payload[0] == 0
            wait_until(lambda: not half_made(server), f"nothing half made is left: {half_made(server)}", 10)
            if number % 10 == 0:
                check_records(server, answered)
                is_whole(server)
        check_records(server, answered)
        is_whole(server)
        server.stop()
        wait_until(lambda: not before.more(), f"nothing is left: {before.more()}", 10)
        print(f"{number + 1} kills, {operations} operations and {len(answered)} calls acknowledged, none lost")
        print(f"first accept after a start, {milliseconds(server.starts)}")
        assert percentile(server.starts, 99 if len(server.starts) > 100 else 90) < ACCEPT_SECONDS
    finally:
        if server.process.returncode is None:
            server.kill9()
        server.remove()


@pytest.mark.parametrize("victim", ["worker", "template", "any"])
def test_kill_9_of_one_function_is_not_seen_by_another(nothing_is_left, victim):
    """Processes of one function are killed; its calls end in an answer, and its neighbour's are all right."""
    chance = random.Random(SEED)
    before = Leftovers()
    server = ChaosServer()
    lam = server.client("lambda")
    kills = 0
    try:
        package = make_function(lam, "victim", code(1), **NETWORK)["CodeSha256"]
        make_function(lam, "neighbour", code(2), **NETWORK)
        package = base64.b64decode(package).hex()
        quiet = Caller(server, "neighbour")
        quiet.start()
        time.sleep(1)
        quiet.stopping = True
        quiet.join()
        callers = [Caller(server, "victim", may_fail=True), Caller(server, "victim", may_fail=True), Caller(server, "neighbour")]
        for caller in callers:
            caller.start()
        end = time.monotonic() + max(2, KILL_SECONDS / 6)
        while time.monotonic() < end or kills < max(6, KILL_ROUNDS // 10):  # a slow machine has a template less often
            time.sleep(chance.uniform(0, 0.1))
            family = processes_of(server, package)
            wanted = {"worker": family[1:], "template": family[:1], "any": family}[victim]
            if not wanted:
                continue
            try:
                os.kill(chance.choice(wanted), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
        for caller in callers:
            caller.stopping = True
        for caller in callers:
            caller.join()
            assert caller.wrong is None, f"{caller.name}: {caller.wrong!r}"
        answered = [request for caller in callers for request in caller.answered]
        assert len(answered) > 20
        assert invoke(lam, "victim", 5).payload == [1, 5]
        check_records(server, answered)
        print(f"\n{kills} kills of {victim}; calls of the victim {len(callers[0].answered) + len(callers[1].answered)}, of which "
              f"{callers[0].failed + callers[1].failed} ended in an error")
        print(f"neighbour quiet {milliseconds(quiet.times)}; beside it {milliseconds(callers[2].times)}")
        server.stop()
        wait_until(lambda: not before.more(), f"nothing is left: {before.more()}", 10)
    finally:
        if server.process.returncode is None:
            server.kill9()
        server.remove()
