"""A rig at the end of a cable that a test pulls: sshd in a network namespace, reached over a veth pair."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sshd import Sshd, running_sshd

NETWORKS = 1 << 15  # of four addresses each in 198.18.0.0/15, which is set aside for tests of networks
_numbers = count(os.getpid() * 8)  # tests that run side by side have process ids near each other


@dataclass(frozen=True, kw_only=True)
class CabledRig:
    """A rig with a machine's own addresses: what runs there is reached over the cable and in no other way."""

    sshd: Sshd
    namespace: str

    def pull(self):
        """Pull the cable out of the rig: nothing passes, and nobody is told."""
        _ip("-n", self.namespace, "link", "set", "rig", "down")

    def plug(self):
        """Put the cable back."""
        _ip("-n", self.namespace, "link", "set", "rig", "up")


@contextmanager
def cabled_rig(folder: Path, **how: Any) -> Iterator[CabledRig]:
    """Give a rig behind a cable for a while; `how` is the sshd's. Skips the test where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("hardware: a network namespace needs root")
    if shutil.which("ip") is None:
        pytest.skip("no program ip here: install iproute2")
    with _namespace() as (namespace, address):
        before = ("ip", "netns", "exec", namespace)
        with running_sshd(folder, host=address, before=before, **how) as sshd:
            yield CabledRig(sshd=sshd, namespace=namespace)


@contextmanager
def _namespace() -> Iterator[tuple[str, str]]:
    number = next(_numbers) % NETWORKS
    name = f"hilrig{number}"
    first = (198 << 24) + (18 << 16) + 4 * number
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"hardware: network namespaces are not permitted here: {done.stderr.strip()}")
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "rig", "netns", name)
        _ip("address", "add", f"{_dotted(first + 1)}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "address", "add", f"{_dotted(first + 2)}/30", "dev", "rig")
        for device in ("lo", "rig"):
            _ip("-n", name, "link", "set", device, "up")
        yield name, _dotted(first + 2)
    finally:
        _end_all(name)
        _ip("netns", "delete", name)


def _end_all(namespace: str) -> None:
    """End what still runs on the rig: it would keep the namespace."""
    for pid in _ip("netns", "pids", namespace).split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _dotted(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
