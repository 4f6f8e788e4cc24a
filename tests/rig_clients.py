"""Clients of a simulated rig: a work folder of this machine, and the process that does a run there."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hilrig.app.run.request import RunRequest
from hilrig.config.noun_json import to_json
from hilrig.core.rig import LeaseSpec, RigSpec
from hilrig.rig.agent.layout import WorkFolder
from hilrig.rig.local_transport import LocalOptions, LocalTransport

CLIENT = """
import sys
from hilrig.app.run.request import RunRequest
from hilrig.app.rigs.soak import rig_soak
from hilrig.app.run.said import describe_error, say
from hilrig.app.run.ending import Stop
from hilrig.config.noun_json import from_json
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError
from hilrig.core.rig import RigSpec
request = from_json(RunRequest, sys.argv[1].encode(), what="request")
rig = from_json(RigSpec, sys.argv[2].encode(), what="rig")
try:
    rig_soak(request, rig, stop=Stop(), clock=SystemClock())
except HilrigError as error:
    say("error", **describe_error(error))
    sys.exit(error.exit_code)
"""
"""What `hilrig.app.soak.main` does, for a rig that no rig file states (a lease of seconds)."""


@dataclass
class SimulatedRig:
    """A rig that is a folder of this machine, and the reports of who runs there."""

    folder: Path
    ttl_s: float = 60.0

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.reports.mkdir(exist_ok=True)

    @property
    def home(self) -> Path:
        """Return the login's home there."""
        return self.folder / "rig-home"

    @property
    def work(self) -> WorkFolder:
        """Return its work folder."""
        return WorkFolder(self.home / "work")

    @property
    def reports(self) -> Path:
        """Return the client's folder of run directories."""
        return self.folder / "reports"

    @property
    def spec(self) -> RigSpec:
        """Return its declaration."""
        return RigSpec(
            name="sim",
            transport="local",
            device_class="x86-cpu",
            transport_options={"home": str(self.home)},
            work_folder="work",
            python=sys.executable,
            lease=LeaseSpec(ttl_s=self.ttl_s),
        )

    def request(self, profile: Path, **changes: Any) -> RunRequest:
        """Return a request for a run there."""
        plain = RunRequest(
            profile=profile, rig_file=None, reports=self.reports, duration_s=None, key=self.folder / "none.pem"
        )
        return replace(plain, **changes)

    def client(self, profile: Path, **changes: Any) -> "Client":
        """Start a client's process."""
        request = self.request(profile, **changes)
        return Client(
            subprocess.Popen(
                [sys.executable, "-c", CLIENT, to_json(request).decode(), to_json(self.spec).decode()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"HILRIG_HOME": str(self.folder / "client-home")},
                text=True,
            )
        )

    def run_dirs(self) -> list[Path]:
        """Return the client's run directories."""
        return sorted(path for path in self.reports.glob("*") if path.is_dir())

    def left(self) -> list[str]:
        """Return what is left of runs there: folders, a lease, half uploads, processes."""
        parts = [*self.work.runs.glob("*"), *self.work.blobs.glob("*.part"), *self.work.path.glob("lease.json")]
        return [path.name for path in parts] + [f"process {pid}" for pid in self.processes()]

    def processes(self) -> list[int]:
        """Return the processes whose command or environment names the work folder."""
        numbered = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [int(one.name) for one in numbered if int(one.name) != os.getpid() and self._is_ours(one)]

    def _is_ours(self, entry: Path) -> bool:
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            state = (entry / "stat").read_bytes().rpartition(b")")[2].split()[0]
        except OSError:
            return False
        return state != b"Z" and f"{self.work.path}/".encode() in text and b"client-home" not in text

    def end(self) -> None:
        """End whatever still runs there."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@dataclass
class Client:
    """A client's process and what it said so far."""

    process: "subprocess.Popen[str]"
    said: list[dict[str, Any]] = field(default_factory=list)

    def until(self, kind: str) -> dict[str, Any]:
        """Read what it says up to a line of this kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(json.loads(line))
            if self.said[-1]["kind"] == kind:
                return self.said[-1]
        raise AssertionError(
            f"no {kind} in {self.said}; stderr: {self.process.stderr and self.process.stderr.read()}"
        )

    def ended(self) -> int:
        """Wait for its end."""
        out, _ = self.process.communicate(timeout=120)
        self.said += [json.loads(line) for line in out.splitlines()]
        return self.process.returncode

    def kill(self) -> None:
        """Kill it as a machine that goes down does."""
        self.process.kill()
        self.process.wait()


@dataclass
class WrappedTransport(LocalTransport):
    """A local transport whose commands a test may change, and whose line it may cut."""

    change: Callable[[Sequence[str]], Sequence[str]] = list
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __init__(self, home: Path, change: Callable[[Sequence[str]], Sequence[str]] = list) -> None:
        super().__init__(LocalOptions(home=str(home)), "sim", home)
        self.change, self.started = change, []

    def start(self, argv: Sequence[str]) -> "subprocess.Popen[bytes]":
        process = super().start(list(self.change(argv)))
        self.started.append(process)
        return process


def wait_for(what: Callable[[], Any], *, within_s: float = 60) -> Any:
    """Return what `what` gives as soon as it is true."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")
