"""The command line, from a user's seat."""

import contextlib
import http.client
import http.server
import io
import json
import os
import pty
import re
import subprocess
import threading
import urllib.request
import zipfile

import pytest
from helpers import BIN, ROLE, ROOT, clean_env, deploy_env, invoke, make_function, wait_until

OK, FAILED, USAGE, NO_SERVER, FUNCTION = range(5)


@pytest.fixture
def folder(tmp_path, name):
    """A function's folder: folder(main.py's text, more files...) writes it and returns its path."""

    def write(code, **files):
        path = tmp_path / name
        path.mkdir(exist_ok=True)
        (path / "main.py").write_text(code)
        for file, text in files.items():
            (path / file.replace("__", ".")).write_text(text)
        return path

    return write


def run(*words, env=None):
    return subprocess.run([BIN, *words], capture_output=True, text=True, env=clean_env() | (env or {}))


def test_version_is_the_build_s():
    version = re.search(r"version: '([\d.]+)'", (ROOT / "meson.build").read_text())[1]
    assert run("--version").stdout == f"sculler {version}\n"
    assert json.loads(run("version", "--json").stdout) == {"version": version}


def test_help_names_every_command_and_each_has_its_own():
    listed = run("help")
    assert listed.returncode == OK
    for command in "deploy layer invoke logs ls rm rollback quality threshold env version help".split():
        assert re.search(rf"^  {command} ", listed.stdout, re.M)
        own = run(command, "--help")
        assert own.returncode == OK and own.stdout.startswith(f"Usage: sculler {command}")
        assert own.stderr == ""
        assert "--json" in own.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["depoly"], "did you mean `sculler deploy`"),
        (["frobnicate"], "sculler help"),
        (["invoke"], "something is missing"),
        (["invoke", "f", "--evnt", "{}"], "did you mean --event"),
        (["invoke", "f", "--event"], "needs a value"),
        (["ls", "a", "b", "c", "d", "e"], "word too many"),
        (["logs", "--since", "yesterday"], "90s, 10m, 2h"),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what_was_meant(words, said):
    done = run(*words)
    assert done.returncode == USAGE
    assert said in done.stderr
    assert done.stdout == ""


def test_no_server_is_3_and_says_how_to_start_one(tmp_path):
    nobody = run("ls", "--endpoint", "http://127.0.0.1:9")
    assert nobody.returncode == NO_SERVER
    assert "sculler server" in nobody.stderr
    never = run("ls", "--state", str(tmp_path))
    assert never.returncode == NO_SERVER
    assert "sculler server" in never.stderr


def test_env_is_what_a_shell_needs(server):
    state = str(server.state / "state")
    script = f'eval "$({BIN} env --state {state})" && env | grep ^AWS_'
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=clean_env()).stdout
    assert f"AWS_ENDPOINT_URL={server.url}\n" in shown
    assert f"AWS_SECRET_ACCESS_KEY={server.credentials['secret_access_key']}\n" in shown
    assert json.loads(run("env", "--state", state, "--json").stdout)["AWS_REGION"] == "us-east-1"


def test_env_unset_undoes_it(server, tmp_path):
    state = str(server.state / "state")
    script = f"""export AWS_CA_BUNDLE=/my/own AWS_PROFILE=mine
        eval "$({BIN} env --state {state})"; eval "$({BIN} env --unset --state {state})"; env | grep ^AWS_"""
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=clean_env()).stdout
    before = [f"{key}={value}" for key, value in clean_env().items() if key.startswith("AWS_")]
    assert sorted(shown.splitlines()) == sorted([*before, "AWS_CA_BUNDLE=/my/own", "AWS_PROFILE=mine"])
    assert run("env", "--unset", "--state", str(tmp_path)).stdout.startswith("unset AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID ")


def test_the_state_directory_is_enough_to_call(server):
    """Real AWS keys in the shell do not spoil it."""
    done = run("ls", "--json", "--state", str(server.state / "state"), env={"AWS_ACCESS_KEY_ID": "AKIAREAL", "AWS_SECRET_ACCESS_KEY": "x"})
    assert done.returncode == OK, done.stderr
    json.loads(done.stdout)


