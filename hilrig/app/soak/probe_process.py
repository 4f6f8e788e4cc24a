"""Runs the probe of a model's providers in a process of its own, within a deadline.

It is watched from outside meanwhile.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.soak.witnesses import WitnessWatch
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.accelerator import Witness
from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.units import format_duration
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.probe import open_samplers
from hilrig.target.probe_exchange import ProbeAsked, ProbeFound

MODULE: Final = "hilrig.target.provider_probe"

IDLE_S: Final = 0.5
"""How long the device is watched before it gets work; the probe loads its libraries meanwhile."""

LOOK_PERIOD_S: Final = 0.05
"""20 Hz: sources give a new value every 1/6 to 1 s, memory at once."""

_LAST_WORDS_MAX: Final = 300
_ANSWER_BYTES_MAX: Final = 1 << 20
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LOG_HEAD: Final = re.compile(r"^\S+ \S+ \[[A-Z]:onnxruntime:[^]]*\] ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What a probe answered, what was seen from outside, and why providers did not come up as the runtime says."""

    found: ProbeFound
    witnesses: tuple[Witness, ...]
    complaints: str


def run_probe(asked: ProbeAsked, *, deadline_s: float, module: str = MODULE) -> Probed:
    """Run a probe to its end.

    Args:
        asked: what to open.
        deadline_s: when it is ended.
        module: what is started as the probe.

    Raises:
        PreconditionError: it crashed, hung, or answered nothing that can be read; with its last words.
    """
    with tempfile.TemporaryDirectory(prefix="hilrig-probe-") as name:
        folder = Path(name)
        with _started(module, folder) as process, closing(_watch(process.pid)) as watch:
            _wait(process, watch.look, seconds=IDLE_S)
            watch.begin()
            _ask(process, asked)
            has_ended = _wait(process, watch.look, seconds=deadline_s)
            witnesses = watch.witnesses()
        words = _words(folder)
        if not has_ended:
            raise _failed(f"gave no answer within {format_duration(deadline_s)} and was ended", words)
        found = _answer(folder, process.returncode, words)
    return Probed(found=found, witnesses=witnesses, complaints=_complaints(words))


@contextmanager
def _started(module: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=folder,  # `-m` looks into the current folder first: only our own files are here
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _watch(pid: int) -> WitnessWatch:
    return WitnessWatch(CombinedSampler(open_samplers(Path("/"), pid)))


def _wait(process: subprocess.Popen[bytes], look: Callable[[], None], *, seconds: float) -> bool:
    """Look again and again until the process has ended or the time is over; return whether it has ended."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        look()
        try:
            process.wait(min(LOOK_PERIOD_S, left_s))
        except subprocess.TimeoutExpired:
            continue
        return True
    return False


def _ask(process: subprocess.Popen[bytes], asked: ProbeAsked) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    try:
        with process.stdin as pipe:
            pipe.write(to_json(asked) + b"\n")
    except BrokenPipeError:
        pass  # it has ended already: its status and last words say why


def _answer(folder: Path, status: int, words: list[str]) -> ProbeFound:
    if status:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        raise _failed(how, words)
    with (folder / "out").open("rb") as file:
        data = file.read(_ANSWER_BYTES_MAX)
    try:
        return from_json(ProbeFound, data, what="the answer")
    except RecordError as error:
        said = data[:_LAST_WORDS_MAX].decode(errors="replace").strip()
        raise _failed(f"answered nothing that can be read ({error.message}: {said!r})", words) from error


def _failed(how: str, words: list[str]) -> PreconditionError:
    last = f"; its last words: {words[-1][:_LAST_WORDS_MAX]}" if words else ""
    return PreconditionError(
        f"the accelerator cannot be proven: the probe of the model {how}{last}",
        hint="see whether the model runs with this onnxruntime and driver at all: hilrig doctor",
    )


def _words(folder: Path) -> list[str]:
    """Return the lines that the probe and its libraries printed, without colours and heads of log lines."""
    text = _COLOUR.sub("", (folder / "err").read_bytes().decode(errors="replace"))
    return [_LOG_HEAD.sub("", line).strip() for line in text.splitlines() if line.strip()]


def _complaints(words: list[str]) -> str:
    """Return why providers did not come up: the runtime says so and goes on without them."""
    return "; ".join([line for line in words if "Failed to" in line][-2:])[:_LAST_WORDS_MAX]
