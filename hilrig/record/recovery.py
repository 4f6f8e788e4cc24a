"""What a recovery found, as it is told to people.

It is kept among the run's events.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.run import RunEvent
from hilrig.record.loss import Loss

RECOVERED: Final = "recovered"
"""The kind of the event that a recovery leaves behind; its detail is a Recovery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was kept and what was lost of a run that did not end by itself.

    Args:
        status_counts: the counts (`n_offered`, `n_decided`, ...) of the last status, empty when it is unreadable.
        status_problem: why there are no counts; else empty.
        boot_id: of the boot that it was recovered in; empty in events of before it was written down.
    """

    frames: Loss
    telemetry: Loss
    events: Loss
    status_counts: Mapping[str, int] = field(default_factory=dict)
    status_problem: str = ""
    boot_id: str = ""

    @property
    def losses(self) -> tuple[Loss, Loss, Loss]:
        """Return the losses of frames, telemetry and events."""
        return self.frames, self.telemetry, self.events

    @property
    def n_frames_missing(self) -> int | None:
        """Return how many frames the last status or the dropped lines have beyond the record; None: unknown."""
        if "n_offered" not in self.status_counts and not self.frames.n_rows_untrusted:
            return None
        offered = self.status_counts.get("n_offered", 0)
        return max(offered - self.frames.n_rows_kept, self.frames.n_rows_untrusted)

    @property
    def sentence(self) -> str:
        """Return what was kept and lost, for a person."""
        parts = [f"{loss.sentence}." for loss in self.losses]
        return " ".join([*parts, self._missing_sentence()])

    def _missing_sentence(self) -> str:
        missing = self.n_frames_missing
        if missing is None:
            return f"How many frames were offered beyond these is unknown ({self.status_problem})."
        if missing:
            return (
                f"The last status and the dropped lines speak of {missing} frames that the record does not have."
            )
        return "No frame that the last status counted is missing."

    def detail(self) -> dict[str, Any]:
        """Return it as the detail of a `recovered` event."""
        return asdict(self)


def recoveries(events: Iterable[RunEvent]) -> tuple[Recovery, ...]:
    """Return the recoveries that these events speak of, in order.

    Raises:
        RecordError: such an event does not hold a Recovery.
    """
    return tuple(
        from_json(Recovery, canonical_json(event.detail), what=f"event {event.seq}")
        for event in events
        if event.kind == RECOVERED
    )