def test_invoke_prints_the_answer_and_only_that(server, lam, name, tmp_path):
    make_function(lam, name, "def handler(event, context):\n    print('working')\n    return event")
    assert server.cli("invoke", name, "--event", '{"a": 1}', check=OK).stdout == '{"a": 1}\n'
    assert server.cli("invoke", name, check=OK).stdout == "{}\n"
    (tmp_path / "event.json").write_text("[1,2]")
    assert server.cli("invoke", name, "--event-file", tmp_path / "event.json", check=OK).stdout == "[1, 2]\n"
    assert server.cli("invoke", name, "-", stdin='"x"', check=OK).stdout == '"x"\n'
    tail = server.cli("invoke", name, "--tail", check=OK)
    assert tail.stdout == "{}\n" and "working" in tail.stderr and "REPORT RequestId" in tail.stderr
    whole = json.loads(server.cli("invoke", name, "--json", check=OK).stdout)
    assert whole == {"status": 200, "version": "$LATEST", "function_error": False, "answer": {}}


def test_invoke_of_a_function_that_fails_is_4(server, lam, name):
    make_function(lam, name, "def handler(event, context): raise ValueError('no such budget')")
    done = server.cli("invoke", name, check=FUNCTION)
    assert json.loads(done.stdout)["errorMessage"] == "no such budget"
    assert "sculler logs --request" in done.stderr


def test_invoke_of_what_is_not_there_says_so(server):
    done = server.cli("invoke", "nobody", check=FAILED)
    assert "Function not found" in done.stderr and "sculler ls" in done.stderr


def test_deploy_makes_a_url_and_does_nothing_the_second_time(server, lam, name, folder):
    path = folder("def handler(event, context): return {'v': 1, 'got': event}")
    first = server.cli("deploy", path, check=OK)
    url = first.stdout.strip()
    assert url == f"{server.url}/test/{name}/"
    assert lam.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    again = server.cli("deploy", path, "--json", check=OK)
    assert json.loads(again.stdout) == {"function": name, "version": "1", "changed": False, "url": url}
    assert [v["Version"] for v in lam.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST", "1"]


def test_deploy_of_a_change_and_back_again(server, name, folder):
    url = server.cli("deploy", folder("def handler(event, context): return 1"), check=OK).stdout.strip()
    server.cli("deploy", folder("def handler(event, context): return 2"), check=OK)
    assert call(url) == 2
    assert server.cli("rollback", name, check=OK).stdout == f"{name} live: version 2 -> 1\n"
    assert call(url) == 1
    assert "was live before 1" in server.cli("rollback", name, check=FAILED).stderr
    forward = json.loads(server.cli("rollback", name, "--to", "2", "--json", check=OK).stdout)
    assert forward == {"function": name, "from": "1", "to": "2"}
    assert call(url) == 2
    assert "no version 9" in server.cli("rollback", name, "--to", "9", check=FAILED).stderr


def test_settings_come_from_pyproject(server, lam, folder):
    path = folder(
        "",
        app__py="import os\ndef go(event, context): return [os.environ['MODE'], context.memory_limit_in_mb]",
        pyproject__toml='[tool.sculler]\nname = "from-toml"\nhandler = "app.go"\nmemory = 512\ntimeout = "7s"\n'
        '[tool.sculler.env]\nMODE = "fast"\n',
    )
    server.cli("deploy", path, check=OK)
    settings = lam.get_function_configuration(FunctionName="from-toml", Qualifier="live")
    assert (settings["MemorySize"], settings["Timeout"], settings["Handler"]) == (512, 7, "app.go")
    mode, memory = invoke(lam, "from-toml:live").payload
    assert (mode, int(memory)) == ("fast", 512)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("netwrok = 'none'", "did you mean 'network'"),
        ("network = 'egres'", "SCULLER_NETWORK is 'egres'; it may be one of none|egress|host"),
        ("warm_event = 'x'", "it may be a JSON document"),
        ("batch_max = 1.5", "batch_max must be a text, a whole number"),
        ("layers = 'a'", "layers must be a list of at most 5 texts"),
        ("layers = ['nobody:1']", "layer:nobody:1 does not exist"),
        ("colour = 1", "there are name, handler"),
        ("memory = 12", "memory is 12; it may be 128 to 10240"),
        ("memroy = 512", "did you mean 'memory'"),
        ("timeout = 'soon'", "timeout must be seconds"),
        ("handler = 'nowhere.handler'", "nowhere.py is not there"),
        ("name = 'a b'", "is no name for a function"),
        ("runtime = 'cobol'", "cobol"),
        ("env = {A = 1}", "env.A must be a text"),
        ("= 1", "sculler.toml"),
    ],
)
def test_settings_that_make_no_sense_are_told(server, folder, toml, said):
    done = server.cli("deploy", folder("def handler(event, context): pass", sculler__toml=toml), check=FAILED)
    assert said in done.stderr


