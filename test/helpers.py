"""What the black-box tests share: a server of their own, functions in a line, raw requests."""

import contextlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time
import urllib.error
import urllib.request
import zipfile

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SCULLER_BIN", ROOT / "build/sculler"))
DEPS = ROOT / ".deps"
EXAMPLE = ROOT / "examples/budget_expense_matcher"
ROLE = "arn:aws:iam::000000000000:role/tester"
START_SECONDS = 30
STOP_SECONDS = 30


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """`sculler server` with a state directory of its own.

    .url .state .pid .log (a path) .env (for a subprocess: this server's address and keys, nobody else's)
    """

    def __init__(self, *flags):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="sculler-test-", dir="/tmp"))
        self.state.chmod(0o755)  # an ordinary user's keeper passes through it
        self.log = self.state.with_name(self.state.name + ".log")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.flags = flags
        self.process = None
        self.start()

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        command = [BIN, "server", "--listen", f"127.0.0.1:{self.port}", "--state", self.state / "state", *self.flags]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_env())
        end = time.monotonic() + START_SECONDS
        while not self.is_up():
            assert self.process.poll() is None, f"the server ended at its start:\n{self.log_text()}"
            assert time.monotonic() < end, f"no answer on /health:\n{self.log_text()}"
            time.sleep(0.02)

    def is_up(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(self.url + "/health", timeout=5).status == 200
        return False

    def stop(self):
        """Ends it as Ctrl-C does; it must say that all went well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(STOP_SECONDS)
        assert code == 0, f"the server ended with {code}:\n{self.log_text()}"

    def restart(self):
        self.stop()
        self.start()

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def remove(self):
        shutil.rmtree(self.state, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def log_text(self):
        return self.log.read_text(errors="replace")[-8000:]

    @property
    def credentials(self):
        text = (self.state / "state/credentials").read_text()
        return dict(re.findall(r'^(\w+) = "(.*)"$', text, re.M))

    @property
    def env(self):
        keys = self.credentials
        return clean_env() | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": keys["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
            "AWS_DEFAULT_REGION": keys["region"],
            "AWS_REGION": keys["region"],
        }

    def client(self, service, **config):
        keys = self.credentials
        settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 120} | config
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=keys["region"],
            aws_access_key_id=keys["access_key_id"],
            aws_secret_access_key=keys["secret_access_key"],
            config=botocore.config.Config(**settings),
        )

    def cli(self, *words, stdin=None, check=None, env=None):
        """`sculler WORDS...`; `check` is the exit status that it must have."""
        done = subprocess.run(
            [BIN, *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.env | deploy_env() | (env or {}),
            timeout=300,
        )
        if check is not None:
            assert done.returncode == check, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def clean_env():
    """Our environment without what would point a client elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SCULLER_", "XDG_"))}
    return kept | {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_COLOR": "1"}


def deploy_env():
    """`sculler deploy` installs from what set-up fetched and downloads nothing."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(DEPS / "wheelhouse-example"),
        "XDG_CACHE_HOME": str(DEPS / "test-cache"),
    }


def zip_of(files):
    """A deployment package: a text is main.py, else {path: text or bytes}."""
    if isinstance(files, str):
        files = {"main.py": files}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, textwrap.dedent(content) if isinstance(content, str) else content)
    return out.getvalue()


def make_function(lam, name, code, **settings):
    """Creates it, waits until it is Active, returns its configuration."""
    settings = {"Runtime": "python3.11", "Handler": "main.handler", "Role": ROLE} | settings
    made = lam.create_function(FunctionName=name, Code={"ZipFile": zip_of(code)}, **settings)
    wait_active(lam, name)
    return made


def wait_active(lam, name, seconds=60, **qualifier):
    """Until it is neither Pending nor being updated; fails when it failed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = lam.get_function_configuration(FunctionName=name, **qualifier)
        if now["State"] != "Pending" and now.get("LastUpdateStatus") != "InProgress":
            assert now["State"] == "Active", now
            return now
        time.sleep(0.02)
    raise AssertionError(f"{name} is still {now['State']}, {now.get('LastUpdateStatus')}")


class Answer:
    """Of one Invoke: .status .error ("Unhandled" or None) .payload (decoded) .raw .version .request_id .headers"""

    def __init__(self, response):
        self.response = response
        self.status = response["StatusCode"]
        self.error = response.get("FunctionError")
        self.version = response.get("ExecutedVersion")
        self.raw = response["Payload"].read()
        self.headers = response["ResponseMetadata"]["HTTPHeaders"]
        self.request_id = response["ResponseMetadata"]["RequestId"]

    @property
    def payload(self):
        return json.loads(self.raw)


def invoke(lam, name, event=None, **settings):
    payload = event if isinstance(event, bytes) else json.dumps(event if event is not None else {}).encode()
    return Answer(lam.invoke(FunctionName=name, Payload=payload, **settings))


def http(method, url, body=None, headers=None, timeout=60):
    """An unsigned request; (status, headers, body) whatever the status."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def raw(server, data, timeout=10, close_writing=False):
    """Bytes to the port as they are; everything that comes back until the server closes or `timeout`."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as s:
        s.sendall(data)
        if close_writing:
            s.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := s.recv(65536):
                received += piece
        return received


def status_of(answer):
    """The status of the first answer in raw bytes; 0 when there is none."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(found[1]) if found else 0


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descendants(pid):
    """All processes below `pid`, as pids."""
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value
