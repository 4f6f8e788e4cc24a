"""What triage looks at: a run, a model store, a service, whichever there is. It was read before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.release import ReleaseManifest
from hilrig.core.result import Result
from hilrig.core.run import RunPlan

LINE_CHARACTERS: Final = 320
"""Of a line of evidence: what a runtime says of an operator fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Decided frames of known truth, by what was in them and what was found.

    Args:
        labels: of the model, in their order.
        n_frames: how many there are.
        pairs: (label in the frame, label found), for frames that hold exactly one label; the label found is ""
            where nothing was, "+" where several were.
        commonest_share: of the decision that was made most often, 0 to 1.
        n_truths: how many different truths the frames have.
    """

    labels: tuple[str, ...]
    n_frames: int
    pairs: Mapping[tuple[str, str], int]
    commonest_share: float
    n_truths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeen:
    """A run directory.

    Args:
        confusion: None where the frames cannot be read or nobody knows the truth.
        reference: the plan of the newest run beside it that passed for the same profile; None without one.
        siblings: runs of the same model and pipeline beside it: device class, and how its detection checks went.
        log_tail: the last lines that the pipeline printed.
    """

    folder: str
    result: Result
    plan: RunPlan | None
    confusion: Confusion | None = None
    reference: RunPlan | None = None
    reference_name: str = ""
    siblings: tuple[tuple[str, str], ...] = ()
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTried:
    """The model was loaded in a process of its own, on the machine that triage runs on.

    Args:
        error: what the runtime said; empty: it loads.
        peak_ram_mib: of that process; None where it died before it could tell.
        was_killed: by a signal, as the out-of-memory killer does.
    """

    runtime: str
    error: str
    load_time_ms: float | None = None
    peak_ram_mib: float | None = None
    was_killed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSeen:
    """A release of a store.

    Args:
        manifest: None where release.json is missing, unreadable, or not what the release is named after.
        damage: each file that is not what the manifest says, with the reason.
        decision: what the gate decided, `PASSED` or `FAILED`; empty where no trusted key signed a decision.
        decision_fault: why there is no decision to believe, or why it does not hold here; empty when it holds.
        load: None where it was not tried.
    """

    sha256: str
    manifest: ReleaseManifest | None
    damage: tuple[str, ...] = ()
    decision: str = ""
    decision_fault: str = ""
    load: LoadTried | None = None

    def __str__(self) -> str:
        if self.manifest is None:
            return f"{self.sha256[:12]} (no readable release.json)"
        return (
            f"{self.sha256[:12]} ({self.manifest.name} {self.manifest.version}, sequence {self.manifest.sequence})"
        )


def _sequence(release: ReleaseSeen) -> int:
    return release.manifest.sequence if release.manifest else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One line of a store's journal."""

    at_utc: str
    change: str
    reason: str
    current: str | None
    previous: str | None
    candidate: str | None

    def __str__(self) -> str:
        return f"{self.at_utc} {self.change}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSeen:
    """A model store: its folder as it lies there.

    Args:
        state_fault: why active.json cannot be believed; empty when it can.
        barred: releases that may not run again.
        releases: by sha256.
        quarantined: names in the quarantine.
        downloads: names in agent/downloads with their sizes: what was never brought to its end.
        journal: every decision that can be read, the oldest first.
        reports: of the agent, that nobody has taken yet, and log lines that were handed in.
        free_mib: of the disk now.
    """

    folder: str
    node_id: str
    device_class: str
    stack_sha256: str
    state_fault: str
    current: str | None
    previous: str | None
    candidate: str | None
    tries_left: int
    min_sequence: int
    barred: frozenset[str]
    desired_sequence: int
    reason: str
    releases: Mapping[str, ReleaseSeen]
    quarantined: tuple[str, ...]
    downloads: tuple[tuple[str, int], ...]
    journal: tuple[Decision, ...]
    reports: tuple[Mapping[str, Any], ...]
    free_mib: float
    reserve_mib: float

    @property
    def running(self) -> ReleaseSeen | None:
        """Return the release that a start would run, as far as the state says."""
        return self.releases.get(self.candidate or self.current or "")

    @property
    def newest(self) -> ReleaseSeen | None:
        """Return the release with the highest sequence; None without one whose release.json can be read."""
        return max((one for one in self.releases.values() if one.manifest), key=_sequence, default=None)

    def of_interest(self) -> tuple[ReleaseSeen, ...]:
        """Return the releases that a start may run, and those that are newer than the current one."""
        current = self.releases.get(self.current or "")
        least = _sequence(current) if current else 0
        named = {self.candidate, self.current}
        return tuple(one for sha256, one in self.releases.items() if sha256 in named or _sequence(one) > least)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """A running service, by what it says of itself.

    Args:
        status: of `GET /node/status`.
        window: of `GET /node/window`; None where it did not answer.
    """

    url: str
    status: Mapping[str, Any]
    window: Mapping[str, Any] | None

    @property
    def is_ready(self) -> bool:
        """Return whether it decides parts."""
        return self.status.get("ready") is True

    @property
    def error_code(self) -> str:
        """Return why not; empty while it does."""
        return str(self.status.get("error_code") or "")

    def release(self, role: str) -> str | None:
        """Return the sha256 of the release that is `active`, `previous` or `candidate`."""
        found = self.status.get(role)
        sha256 = found.get("release_sha256") if isinstance(found, Mapping) else None
        return sha256 if isinstance(sha256, str) else None

    def number(self, key: str) -> float | None:
        """Return a number of the window; None where there is none."""
        value = (self.window or {}).get(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """All that there is to look at.

    Args:
        name: how it was given.
        log: lines of the node's log, the oldest first.
        golden: a golden diagnostic bundle that was run for this; None without one.
    """

    name: str
    run: RunSeen | None = None
    store: StoreSeen | None = None
    service: ServiceSeen | None = None
    log: tuple[Mapping[str, Any], ...] = ()
    golden: "GoldenSeen | None" = None

    @property
    def lines(self) -> tuple[Mapping[str, Any], ...]:
        """Return log lines and the agent's reports alike: both have `event`, `error_code`, `reason`."""
        return (*self.log, *(self.store.reports if self.store else ()))

    def lines_with(self, *codes: str) -> tuple[str, ...]:
        """Return the lines that carry one of these error codes, as text."""
        return tuple(told(line) for line in self.lines if line.get("error_code") in codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSeen:
    """A golden diagnostic bundle, run here.

    Args:
        differing: inputs that gave another answer than was expected.
        other_versions: versions and digests that are not those that the bundle was made with.
    """

    n_inputs: int
    differing: tuple[str, ...]
    other_versions: tuple[str, ...] = ()


def told(line: Mapping[str, Any]) -> str:
    """Return a log line or report as text."""
    return f"{line.get('event', '')} {line.get('error_code', '')}: {line.get('reason', line.get('detail', ''))}"


def printable(text: str) -> str:
    """Return foreign text for a person's terminal: short, nothing that moves a cursor, no half characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:LINE_CHARACTERS])
