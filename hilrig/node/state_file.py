"""The state of a store on its disk: two files, of which one is whole whenever the power goes."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import RecordError
from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.journal import Journal
from hilrig.node.layout import STATE, STATE_BEFORE, STATE_FOLDER, STATE_NEW
from hilrig.node.safe_files import is_sha256, read_below
from hilrig.node.store_fault import STATE_UNREADABLE, StoreFault
from hilrig.node.transitions import STATE_FORMAT, StoreState, repaired

_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedState:
    """The state that holds; `fault` says what is wrong with active.json where the one before it had to serve."""

    state: StoreState
    fault: str = ""


class StateFile:
    """Reads and replaces a store's state."""

    def __init__(self, disk: Disk, points: CrashPoints) -> None:
        self._disk = disk
        self._points = points
        self._journal = Journal(disk)

    def load(self) -> LoadedState:
        """Return the state that holds.

        Raises:
            StoreFault: neither file can be read.
        """
        state, fault = self._read(STATE)
        if state is not None:
            return LoadedState(state=state)
        before, fault_before = self._read(STATE_BEFORE)
        if before is not None:
            reason = f"went back to the state before: {fault}"
            return LoadedState(state=repaired(before, reason=reason), fault=fault)
        raise StoreFault(
            f"the state of {self._disk.folder} is unreadable: {fault}; {fault_before}; {self._last_known()}",
            code=STATE_UNREADABLE,
            hint=f"say which release is safe: hilrig node activate RELEASE --store {self._disk.folder}",
        )

    def load_whole(self) -> StoreState:
        """Return the state, for what cannot be undone.

        Raises:
            StoreFault: active.json cannot be read, whatever the one before it says.
        """
        loaded = self.load()
        if loaded.fault:
            raise StoreFault(
                f"the state of {self._disk.folder} is unreadable: {loaded.fault}; what is needed cannot be told",
                code=STATE_UNREADABLE,
                hint=f"say which release is safe: hilrig node activate RELEASE --store {self._disk.folder}",
            )
        return loaded.state

    def load_or_salvage(self) -> StoreState:
        """Return the state that holds; without one what the journal knows of limits, and no release at all.

        For a person who says anew which release is safe: a journal entry is no reason to run anything.
        """
        try:
            return self.load().state
        except StoreFault:
            last = self._journal.last() or StoreState()
            return StoreState(
                seq=last.seq,
                min_sequence=last.min_sequence,
                barred=last.barred,
                desired_sequence=last.desired_sequence,
                change="salvage",
            )

    def replace(self, state: StoreState) -> None:
        """Write `state` down, so that a power cut leaves this one or the one before.

        Raises:
            OSError: the disk refuses. Nothing has changed before the new file has its name; after that a cut
                leaves one state or the other, and both are whole.
        """
        self._journal.append(state)
        if self._disk.exists(STATE_NEW):
            self._disk.unlink(STATE_NEW)
        self._disk.write_file(STATE_NEW, encode(state))
        self._points.reach("state.written")
        self._keep_before()
        self._disk.rename(STATE_NEW, STATE)
        self._points.reach("state.renamed")
        self._disk.fsync_folder(STATE_FOLDER)

    def _keep_before(self) -> None:
        """Link the state that goes, unless it is unreadable: then the backup is the better one."""
        if self._read(STATE)[0] is None:
            return
        if self._disk.exists(STATE_BEFORE):
            self._disk.unlink(STATE_BEFORE)
        self._disk.link(STATE, STATE_BEFORE)
        self._points.reach("state.linked")

    def _read(self, path: str) -> tuple[StoreState | None, str]:
        try:
            return decode(read_below(self._disk.folder, path, max_bytes=_MAX_BYTES)), ""
        except OSError as error:
            return None, f"{path}: {error.strerror}"
        except RecordError as error:
            return None, f"{path}: {error.message}"

    def _last_known(self) -> str:
        last = self._journal.last()
        if last is None:
            return "the journal knows nothing"
        return (
            f"the journal last knew {(last.current or 'nothing')[:12]} as current ({last.change}: {last.reason})"
        )


def encode(state: StoreState) -> bytes:
    """Return the bytes of a state with their sum."""
    document = _document(state)
    return canonical_json({**document, "sum": sha256_hex(canonical_json(document))})


def decode(data: bytes) -> StoreState:
    """Return the state in `data`.

    Raises:
        RecordError: it is not the bytes of a state, to the last one.
    """
    try:
        document = json.loads(data)
        document.pop("sum")
        state = from_json(StoreState, canonical_json(document), what="state")
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError, RecordError) as error:
        raise RecordError("it is not a state of this format") from error
    if state.format != STATE_FORMAT or encode(state) != data:
        raise RecordError("its sum does not fit it")
    if not all(map(is_sha256, (*state.releases, *state.barred))):
        raise RecordError("it names something that is no release")
    return state


def _document(state: StoreState) -> dict[str, Any]:
    return asdict(state)
