"""What a function may take of the machine outside its calls: while its package is made ready, at its import, after it.

Each attack here took gigabytes, or a CPU for ever, before there was a limit.
"""

import pytest
from helpers import invoke, make_function
from test_43_pool import has_memory_limits


@pytest.fixture
def limited(server):
    if not has_memory_limits(server):
        pytest.skip("this host gives no cgroups")
    return server


def test_a_source_that_compiles_to_gigabytes_is_not_compiled(limited, name):
    """50 KB of zip, 40 MB of source, gigabytes of the compiler's.  Bytecode is a gain, no need: the rest is served."""
    lam = limited.client("lambda")
    monster = "x = [" + "0," * 20_000_000 + "]\n"
    make_function(lam, name, {"main.py": "def handler(event, context): return 'served'\n", "monster.py": monster})
    assert invoke(lam, name).payload == "served"
    assert "compiling its sources took more than 1024 MB of memory" in limited.log_text()


def test_an_import_has_what_a_worker_has_and_some(limited, name):
    """Without a setting: 512 MB at least.  Half of the machine was the limit, for each template."""
    lam = limited.client("lambda")
    make_function(lam, name, "x = [bytearray(b'x') * (1 << 20) for _ in range(600)]\ndef handler(event, context): return len(x)\n")
    assert invoke(lam, name).payload["errorMessage"].endswith("signal: killed")
    assert "out of memory: the import took more than 512 MB" in limited.cli("logs", name, "--json").stdout
    lam.update_function_configuration(FunctionName=name, MemorySize=512)
    lam.get_waiter("function_updated").wait(FunctionName=name)
    assert invoke(lam, name).payload == 600
