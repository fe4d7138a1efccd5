"""Handlers that harm their own runtime: each call still ends in an answer that says what happened."""

import pytest
from helpers import invoke, make_function, wait_active, zip_of

SCRATCH = "import json, os, signal, sys, time\n"


def error_of(lam, name):
    answer = invoke(lam, name)
    assert answer.status == 200 and answer.error == "Unhandled", answer.raw
    return answer.payload


def mend(lam, name):
    """The next version is served as if nothing had been."""
    lam.update_function_code(FunctionName=name, ZipFile=zip_of("def handler(event, context): return 'well'"))
    wait_active(lam, name)
    assert invoke(lam, name).payload == "well"


@pytest.mark.parametrize(
    ("name", "hook", "words"),
    [
        ("ends", "after_in_child=lambda: os._exit(5)", "exit status 5"),
        ("hangs", "after_in_child=lambda: time.sleep(60)", "signal: killed"),
    ],
)
def test_a_fork_that_never_serves(lam, name, hook, words):
    code = SCRATCH + f"os.register_at_fork({hook})\ndef handler(event, context): return 1\n"
    make_function(lam, f"fork-{name}", code)
    error = error_of(lam, f"fork-{name}")
    assert error["errorType"] == "Runtime.ExitError" and words in error["errorMessage"]
    mend(lam, f"fork-{name}")


def test_a_worker_that_kills_its_template_still_ends_in_an_answer(lam):
    """The worker may answer before the end of its cell reaches it: either is right, a call left waiting is not."""
    hook = "after_in_child=lambda: os.kill(os.getppid(), signal.SIGKILL)"
    make_function(lam, "kills-template", SCRATCH + f"os.register_at_fork({hook})\ndef handler(event, context): return 1\n")
    answer = invoke(lam, "kills-template")
    assert answer.status == 200
    if answer.error:
        assert answer.payload["errorType"] == "Runtime.ExitError" and "signal: killed" in answer.payload["errorMessage"]
    else:
        assert answer.payload == 1
    mend(lam, "kills-template")


def test_a_template_that_was_stopped_is_replaced(lam):
    code = SCRATCH + "def handler(event, context): os.kill(os.getppid(), signal.SIGSTOP); os._exit(0)\n"
    make_function(lam, "template-stopped", code, Timeout=3)
    assert error_of(lam, "template-stopped")["errorType"] in ("PermissionError", "Runtime.ExitError", "Sandbox.Timedout")
    mend(lam, "template-stopped")


def test_garbage_on_the_control_socket_is_not_called_a_timeout(lam):
    code = SCRATCH + "os.write(3, b'\\xff' * 4096)\ndef handler(event, context): return 1\n"
    make_function(lam, "control-garbage", code)
    assert error_of(lam, "control-garbage")["errorType"] == "Runtime.ExitError"
    mend(lam, "control-garbage")


def test_a_module_that_breaks_json_and_the_standard_streams(lam):
    code = SCRATCH + (
        "json.JSONEncoder = json.JSONDecoder = json.dumps = json.loads = None\n"
        "sys.stdout = sys.stderr = None\n"
        "def handler(event, context): return event\n"
    )
    make_function(lam, "breaks-json", code)
    for _ in range(2):
        assert invoke(lam, "breaks-json", {"a": [1]}).payload == {"a": [1]}
