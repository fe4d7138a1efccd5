"""Invoke: payloads, errors, headers and logs as boto3 sees them."""

import base64
import json
import re

from helpers import invoke, make_function, wait_active
from test_20_lambda_control import CODE, fn, refused


def test_the_answer_is_the_functions(lam, name):
    make_function(lam, name, CODE)
    for event in ({}, {"a": [1, "ü", None]}, [1], "text", 1.5, True, None):
        answer = invoke(lam, name, json.dumps(event).encode())
        assert (answer.status, answer.error, answer.payload) == (200, None, event)
    assert (answer.version, answer.headers["content-type"]) == ("$LATEST", "application/json")


def test_an_empty_payload_is_an_empty_object(lam, name):
    make_function(lam, name, CODE)
    assert invoke(lam, name, b"").payload == {}


def test_request_id_is_the_contexts(server, lam, name):
    make_function(
        lam,
        name,
        """
        def handler(event, context):
            return [context.aws_request_id, context.invoked_function_arn, context.function_version]
        """,
    )
    answer = invoke(lam, name)
    assert answer.payload == [answer.request_id, fn(server, name), "$LATEST"]
    answer = invoke(lam, name, Qualifier="$LATEST")
    assert answer.payload == [answer.request_id, fn(server, name, "$LATEST"), "$LATEST"]
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    answer = invoke(lam, name, Qualifier="prod")
    assert answer.payload == [answer.request_id, fn(server, name, "prod"), "1"]
    assert answer.version == "1"
    assert invoke(lam, fn(server, name, "prod")).payload[1] == fn(server, name, "prod")


def test_an_exception_is_a_payload(lam, name):
    make_function(lam, name, "def handler(event, context):\n    raise ValueError('no')\n")
    answer = invoke(lam, name)
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert list(answer.payload) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (answer.payload["errorMessage"], answer.payload["errorType"]) == ("no", "ValueError")
    assert answer.payload["requestId"] == answer.request_id


def test_the_tail_of_the_log(lam, name):
    make_function(lam, name, "def handler(event, context):\n    print('x' * 5000)\n    print('the end')\n")
    answer = invoke(lam, name, LogType="Tail")
    log = base64.b64decode(answer.headers["x-amz-log-result"])
    assert len(log) <= 4096
    assert b"the end\n" in log
    assert re.search(rb"REPORT RequestId: " + answer.request_id.encode(), log)
    assert "x-amz-log-result" not in invoke(lam, name).headers


def test_the_tail_of_a_flood_is_its_end(lam, name):
    code = """
        def handler(event, context):
            print('the beginning')
            for n in range(30_000):
                print(n, 'x' * 90)
            print('the end')
    """
    make_function(lam, name, code)
    answer = invoke(lam, name, LogType="Tail")
    lines = base64.b64decode(answer.headers["x-amz-log-result"]).decode().splitlines()
    numbers = [int(line.split()[0]) for line in lines[1:] if line.endswith("xxx")]  # the first is cut
    assert numbers == list(range(30_000 - len(numbers), 30_000)) and len(numbers) > 30
    assert lines[lines.index("the end") + 1].startswith("END RequestId")
    assert sum(len(line) + 1 for line in lines) <= 4096


def test_client_context(lam, name):
    make_function(lam, name, "def handler(event, context):\n    return context.client_context.custom\n")
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    assert invoke(lam, name, ClientContext=context).payload == {"k": "v"}
    refused("InvalidRequestContentException", 400, lam.invoke, FunctionName=name, ClientContext="not base64")
    array = base64.b64encode(b"[1]").decode()
    refused("InvalidRequestContentException", 400, lam.invoke, FunctionName=name, ClientContext=array)


def test_dry_run_runs_nothing(lam, name):
    make_function(lam, name, "def handler(event, context):\n    raise SystemExit(1)\n")
    answer = invoke(lam, name, InvocationType="DryRun")
    assert (answer.status, answer.error, answer.raw) == (204, None, b"")


def test_event_is_refused_until_it_can_be_kept(lam, name):
    make_function(lam, name, CODE)
    message = refused(
        "InvalidParameterValueException", 400, lam.invoke, FunctionName=name, InvocationType="Event", Payload=b"{}"
    )
    assert "RequestResponse" in message


def test_what_is_not_json_is_refused(lam, name):
    make_function(lam, name, CODE)
    message = refused("InvalidRequestContentException", 400, lam.invoke, FunctionName=name, Payload=b"{nope}")
    assert message.startswith("Could not parse request body into json: ")


def test_what_is_too_large_is_refused(lam, name):
    make_function(lam, name, CODE)
    fits = b'"' + b"x" * (6291456 - 2) + b'"'
    assert len(invoke(lam, name, b'{"a":' + fits[: 1 << 20] + b'"}').raw) > 1 << 20
    message = refused(
        "RequestEntityTooLargeException", 413, lam.invoke, FunctionName=name, Payload=fits[:-1] + b'x"'
    )
    assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"


def test_unknown_functions(server, lam, name):
    message = refused("ResourceNotFoundException", 404, lam.invoke, FunctionName=name)
    assert message == f"Function not found: {fn(server, name, '$LATEST')}"


def test_reserved_concurrency_zero_is_a_kill_switch(lam, name):
    make_function(lam, name, CODE)
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    refused("TooManyRequestsException", 429, lam.invoke, FunctionName=name)
    lam.delete_function_concurrency(FunctionName=name)
    assert invoke(lam, name, 1).payload == 1


def test_configuration_reaches_the_function(lam, name):
    make_function(
        lam,
        name,
        """
        import os
        def handler(event, context):
            return [os.environ["KEY"], context.memory_limit_in_mb]
        """,
        Environment={"Variables": {"KEY": "one"}},
        MemorySize=256,
    )
    assert invoke(lam, name).payload == ["one", "256"]
    lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"KEY": "two"}})
    wait_active(lam, name)
    assert invoke(lam, name).payload[0] == "two"


def test_the_trace_id_is_in_the_environment_of_the_call(lam, name):
    code = (
        "import os, subprocess\n"
        "def handler(event, context):\n"
        "    inherited = subprocess.run(['printenv', '_X_AMZN_TRACE_ID'], capture_output=True, text=True).stdout.strip()\n"
        "    return [os.environ['_X_AMZN_TRACE_ID'], inherited]\n"
    )
    make_function(lam, name, code)
    seen = [invoke(lam, name).payload for _ in range(2)]
    assert all(own == inherited and own.startswith("Root=1-") for own, inherited in seen)
    assert seen[0] != seen[1]


def test_a_worker_does_not_grow_with_its_calls(lam, name):
    make_function(lam, name, "def handler(event, context):\n    return int(open('/proc/self/statm').read().split()[1]) * 4\n")

    def after(calls):
        for _ in range(calls):
            last = invoke(lam, name).payload
        return last

    settled = after(500)
    assert after(2500) - settled < 128  # KB; a hundred bytes a call would be 250
