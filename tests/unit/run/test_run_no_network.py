"""hilrig.run.no_network: a process that took itself the network has none, and its loopback is empty."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import socket
from hilrig.run.no_network import leave_network

try:
    leave_network()
except Exception as error:
    print("refused:", error)
    raise SystemExit(0)
print(sorted(name for _, name in socket.if_nameindex()))
for address in (("192.0.2.1", 9), ("127.0.0.1", {port})):
    try:
        socket.create_connection(address, timeout=2)
        print("connected")
    except OSError as error:
        print(type(error).__name__, error.strerror)
with socket.create_server(("127.0.0.1", 0)) as own, socket.create_connection(own.getsockname()[:2], timeout=2):
    print("loopback of its own")
"""


def test_nothing_outside_is_reached_and_loopback_is_its_own():
    """Neither the world nor a service of this machine; a helper that the pipeline itself starts is."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        told = subprocess.run(
            [sys.executable, "-c", PROBE.format(port=port)], capture_output=True, text=True, check=True, timeout=60
        ).stdout.splitlines()
    if told[0].startswith("refused"):
        pytest.skip(f"hardware: this kernel or container gives no network namespace ({told[0]})")
    assert "lo" in told[0]
    assert told[1:] == [
        "OSError Network is unreachable",
        "ConnectionRefusedError Connection refused",
        "loopback of its own",
    ]


def test_the_process_that_asks_first_is_left_as_it_is():
    """The probe of the preflight is a process of its own: this one keeps its network."""
    before = Path("/proc/self/ns/net").readlink()
    subprocess.run([sys.executable, "-m", "hilrig.run.no_network"], capture_output=True, check=False, timeout=60)
    assert Path("/proc/self/ns/net").readlink() == before
