"""An external process that takes its frames from shared memory: what the profile says of it, whether it can start.

The work is done by `hilrig.run.relay`, which stands in the worker's place; `docs/ring.md` is for who writes the
other side, with `hilrig/target/ring/hilrig_ring.h`.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome, OutcomeReason, Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.model_files import hash_model_files

IN_FLIGHT_MAX: Final = 64
"""Frames that an external process may hold at once: more than any batch or depth of a live pipeline."""

ANSWER_TIMEOUT_MAX_MS: Final = 10_000
"""Below half of what a run waits for its last frames: a process that hangs is not taken for one of ours."""

READY_TIMEOUT_MAX_S: Final = 540
"""Below the ten minutes that a run waits for its processes to load."""


@dataclass(frozen=True, kw_only=True)
class RingOptions:
    """How the external process is started and how long it is waited for.

    Args:
        command: program and arguments; no shell. A program with a slash is looked for in the profile's folder,
            which is also the process's working folder, one without on PATH.
        max_in_flight: frames that it may hold at once; with more than 1 it may answer out of order.
        answer_timeout_ms: a frame without an answer for this long has failed.
        ready_timeout_s: how long it may load.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    command: tuple[str, ...]
    max_in_flight: int = 1
    answer_timeout_ms: int = 1000
    ready_timeout_s: float = 60.0

    def __post_init__(self) -> None:
        if not self.command or not all(self.command[:1]):
            raise ValueError("command must name a program")
        if any("\0" in word for word in self.command):
            raise ValueError("command must not hold a zero byte")
        if not 1 <= self.max_in_flight <= IN_FLIGHT_MAX:
            raise ValueError(f"max_in_flight must be within 1 to {IN_FLIGHT_MAX}, found {self.max_in_flight}")
        if not 1 <= self.answer_timeout_ms <= ANSWER_TIMEOUT_MAX_MS:
            raise ValueError(
                f"answer_timeout_ms must be within 1 to {ANSWER_TIMEOUT_MAX_MS}, found {self.answer_timeout_ms}"
            )
        if not 0 < self.ready_timeout_s <= READY_TIMEOUT_MAX_S:
            raise ValueError(
                f"ready_timeout_s must be over 0, at most {READY_TIMEOUT_MAX_S}, found {self.ready_timeout_s:g}"
            )


class RingTarget:
    """The check before a run. Frames go through `hilrig.run.relay`, never through `process`."""

    Options = RingOptions

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:
        self._options = RingOptions(**pipeline.target_options)
        self._model = model
        self._folder = folder

    def prepare(self) -> Mapping[str, Any]:
        """Return what would be started, as JSON; nothing is.

        Raises:
            PreconditionError: the program or a model file is missing, or is not what it should be.
        """
        find_program(self._options.command[0], self._folder)
        return ring_facts(self._options, self._model, self._folder)

    def process(self, pixels: Pixels) -> Processed:  # noqa: ARG002 - the port
        """Return a failed frame: there is no process that could decide it."""
        return Processed(0, 0, 0, Outcome.FAILED, OutcomeReason.TARGET_LOST, 0, 0.0)

    def close(self) -> None:
        """Release nothing."""


def find_program(name: str, folder: Path) -> Path:
    """Return the program's file.

    Raises:
        PreconditionError: there is none, or it cannot be executed.
    """
    if "/" not in name:
        found = shutil.which(name)
        if found is None:
            raise PreconditionError(
                f"the program '{name}' is not on PATH",
                hint=f"install it, or write ./{name} for a program in {folder}",
            )
        return Path(found).absolute()
    path = folder / name
    if not path.is_file():
        raise PreconditionError(
            f"there is no program {path}",
            hint="build it, or correct pipeline.target_options.command in profile.yaml",
        )
    if not os.access(path, os.X_OK):
        raise PreconditionError(f"the program {path} is not executable", hint=f"chmod +x {path}")
    return path


def ring_facts(options: RingOptions, model: ModelSpec, folder: Path) -> dict[str, Any]:
    """Return facts as JSON: the command, the sha256 of the program and of every argument that is a file.

    Raises:
        PreconditionError: a model file is missing or not the pinned one.
    """
    program, *arguments = options.command
    files = {program: find_program(program, folder)} | {word: folder / word for word in arguments}
    return {
        "runtime": "ring",
        "command": list(options.command),
        "command_sha256": {word: sha256_hex(path.read_bytes()) for word, path in files.items() if _is_file(path)},
        "files_sha256": hash_model_files(model, folder),
    }


def _is_file(path: Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK)  # noqa: PTH113 - Path's raises on a long name
