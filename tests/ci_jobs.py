"""The CI job's script, called as a runner calls it, with simulated rigs in work folders of their own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from matrices import write_simulated_rig

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "hil-job"


@dataclass
class CiLab:
    """A bench with rigs that a CI job can name; `bench` is that of tests/e2e/conftest.py."""

    bench: object

    @property
    def work(self) -> Path:
        """Return the folder of the rigs' work folders."""
        return self.bench.folder / "work"

    def rig(self, name: str, **labels: str) -> Path:
        """Write a simulated rig's file."""
        return write_simulated_rig(self.bench.folder / "rigs", name, work=self.work, **labels)

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """Start the job in a process group of its own, as a runner does."""
        command = self.bench.folder / "hilrig"
        if not command.exists():
            command.write_text(f'#!/bin/sh\nexec {sys.executable} -m hilrig "$@"\n')
            command.chmod(0o755)
        return subprocess.Popen(
            ["bash", str(SCRIPT)],
            cwd=self.bench.folder,
            env=self.bench.environment(**{"HILRIG": str(command), "HIL_PROFILE": "station"} | variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def job(self, **variables: str) -> "JobDone":
        """Run the job to its end."""
        return self.ended(self.start(**variables))

    def ended(self, process: subprocess.Popen[str]) -> "JobDone":
        """Wait for a job's end."""
        out, err = process.communicate(timeout=170)
        return JobDone(process.returncode, out, err, self.bench.folder / "hil-out")

    def leftovers(self) -> list[str]:
        """Return what is still on the rigs: leases, half uploads, folders of runs, processes."""
        files = [
            str(path)
            for pattern in ("*/lease.json", "*/blobs/*.part", "*/runs/*")
            for path in self.work.glob(pattern)
        ]
        return files + [f"process {one.pid}: {_words(one)}" for one in self.processes()]

    def processes(self) -> list[psutil.Process]:
        """Return the processes that work for these rigs or for this bench's jobs."""
        return [one for one in psutil.process_iter() if self._is_ours(one)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            home = process.environ().get("HILRIG_HOME", "")
            return process.pid != os.getpid() and str(self.bench.folder) in " ".join([home, *process.cmdline()])
        except psutil.Error:
            return False


@dataclass
class JobDone:
    """What a job gave: exit code, its output, the folder that the CI system takes."""

    code: int
    out: str
    err: str
    kept: Path

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    @property
    def json(self) -> dict:
        """Return hil.json."""
        return json.loads((self.kept / "hil.json").read_bytes())


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:120]
    except psutil.Error:
        return "ended just now"
