"""A power-loss test: what is updated, how deep the cuts go, what came of every one of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

POWER_LOSS_SCHEMA = "hilrig.power_loss/1"
SOUND_STORE: Final = "sound"
"""The store among the calibrations that must not be caught: a test that faults it would fault any."""


class Depth(str, Enum):
    """How deep a power cut goes."""

    FILE_CALLS = "file_calls"  # every prefix of the recorded file calls, the unsynced part dropped, kept and torn
    KILL = "kill"  # kill -9 at every named point of the update: the page cache survives
    BLOCK_LOG = "block_log"  # writes and flushes of a real file system to its disk, every prefix and subsets
    VIRTUAL_RIG = "virtual_rig"  # a virtual machine killed in mid-update, booted again, asked over the network
    RIG = "rig"  # a rig's own outlet

    @property
    def words(self) -> str:
        """Return it as people call it: `file calls`."""
        return self.value.replace("_", " ")


class Recovery(str, Enum):
    """What a node was found to run after a cut. The first two are sound where they were allowed."""

    LAST_KNOWN_GOOD = "last_known_good"
    NEW_COMPLETE = "new_complete"
    HALF_STAGED = "half_staged"  # what it would run is not whole
    NO_ACTIVE = "no_active"  # it runs nothing
    LOST = "lost"  # it said that the update was done, and runs the old one
    TOO_EARLY = "too_early"  # it runs the new one before that was allowed
    UNKNOWN_MODEL = "unknown_model"
    UNMOUNTABLE = "unmountable"
    DID_NOT_BOOT = "did_not_boot"
    NO_ANSWER = "no_answer"  # asking it failed

    @property
    def words(self) -> str:
        """Return it as people say it: `half staged`."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecovery:
    """One cut after which the node was not sound.

    Args:
        step: the step of the update that was cut.
        at: where in it, in words: `after write 14 of state/active.json.new, unsynced part torn`.
        recovery: what was found.
        detail: what the node said.
    """

    step: str
    at: str
    recovery: Recovery
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A store that is known to be wrong, put under the same test.

    The store `SOUND_STORE` is known to be right: none of its cuts may show anything.

    Args:
        store: which wrong store, or the sound one.
        n_states: cuts that it was put under.
        n_caught: how many of them showed what is wrong.
    """

    store: str
    n_states: int
    n_caught: int

    @property
    def holds(self) -> bool:
        """Return whether the test told a wrong store from a right one."""
        return self.n_states > 0 and (self.n_caught == 0 if self.store == SOUND_STORE else self.n_caught > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthResult:
    """What one depth found.

    Args:
        depth: how deep the power cuts went.
        ran: False where it could not run; `reason` then says why.
        reason: why it did not run; empty where it did.
        n_states: states (or cuts) that were judged.
        counts: how many of them each recovery word was found for.
        n_bad: those that were not sound.
        bad: the first of them.
        calibrations: wrong stores under the same test. One that was not caught makes the depth no evidence.
        took_s: how long it took.
        facts: on what it ran (file system, mount options, accelerator, sizes), as JSON.
    """

    depth: Depth
    ran: bool
    reason: str = ""
    n_states: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    n_bad: int = 0
    bad: tuple[BadRecovery, ...] = ()
    calibrations: tuple[Calibration, ...] = ()
    took_s: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_calibrated(self) -> bool:
        """Return whether the sound store was found sound and each of the wrong ones, at least one, was caught."""
        stores = {one.store for one in self.calibrations}
        return SOUND_STORE in stores and len(stores) > 1 and all(one.holds for one in self.calibrations)

    @property
    def is_evidence(self) -> bool:
        """Return whether it ran, on at least one state, and would have seen what is wrong."""
        return self.ran and self.n_states > 0 and self.is_calibrated


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLossResult:
    """A whole power-loss test.

    Args:
        schema: format of this block: `hilrig.power_loss/1`.
        subject: the software whose update was cut.
        seed: of everything that was drawn.
        required: the depths without which it proves nothing.
        depths: what each depth found.
        started_at_utc: wall clock, ISO 8601, for people; empty where nobody noted it.
    """

    schema: str = POWER_LOSS_SCHEMA
    subject: str
    seed: int
    required: tuple[Depth, ...]
    depths: tuple[DepthResult, ...]
    started_at_utc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateStep:
    """One step of an update: a command, and which releases may run after a cut.

    Args:
        name: `stage`, `activate`, ...
        argv: the command; `{store}` stands for the store's folder.
        may_run_during: releases (`A`, `B`, or `none`) that may run after a cut in the midst of it.
        may_run_after: the same once the command has returned 0: its promise.
    """

    name: str
    argv: tuple[str, ...]
    may_run_during: tuple[str, ...]
    may_run_after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSubject:
    """Software that updates a model, put under the test.

    Args:
        name: for people.
        install: makes the store with release A active and confirmed; `{store}` as in a step.
        episodes: by name, steps that follow each other from the installed store (the episode `install` from
            nothing: its first step is the installation itself).
        ask: prints `{"active": ID or null, "complete": bool, "error": text}` for the store, as after a boot.
        ask_many: the same for a store folder per line of stdin, one answer per line; empty: `ask` for each.
        releases: `A` and `B` -> the ID that the answer has for them.
        writes_trace: it keeps the record of its file calls itself, where HILRIG_DISK_TRACE says.
    """

    name: str
    install: tuple[str, ...]
    episodes: Mapping[str, tuple[UpdateStep, ...]]
    ask: tuple[str, ...]
    ask_many: tuple[str, ...] = ()
    releases: Mapping[str, str] = field(default_factory=dict)
    writes_trace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLossSpec:
    """What a profile says about its power-loss test.

    Args:
        depths: those that must run; a rig that cannot is refused before the run.
        seed: of everything that is drawn.
        n_cuts: of a virtual rig or a rig.
        subject_file: a YAML file with an update subject of the user's; None: hilrig's own node.
        rig: the rig whose power is cut (depths `virtual_rig` and `rig`).
    """

    depths: tuple[Depth, ...] = (Depth.FILE_CALLS, Depth.KILL)
    seed: int = 1
    n_cuts: int = 10
    subject_file: str | None = None
    rig: str | None = None
