"""Real calls of the agent, as a client makes them over a link, and small programs as jobs."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from hilrig.rig.agent.keeper_file import read_keeper
from hilrig.rig.agent.layout import RunFolder, WorkFolder
from hilrig.rig.agent.processes import processes_of

HOLDER = "ada@bench"
MAX_S = 600

RUN_DIR = """
import json, os, signal, sys, time
from pathlib import Path
run_dir = Path(sys.argv[1]) / "20261121T053312Z-weld-1"
def say(kind, **detail):
    print(json.dumps({"kind": kind, **detail}), flush=True)
def start():
    run_dir.mkdir(parents=True)
    status("measure")
    say("started", run_dir=str(run_dir), run_id="r1")
def status(phase):
    new = run_dir / "status.new"
    new.write_text(json.dumps({"phase": phase}))
    new.replace(run_dir / "status.json")
def event(seq):
    with (run_dir / "events.jsonl").open("a") as file:
        file.write(json.dumps({"seq": seq, "t_ns": 0, "at_utc": "", "kind": "clock", "detail": {}}) + chr(10))
def asked():
    path = run_dir / "stop.json"
    return json.loads(path.read_text()) if path.exists() else None
"""
"""What the programs of jobs begin with."""


class Rig:
    """A work folder and the agent's calls on it; every process of every run is ended when it is closed."""

    def __init__(self, folder: Path) -> None:
        self.work = WorkFolder(folder)
        self.work.blobs.mkdir(parents=True)

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Return the last line of an answer."""
        return self.lines(verb, **arguments)[-1]

    def lines(self, verb: str, **arguments: Any) -> list[dict[str, Any]]:
        """Return every line of an answer."""
        done = subprocess.run(
            self.command(verb), input=self.line(**arguments), stdout=subprocess.PIPE, timeout=120, check=False
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def begin(self, verb: str, **arguments: Any) -> "subprocess.Popen[bytes]":
        """Start a call whose answer comes in pieces."""
        process = subprocess.Popen(self.command(verb), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(self.line(**arguments))
        process.stdin.close()
        process.stdin = None  # `communicate` would flush it
        return process

    def command(self, verb: str) -> list[str]:
        """Return the command of a call."""
        return [sys.executable, "-m", "hilrig.rig.agent", verb]

    def line(self, **arguments: Any) -> bytes:
        """Return the line of arguments."""
        return json.dumps({"work_folder": str(self.work.path), **arguments}).encode() + b"\n"

    def lease(self, run_id: str = "", *, holder: str = HOLDER, ttl_s: float = 60) -> dict[str, Any]:
        """Take the rig."""
        return self.call("lease", holder=holder, run_id=run_id, note="a test", ttl_s=ttl_s)

    def place(
        self, run_id: str, program: str, *, is_tied: bool = False, ttl_s: float = 60, **limits: float
    ) -> None:
        """Give the keeper a program to do."""
        argv = ["-c", RUN_DIR + program, str(self.work.run(run_id).reports)]
        job = {"argv": argv, "env": {}, "tied": is_tied, "ttl_s": ttl_s, "max_s": MAX_S, "grace_s": 30, **limits}
        placed = self.call("place", run_id=run_id, files=[], texts={}, job=job)
        assert placed["ok"], placed

    def start(self, run_id: str, program: str, **job: Any) -> None:
        """Take the rig for a run of a program, begin it."""
        taken = self.lease(run_id)
        assert taken.get("ok"), taken
        self.place(run_id, program, **job)

    def follow(self, run_id: str, *, after: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return the events of a run up to its end, and the last line."""
        *lines, last = self.lines("follow", run_id=run_id, after=after)
        return [line for line in lines if line["kind"] != "status"], last

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return the events that are on the disk."""
        return [json.loads(line) for line in self.work.run(run_id).events.read_bytes().splitlines()]

    def await_event(self, run_id: str, kind: str) -> dict[str, Any]:
        """Return the first event of a kind, when it has come."""
        give_up_s = time.monotonic() + 60
        while time.monotonic() < give_up_s:
            for event in self.events(run_id):
                if event["kind"] == kind:
                    return event
            time.sleep(0.02)
        raise AssertionError(f"no event {kind}: {self.events(run_id)}")

    def keeper_pid(self, run_id: str) -> int:
        """Return the process id of a run's keeper."""
        keeper = read_keeper(self.work.run(run_id))
        assert keeper is not None
        return keeper.pid

    def kill_keeper(self, run_id: str) -> None:
        """End a keeper as the kernel does when memory is short."""
        os.kill(self.keeper_pid(run_id), signal.SIGKILL)
        self.await_keeper_gone(run_id)

    def await_keeper_gone(self, run_id: str) -> None:
        """Return when a run has no keeper any more."""
        give_up_s = time.monotonic() + 60
        run = self.work.run(run_id)
        # Without keeper.json the keeper is in the middle of removing the folder.
        while run.path.exists() and ((keeper := read_keeper(run)) is None or keeper.lives):
            assert time.monotonic() < give_up_s, "the keeper goes on"
            time.sleep(0.02)

    def close(self) -> None:
        """End what the test left."""
        for folder in self.work.runs.glob("*"):
            keeper = read_keeper(RunFolder(folder))
            lives = keeper is not None and keeper.lives
            left = processes_of(RunFolder(folder), keeper=keeper.pid if keeper and lives else None)
            for pid in [keeper.pid] * bool(keeper and lives) + [found.pid for found in left]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
