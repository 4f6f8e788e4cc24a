"""The extension points of a run: small protocols, each with a fake shipped beside the real implementations.

Every process of a run imports this: `hilrig.core.rig_ports` and `hilrig.core.sink` have what none of them needs.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from hilrig.core.frame import FeedInfo, FrameTable, Outcome, OutcomeReason, Pixels, Truth
from hilrig.core.telemetry import Capability, Reading, ReadingTable, Tier


class Feed(Protocol):
    """A source of frames. Built as `Feed(options, folder)`: its options dataclass and the profile's folder."""

    def describe(self) -> FeedInfo:
        """Return how many frames of which size there are.

        Raises:
            PreconditionError: a file is missing or unreadable.
        """

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Write frame `index` into `pixels` (height x width x 3, BGR, C-contiguous); return its truth.

        Raises:
            PreconditionError: the frame cannot be read.
        """

    def close(self) -> None:
        """Release files."""


class Backend(Protocol):
    """A runtime. Built as `Backend(options, model, folder)`; `model` is the profile's ModelSpec."""

    def load(self) -> Mapping[str, Any]:
        """Load the model; return facts as JSON (runtime, version, providers active, sha256 of the files read).

        Raises:
            PreconditionError: the model cannot be loaded, or its inputs and outputs are not the profile's.
        """

    def input(self) -> NDArray[Any]:
        """Return the preallocated input tensor that `infer` reads."""

    def infer(self) -> NDArray[Any]:
        """Run the model on the input tensor; return the scores, one per label, valid until the next call.

        The device is synchronised before it returns, so a stamp taken afterwards is true.
        """

    def close(self) -> None:
        """Release the runtime."""


class Processed(NamedTuple):
    """What a target made of one frame. Stamps are CLOCK_MONOTONIC; 0 where a stage did not happen or was not seen.

    A decided frame always has `t_decided_ns`; one that failed never has.
    """

    t_preprocessed_ns: int
    t_inferred_ns: int
    t_decided_ns: int
    outcome: Outcome
    reason: OutcomeReason
    defects: int
    score: float


class Target(Protocol):
    """What is measured. Built as `Target(pipeline, model, folder)` from the profile's PipelineSpec and ModelSpec.

    The class has `Options`, a frozen dataclass that `pipeline.target_options` is checked against, and
    `runs_elsewhere = True` when the pipeline is in a process that hilrig neither starts nor measures.
    """

    def prepare(self) -> Mapping[str, Any]:
        """Load everything, run once; return facts as JSON (`files_sha256`: the model files read, if any).

        Raises:
            PreconditionError: the pipeline cannot be had, or is not the declared one.
        """

    def process(self, pixels: Pixels) -> Processed:
        """Decide one frame; never raises: what a foreign pipeline does wrong is a FAILED frame with its reason.

        A frame is asked for once: a second try would hide a failure. `pixels` is overwritten after the call.
        """

    def close(self) -> None:
        """Release everything."""


class Sampler(Protocol):
    """A source of telemetry. Built as `Sampler(root, pid)`: the file system's root, the target's process.

    The class may have a static method `is_here(root) -> bool`, which says whether to open it on a machine at all.
    """

    def probe(self) -> Sequence[Capability]:
        """Make one real read of every channel; never raises. The order numbers the channels."""

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read all channels of a tier; never raises: what can't be read is a reason.

        Reading the EDGE tier also starts a new window for exact peaks.
        """

    def close(self) -> None:
        """Release files."""


class FailureWatch(Protocol):
    """Says when a FAIL has become certain, so that a lost run need not go on for hours."""

    def update(self, frames: FrameTable) -> None:
        """Take in frame records, in order, each once."""

    def reason(self, *, now_ns: int) -> str | None:
        """Return why no further frame can undo the FAIL, None while one can. `now_ns` is CLOCK_MONOTONIC."""


class RecordWriter(Protocol):
    """Where the supervisor puts what a run produces (the run directory, or a list in a test)."""

    def channels(self, capabilities: Sequence[Capability]) -> None:
        """Name the channels that readings refer to; called once, before the first reading."""

    def frames(self, table: FrameTable) -> None:
        """Append frame records.

        Raises:
            OSError: with ENOSPC when the disk is full.
        """

    def readings(self, table: ReadingTable) -> None:
        """Append readings."""

    def event(self, kind: str, detail: Mapping[str, Any], t_ns: int) -> None:
        """Append an event."""

    def status(self, status: Mapping[str, Any]) -> None:
        """Replace the live status."""

    def flush(self) -> None:
        """Put everything appended so far where a power cut cannot take it."""