def test_a_version_that_fails_its_samples_does_not_go_live(server, name, folder):
    path = folder("def handler(event, context): return event['x'] + 1")
    (path / "events").mkdir()
    (path / "events/one.json").write_text('{"x": 1}')
    (path / "events/one.expected.json").write_text("2.0")
    url = server.cli("deploy", path, check=OK).stdout.strip()
    done = server.cli("deploy", folder("def handler(event, context): return event['x'] + 2"), check=FAILED)
    assert "one.json is answered differently" in done.stderr and "Version 1 stays live" in done.stderr
    assert call(url, b'{"x": 1}') == 2
    done = server.cli("deploy", folder("def handler(event, context): return event['y']"), check=FAILED)
    assert "one.json ends in an error" in done.stderr and "    KeyError: 'y'\n" in done.stderr
    assert 'main.py", line 1, in handler' in done.stderr
    assert call(url, b'{"x": 1}') == 2


BROKEN = {
    "syntax": ("def handler(event, context) return 1", "Runtime.UserCodeSyntaxError: Syntax error in module 'main'"),
    "package": ("import nosuchpackage\ndef handler(event, context): return 1", "No module named 'nosuchpackage'"),
    "handler": ("def handlr(event, context): return 1", "Runtime.HandlerNotFound: Handler 'handler' missing"),
    "memory": ("ballast = b'x' * (1500 << 20)\ndef handler(event, context): return 1", "out of memory: the import took more than"),
    "exit": ("import sys\nsys.exit(3)", "Runtime.ExitError"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_cannot_be_imported_does_not_go_live(server, name, folder, fault):
    """Without a sample event: over a working version, and as the first one."""
    code, said = BROKEN[fault]
    first = server.cli("deploy", folder(code), check=FAILED)
    assert "main.handler cannot be imported" in first.stderr and said in first.stderr
    assert "version 1 is not live: its import failed" in first.stderr and "✓ live" not in first.stderr
    url = server.cli("deploy", folder("def handler(event, context): return 'good'"), check=OK).stdout.strip()
    again = server.cli("deploy", folder(code), check=FAILED)
    assert said in again.stderr and "Version 2 stays live" in again.stderr
    assert f"boto3 gets $LATEST, which is the failed code: call {name}:live" in again.stderr
    assert call(url) == "good"


class WithoutImports(http.server.BaseHTTPRequestHandler):
    """A server of another make: all goes on to ours, but for what only Sculler has."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        to = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        to.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for key, value in self.headers.items():
            to.putheader(key, value)
        to.endheaders(body)
        answer = to.getresponse()
        status, data = (404, b"{}") if self.path.endswith("/import?Qualifier=1") else (answer.status, answer.read())
        self.send_response(status)
        for key, value in answer.getheaders():
            if key.lower() not in ("content-length", "connection", "x-amzn-errortype"):
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        to.close()

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_):
        pass


def test_a_server_that_cannot_import_alone_is_deployed_to_all_the_same(server, folder):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), WithoutImports) as other:
        other.port = server.port
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        done = server.cli("deploy", folder("def handler(event, context): return 1"), "--endpoint", url, check=OK)
        other.shutdown()
    assert f"Its import was not tried: {url} cannot be asked for one" in done.stderr and "✓ live" in done.stderr


def test_what_the_server_does_not_give_does_not_go_live(server, folder):
    path = folder("def handler(event, context): return 1", sculler__toml="network = 'host'\n")
    done = server.cli("deploy", path, check=FAILED)
    assert "start it with --allow-host-network" in done.stderr and "its import failed" in done.stderr
    assert '{"errorType"' not in done.stderr


def test_an_import_alone_calls_no_handler_and_takes_no_reserved_concurrency(server, lam, name):
    code = "print('imported')\ndef handler(event, context): print('called')"
    make_function(lam, name, code)
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    ask = ["curl", "-sS", "-X", "POST", "--aws-sigv4", "aws:amz:us-east-1:lambda", "-u",
           f"{server.credentials['access_key_id']}:{server.credentials['secret_access_key']}"]
    for cold in (True, False):
        done = subprocess.run([*ask, f"{server.url}/v1/functions/{name}/import"], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        assert told["imported"] and not told["error"] and (told["init_ms"] > 0) == cold
        assert ("imported" in told["log"].splitlines()) == cold and "called" not in told["log"]
    missing = subprocess.run([*ask, f"{server.url}/v1/functions/{name}/import?Qualifier=7"], capture_output=True, text=True)
    assert "Function not found" in missing.stdout


def test_what_a_version_will_cost_is_told(server, folder):
    path = folder("import threading, time\nthreading.Thread(target=time.sleep, args=(100,), daemon=True).start()\n"
                  "def handler(event, context): return 1")
    assert "served without forks" in server.cli("deploy", path, check=OK).stderr


def test_an_import_that_is_run_again_is_told(own_server, folder):
    server = own_server("--init-timeout-ms", "500")
    path = folder("import time\ntime.sleep(1)\ndef handler(event, context): return 1")
    done = server.cli("deploy", path, check=OK)
    assert "took more than 0.5 s and was run again in the call; say `init_timeout_ms = 60000`" in done.stderr
    path = folder("import time\ntime.sleep(9)\ndef handler(event, context): return 1", sculler__toml="timeout = 1\n")
    done = server.cli("deploy", path, check=FAILED)
    assert "say `init_timeout_ms = 60000`" in done.stderr and "timed out" in done.stderr


def test_all_samples_are_asked_and_what_differs_is_told(server, folder):
    path = folder("def handler(event, context): return {'class': 0, 'proba': 0.5} if event else 1 / 0")
    (path / "events").mkdir()
    for file, text in {"a.json": "[1]", "a.expected.json": '{"class": 1}', "b.json": "[]", "c.json": "[1]"}.items():
        (path / "events" / file).write_text(text)
    said = server.cli("deploy", path, check=FAILED).stderr
    assert "a.json is answered differently than expected:\n    at `class`: expected 1, got 0; `proba` unexpected\n" in said
    assert "b.json ends in an error" in said and "ZeroDivisionError" in said
    assert "2 of 3 sample events failed" in said


def test_samples_are_read_before_anything_is_packaged(server, folder):
    path = folder("def handler(event, context): return 1", requirements__txt="no-such-package-of-ours==1.0\n")
    (path / "events").mkdir()
    (path / "events/mem.json").write_text('{"x": oops}')
    done = server.cli("deploy", path, check=FAILED)
    assert "events/mem.json: line 1, column 10:" in done.stderr and "package" not in done.stderr
    (path / "events/mem.json").write_text("{}")
    (path / "events/mem.expected.json").write_text("{")
    assert "events/mem.expected.json: line 1" in server.cli("deploy", path, check=FAILED).stderr
    (path / "events/mem.expected.json").rename(path / "events/b.expected.json")
    (path / "events/b.expected.json").write_text("1")
    assert "there is no events/b.json to be answered" in server.cli("deploy", path, check=FAILED).stderr


def test_why_a_call_was_killed_is_told(server, name, folder):
    path = folder("def handler(event, context): return len(b'x' * (400 << 20)) if event else 0", sculler__toml="memory = 128\n")
    (path / "events").mkdir()
    (path / "events/one.json").write_text("{}")
    server.cli("deploy", path, check=OK)
    words = "used more than its MemorySize of 128 MB; raise it"
    assert words in server.cli("invoke", name, "-e", "[1]", check=FUNCTION).stderr
    (path / "events/one.json").write_text("[1]")
    assert words in server.cli("deploy", folder("def handler(event, context): return len(b'x' * (400 << 20))"), check=FAILED).stderr
    shown = wait_until(lambda: text if "OutOfMemory" in (text := server.cli("logs", name, check=OK).stdout) else "", "the record")
    assert shown.count(words) == shown.count("OutOfMemory") and "Error: Runtime exited" not in shown
    assert re.search(r"Z  ERR  ", shown)


def test_an_event_that_is_no_json_is_told_here(server):
    done = server.cli("invoke", "nobody", "-e", "{a: 1}", check=FAILED)
    assert "the event is not JSON: --event: line 1, column 2:" in done.stderr


def test_a_trace_is_lines_for_people_and_as_it_was_in_json(server, lam, name):
    make_function(lam, name, "def handler(event, context): raise ValueError('no such budget')")
    done = server.cli("invoke", name, "--tail", check=FUNCTION)
    place = r'^[ \xa0]+File "/var/task/main.py", line 1, in handler$'
    assert re.search(place, done.stderr, re.M)
    shown = wait_until(lambda: server.cli("logs", name, check=OK).stdout, "the record")
    raw = subprocess.run([BIN, "logs", name], capture_output=True, env=server.env, check=True).stdout
    assert b"\r" not in raw and raw
    assert re.search(place, shown, re.M) and "  ERR  " in shown
    assert shown.count("ValueError: no such budget") == 1
    assert "\\r" in server.cli("logs", name, "--json", check=OK).stdout


def test_rm_deletes_a_function_with_its_versions_and_its_url(own_server, folder, name):
    server = own_server()
    lam, apigw = server.client("lambda"), server.client("apigateway")
    url = server.cli("deploy", folder("def handler(event, context): return 1"), check=OK).stdout.strip()
    other = folder("def handler(event, context): return 2", sculler__toml='name = "other"\n')
    other_url = server.cli("deploy", other, check=OK).stdout.strip()
    refused = server.cli("rm", name, check=FAILED)
    assert f"this deletes {name} with its 1 version and its URL for good; say --yes" in refused.stderr
    assert call(url) == 1
    assert f"{name} is deleted: 1 version and its URL" in server.cli("rm", name, "--yes", check=OK).stderr
    assert [f["FunctionName"] for f in lam.list_functions()["Functions"]] == ["other"]
    assert status_of_url(url) == 403 and call(other_url) == 2
    assert "Function not found" in server.cli("rm", name, "--yes", check=FAILED).stderr
    assert json.loads(server.cli("rm", "other", "-y", "--json", check=OK).stdout) == {"function": "other", "versions": 1, "url": True}
    assert apigw.get_rest_apis()["items"] == []
    assert server.cli("deploy", other, check=OK).stdout.strip() == other_url and call(other_url) == 2


def test_rm_asks_on_a_terminal(server, lam, name, folder):
    server.cli("deploy", folder("def handler(event, context): return 1"), check=OK)
    for answer, status in (("n", FAILED), ("y", OK)):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run([BIN, "rm", name], stdin=theirs, capture_output=True, text=True, env=server.env)
        os.close(ours), os.close(theirs)
        assert done.returncode == status and f"Delete {name} with its 1 version and its URL, for good?" in done.stderr
    assert name not in server.cli("ls", check=OK).stdout


def test_ls_of_a_function_shows_what_became_of_its_versions(server, name, folder):
    server.cli("deploy", folder("def handler(event, context): return 1"), check=OK)
    server.cli("deploy", folder("def handler(event, context)"), check=FAILED)
    server.cli("deploy", folder("def handler(event, context): return 3"), check=OK)
    rows = json.loads(server.cli("ls", name, "--json", check=OK).stdout)
    assert [(row["version"], row["state"]) for row in rows] == [("3", "live"), ("2", "failed"), ("1", "was live")]
    assert rows[0]["memory_mb"] == 1024 and rows[0]["modified"]
    assert re.search(r"^2 +failed +20\S+ +1024 MB +30 s$", server.cli("ls", name, check=OK).stdout, re.M)
    assert "Function not found" in server.cli("ls", "nobody", check=FAILED).stderr
    assert "Version 2 failed its proof" in server.cli("rollback", name, "--to", "2", check=OK).stderr
    server.cli("rollback", name, check=OK)
    missing = server.cli("invoke", f"{name}:7", check=FAILED).stderr
    assert f"{name} has no version or alias '7'; `sculler ls {name}` lists its versions." in missing
    assert "has no version or alias 'x'" in server.cli("invoke", name, "-q", "x", check=FAILED).stderr


def test_what_is_not_proved_is_told(server, folder):
    path = folder("def handler(event, context): return 1")
    assert "no sample event in" in server.cli("deploy", path, check=OK).stderr


def test_a_long_refusal_is_shown_whole(server, folder):
    path = folder("def handler(event, context): return 1", sculler__toml='env = {A = "%s"}\n' % ("x" * 300))
    said = server.cli("deploy", path, check=FAILED).stderr
    assert "x" * 300 in said and "[a-zA-Z]([a-zA-Z0-9_])+" in said


def test_rollback_passes_over_versions_that_never_were_live(server, name, folder):
    path = folder("def handler(event, context): return 1")
    (path / "events").mkdir()
    (path / "events/one.json").write_text("{}")
    url = server.cli("deploy", path, check=OK).stdout.strip()
    server.cli("deploy", folder("def handler(event, context): return event['x']"), check=FAILED)
    server.cli("deploy", folder("def handler(event, context): return 3"), check=OK)
    assert call(url) == 3
    assert server.cli("rollback", name, check=OK).stdout == f"{name} live: version 3 -> 1\n"
    assert call(url) == 1
    assert "was live before 1" in server.cli("rollback", name, check=FAILED).stderr


def test_what_cannot_be_installed_leaves_what_is_live(server, name, folder):
    url = server.cli("deploy", folder("def handler(event, context): return 1"), check=OK).stdout.strip()
    path = folder("def handler(event, context): return 2", requirements__txt="no-such-package-of-ours==1.0\n")
    done = server.cli("deploy", path, check=FAILED)
    assert "could not install" in done.stderr and "Version 1 stays live" in done.stderr
    assert call(url) == 1


def test_what_pip_says_is_shown_when_it_fails_only(server, folder, tmp_path):
    """A stand-in for pip that warns, and does as it is told."""
    fake = tmp_path / "bin/python3.11"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "WARNING: running as $PIP_ROOT_USER_ACTION" >&2\n'
                    'exit "$(tail -n 1 "$FAKE_STATUS")"\n')
    fake.chmod(0o755)
    status = tmp_path / "status"
    env = {"PATH": f"{fake.parent}:{os.environ['PATH']}", "FAKE_STATUS": str(status), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    path = folder("def handler(event, context): return 1", requirements__txt="anything\n")
    status.write_text("1\n")
    failed = server.cli("deploy", path, check=FAILED, env=env)
    assert "python3.11 says:\nWARNING: running as ignore\n" in failed.stderr and "could not install" in failed.stderr
    status.write_text("0\n")
    assert "WARNING" not in server.cli("deploy", path, check=OK, env=env).stderr


def test_the_same_contents_are_the_same_package(server, lam, folder, tmp_path):
    code = "def handler(event, context): return 1"
    path = folder(code, notes__md="a note", scullerignore="")
    (path / ".hidden").write_text("x")
    (path / "__pycache__").mkdir()
    (path / "__pycache__/main.cpython-311.pyc").write_bytes(b"x")
    first = json.loads(server.cli("deploy", path, "--json", check=OK).stdout)
    folder(code)  # written anew: other times, same bytes
    again = server.cli("deploy", path, "--json", check=OK, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert json.loads(again.stdout) == first | {"changed": False}


def test_ls_shows_versions_and_urls(server, name, folder):
    url = server.cli("deploy", folder("def handler(event, context): return 1"), check=OK).stdout.strip()
    rows = {row["function"]: row for row in json.loads(server.cli("ls", "--json", check=OK).stdout)}
    assert rows[name] | {"modified": ""} == {
        "function": name, "live": "1", "versions": ["1"], "failed": [], "runtime": "python3.11", "memory_mb": 1024,
        "modified": "", "url": url,
    }
    assert re.search(rf"^{name} +1 +1 .*{re.escape(url)}$", server.cli("ls", check=OK).stdout, re.M)


def test_memory_that_aws_would_not_give_is_told(server, folder):
    code = "ballast = b'x' * (200 * 1024 * 1024)\ndef handler(event, context): return len(ballast)"
    path = folder(code, sculler__toml="memory = 128\n")
    (path / "events").mkdir()
    (path / "events/one.json").write_text("{}")
    said = server.cli("deploy", path, check=OK).stderr
    used = int(re.search(r"takes (\d+) MB, and memory is 128", said)[1])
    assert 200 <= used < 300
    assert f"`memory = {(used // 128 + 1) * 128}` or more" in said
    folder(code, sculler__toml="memory = 512\n")
    assert "AWS would not" not in server.cli("deploy", path, check=OK).stderr


def test_ls_marks_what_could_not_be_made_ready(server, lam, name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("../evil.py", "1")
    lam.create_function(
        FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=ROLE, Code={"ZipFile": data.getvalue()},
        Publish=True,
    )
    wait_until(lambda: lam.get_function_configuration(FunctionName=name, Qualifier="1")["State"] == "Failed", "it fails")
    wait_until(lambda: lam.get_function_configuration(FunctionName=name)["State"] == "Failed", "it fails too")
    rows = {row["function"]: row for row in json.loads(server.cli("ls", "--json", check=OK).stdout)}
    assert rows[name]["failed"] == ["1", "$LATEST"]
    assert re.search(rf"^{name} +- +1, 2 failed ", server.cli("ls", check=OK).stdout, re.M)


def test_invoke_means_what_is_live_and_says_which_version_ran(server, lam, name):
    make_function(lam, name, "def handler(event, context): return context.function_version")
    assert server.cli("invoke", name, check=OK).stderr == "Version $LATEST ran.\n"
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    done = server.cli("invoke", name, check=OK)
    assert (done.stdout, done.stderr) == ('"1"\n', "Version 1 (live) ran.\n")
    assert server.cli("invoke", name, "-q", "$LATEST", check=OK).stdout == '"$LATEST"\n'
    assert server.cli("invoke", f"{name}:1", check=OK).stderr == "Version 1 ran.\n"
    assert json.loads(server.cli("invoke", name, "--json", check=OK).stdout)["version"] == "1"


def test_settings_become_variables(server, lam, name, folder):
    path = folder(
        "def handler(event, context): return 1",
        pyproject__toml='[tool.sculler]\nnetwork = "none"\nbatch_max = 8\nfork = false\n[tool.sculler.env]\nAB = "b"\n'
        '[tool.sculler.warm_event]\nx = [1, "y"]\n',
    )
    server.cli("deploy", path, check=OK)
    variables = lam.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert variables == {
        "AB": "b", "SCULLER_NETWORK": "none", "SCULLER_BATCH_MAX": "8", "SCULLER_FORK": "false",
        "SCULLER_WARM_EVENT": '{"x":[1,"y"]}',
    }
    assert not json.loads(server.cli("deploy", path, "--json", check=OK).stdout)["changed"]


def test_a_misspelt_table_is_told(server, folder):
    path = folder("def handler(event, context): return 1", pyproject__toml="[tool.scullr]\nmemory = 512\n")
    done = server.cli("deploy", path, check=FAILED)
    assert "[tool.scullr] is not read; did you mean [tool.sculler]?" in done.stderr
    path = folder(
        "def handler(event, context): return 1",
        pyproject__toml="[tool.sculler]\nmemory = 512\n", sculler__toml="memory = 256\n",
    )
    assert "keep one" in server.cli("deploy", path, check=FAILED).stderr


def test_layer_publish_and_deploy_with_it(server, lam, name, folder, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "shared.py").write_text("WORD = 'shared'\n")
    arn = server.cli("layer", "publish", name, shared, "--python", "3.11", check=OK).stdout.strip()
    assert arn.endswith(f":layer:{name}:1")
    again = server.cli("layer", "publish", name, shared, check=OK)
    assert again.stdout.strip() == arn and "unchanged" in again.stderr
    version = lam.get_layer_version(LayerName=name, VersionNumber=1)
    assert version["CompatibleRuntimes"] == ["python3.11"]
    zipped = urllib.request.urlopen(version["Content"]["Location"]).read()
    assert zipfile.ZipFile(io.BytesIO(zipped)).namelist() == ["python/shared.py"]
    (shared / "python").mkdir()
    (shared / "python/shared.py").write_text("WORD = 'laid out'\n")
    (shared / "shared.py").unlink()
    assert server.cli("layer", "publish", name, shared, check=OK).stdout.strip().endswith(f"{name}:2")
    (tmp_path / "l.zip").write_bytes(zipped)
    assert server.cli("layer", "publish", name, tmp_path / "l.zip", check=OK).stdout.strip().endswith(f"{name}:3")
    path = folder("def handler(event, context): return 1", sculler__toml=f'layers = ["{name}:1"]\n')
    server.cli("deploy", path, check=OK)
    assert [one["Arn"] for one in lam.get_function_configuration(FunctionName=name)["Layers"]] == [arn]
    assert not json.loads(server.cli("deploy", path, "--json", check=OK).stdout)["changed"]
    server.cli("deploy", folder("def handler(event, context): return 1", sculler__toml=""), check=OK)
    assert "Layers" not in lam.get_function_configuration(FunctionName=name)


def test_a_layer_without_its_version_is_told_the_newest(server, name, folder, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "shared.py").write_text("WORD = 1\n")
    server.cli("layer", "publish", name, shared, check=OK)
    path = folder("def handler(event, context): return 1", requirements__txt="no-such-package-of-ours==1.0\n")
    for said, wrong in ((f"'{name}' should be NAME:VERSION; the newest is {name}:1", name),
                        (f"'{name}:x' should be NAME:VERSION; the newest is {name}:1", f"{name}:x"),
                        ("'nobody' should be NAME:VERSION; there is no layer of that name", "nobody")):
        folder("def handler(event, context): return 1", sculler__toml=f"layers = ['{wrong}']\n")
        done = server.cli("deploy", path, check=FAILED)
        assert said in done.stderr and "install" not in done.stderr


def test_layer_publish_says_what_is_wrong(server, tmp_path):
    assert "no name for a layer" in server.cli("layer", "publish", "a b", tmp_path, check=FAILED).stderr
    assert "holds nothing to package" in server.cli("layer", "publish", "empty", tmp_path, check=FAILED).stderr
    (tmp_path / "no.zip").write_text("no zip")
    assert "Could not unzip" in server.cli("layer", "publish", "x", tmp_path / "no.zip", check=FAILED).stderr
    assert "rm NAME:VERSION" in server.cli("layer", "drop", "x", "y", check=USAGE).stderr
    assert "rm NAME:VERSION" in server.cli("layer", "publish", "x", check=USAGE).stderr
    assert "should be NAME:VERSION" in server.cli("layer", "rm", "x", check=FAILED).stderr
    assert "does not exist" in server.cli("layer", "rm", "x:1", check=FAILED).stderr


def test_layers_are_listed_and_deleted(server, lam, name, tmp_path):
    (tmp_path / "shared.py").write_text("WORD = 1\n")
    server.cli("layer", "publish", name, tmp_path, "-d", "first", check=OK)
    (tmp_path / "shared.py").write_text("WORD = 2\n")
    server.cli("layer", "publish", name, tmp_path, check=OK)
    rows = json.loads(server.cli("layer", "ls", "--json", check=OK).stdout)
    assert [row["version"] for row in rows if row["layer"] == name] == [2]
    versions = json.loads(server.cli("layer", "ls", name, "--json", check=OK).stdout)
    assert [(row["version"], row["description"]) for row in versions] == [(2, ""), (1, "first")]
    assert re.search(rf"^{name}:1 .* first$", server.cli("layer", "ls", name, check=OK).stdout, re.M)
    assert "keep it" in server.cli("layer", "rm", f"{name}:1", check=OK).stderr
    assert [v["Version"] for v in lam.list_layer_versions(LayerName=name)["LayerVersions"]] == [2]


def test_what_is_waited_for_is_told_on_a_terminal_only(server, folder):
    path = folder("def handler(event, context): return 1")
    first = server.cli("deploy", path, check=OK)
    assert "…" not in first.stderr and "\r" not in first.stderr
    folder("def handler(event, context): return 2")
    ours, theirs = pty.openpty()
    seen = b""
    child = subprocess.Popen([BIN, "deploy", path], stderr=theirs, stdout=subprocess.DEVNULL,
                             env=server.env | deploy_env() | {"TERM": "xterm"})
    os.close(theirs)
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            seen += piece
    os.close(ours)
    assert child.wait() == OK
    assert "… publish   sending".encode() in seen and b"\r\033[K" in seen


def test_logs_tell_what_was_printed_and_all_of_one_request(server, lam, name):
    make_function(lam, name, "def handler(event, context):\n    print('scoring', event['n'])\n    return 1 / event['n']")
    good = invoke(lam, name, {"n": 2})
    bad = invoke(lam, name, {"n": 0})
    shown = wait_until(lambda: text if bad.request_id in (text := server.cli("logs", name, check=OK).stdout) else "", "the record")
    assert "scoring 2" in shown and good.request_id in shown and "ZeroDivisionError" in shown
    one = server.cli("logs", "--request", good.request_id, check=OK).stdout
    assert '{"n": 2}' in one and "0.5" in one and "REPORT RequestId" in one and bad.request_id not in one
    lines = server.cli("logs", name, "--since", "10m", "--json", check=OK).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    assert [r["request_id"] for r in records] == [good.request_id, bad.request_id]
    assert json.loads(records[0]["input"]) == {"n": 2}
    assert records[0]["status"] == 200 and records[1]["error_type"]
    assert server.cli("logs", "--request", "00000000-0000-0000-0000-000000000000", check=FAILED).stdout == ""


def test_logs_follow_shows_calls_as_they_end(server, lam, name):
    make_function(lam, name, "def handler(event, context): print('seen'); return 1")
    follower = subprocess.Popen([BIN, "logs", name, "--follow"], stdout=subprocess.PIPE, text=True, env=server.env)
    try:
        for _ in range(2):
            request_id = invoke(lam, name).request_id
            while request_id not in (line := follower.stdout.readline()):
                assert line, "the stream ended"
            assert "seen" in follower.stdout.readline()
    finally:
        follower.kill()
        follower.wait()


def status_of_url(url):
    words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "60", "-d", "{}", url]
    return int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def call(url, body=b"{}"):
    done = subprocess.run(
        ["curl", "-fsS", "--max-time", "60", "-H", "Content-Type: application/json", "--data-binary", "@-", url],
        input=body, capture_output=True, check=True,
    )
    return json.loads(done.stdout)


def test_doctor_looks_at_the_machine(server):
    done = server.cli("doctor", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {"kernel", "user namespaces", "seccomp", "landlock", "uplink", "server", "cells get", "pythons"} <= set(rows)
    assert rows["server"]["verdict"] == "ok" and rows["pythons"]["found"].startswith("python3.")
    assert all(row["then"] for row in rows.values() if row["verdict"] != "ok")
    missing = any(row["verdict"] == "missing" for row in rows.values())
    assert done.returncode == (1 if missing else 0)


def test_doctor_goes_without_a_server(server, tmp_path):
    done = server.cli("doctor", "--state", str(tmp_path / "nothing"), "--json", env=clean_env())
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["server"]["verdict"] == "degraded" and "sculler server" in rows["server"]["then"]
    missing = any(row["verdict"] == "missing" for row in rows.values())
    assert done.returncode == (FAILED if missing else NO_SERVER)
