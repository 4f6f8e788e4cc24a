"""What a person asks for with `hilrig run`."""

import secrets
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One run as asked for.

    Args:
        profile: a profile's folder or its profile.yaml.
        rig_file: a rig file; None is the machine that hilrig runs on.
        reports: the folder that run directories are made in.
        duration_s: measured seconds instead of the profile's; None keeps those.
        key: the private key that signs.
        passphrase_file: the file with that key's passphrase; None when it has none, or it comes by descriptor.
        passphrase_fd: the open descriptor that the passphrase is read from.
        frame_rate_fps: frames per second instead of the profile's, for a search; None keeps those.
        self_test_s: length of the self-test before the run instead of the profile's; None keeps that.
        stop_when_failed: whether a certain FAIL ends the run, instead of the profile's word; None keeps that.
        measured_part_only: whether power-loss test, companions without the model and faults are left out, as in
            each run of a search. Their limits stay, not measured: such a run never passes for a whole one.
        operator: who starts it; `note` is what they want to be read beside the verdict.
        baseline: the run directory that the report shows this run beside; None for the one that is set, if any.
        is_detached: whether the run goes on when the process that started it is gone.
        run_id: the run's id, given by the machine that sent it to a rig; None makes a new one.
    """

    profile: Path
    rig_file: Path | None
    reports: Path
    duration_s: float | None
    key: Path
    passphrase_file: Path | None = None
    passphrase_fd: int | None = None
    frame_rate_fps: Fraction | None = None
    self_test_s: float | None = None
    stop_when_failed: bool | None = None
    measured_part_only: bool = False
    operator: str = ""
    note: str = ""
    baseline: Path | None = None
    is_detached: bool = False
    run_id: str | None = None


def new_run_id() -> str:
    """Return a name that no other run has: 8 hex digits."""
    return secrets.token_hex(4)
