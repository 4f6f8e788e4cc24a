"""A model that cannot be sound, loaded while the good one serves: what the pipeline makes of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hilrig.core.drill import FaultSpan, fault_at, fault_spans
from hilrig.core.errors import HilrigError
from hilrig.core.fault import RELOADS, FaultKind
from hilrig.core.ports import Target
from hilrig.core.run import RunPlan
from hilrig.run.no_permission import made_unreadable, obey_permissions
from hilrig.target.damaged_copy import copy_with_own_file, damaged_copy
from hilrig.target.opening import open_target

WORDS_MAX: Final = 300
COULD_READ: Final = "the file was opened all the same: its permissions bind nobody here"
NO_FOLDER: Final = "without root's right to read every file, the profile's other files cannot be read either"


class DrillReload:
    """Loads the model of a fault beside the serving target, and hands over to it only where the pipeline took it.

    Args:
        plan: the run's plan.
        folder: the profile's.
        report: told `fault` with `state` refused, loaded or not_done, and why in words.
    """

    def __init__(self, plan: RunPlan, folder: Path, *, report: Callable[..., None]) -> None:
        self._plan, self._folder, self._report = plan, folder, report
        self._spans = [span for span in fault_spans(plan) if span.spec.kind in RELOADS]
        self._tried: set[str] = set()
        self._taken: dict[str, Target] = {}

    def serving(self, frame_id: int, *, instead_of: Target) -> Target:
        """Return the target that decides a frame: that of the fault while it lasts, if it could be loaded."""
        fault = fault_at(self._spans, frame_id)
        if fault is None:
            return instead_of
        if fault.spec.name not in self._tried:
            self._tried.add(fault.spec.name)
            load = self._load_damaged if fault.spec.kind is FaultKind.MODEL_CORRUPT else self._load_unreadable
            threading.Thread(target=load, args=(fault,), daemon=True).start()
        return self._taken.get(fault.spec.name, instead_of)

    def _load_damaged(self, fault: FaultSpan) -> None:
        with damaged_copy(self._folder, self._plan.model) as folder:
            found = self._load(folder)
        self._tell(fault, found)

    def _load_unreadable(self, fault: FaultSpan) -> None:
        """Load a copy that may not be read; where it was read all the same, nothing was tried."""
        try:
            with self._unreadable_copy() as (folder, was_opened):
                found = self._load(folder)
                is_done = not was_opened()
        except OSError as error:
            self._say(fault, "not_done", f"permission could not be taken away: {error.strerror}")
            return
        if is_done:
            self._tell(fault, found)
        else:
            self._say(fault, "not_done", COULD_READ)

    @contextmanager
    def _unreadable_copy(self) -> Iterator[tuple[Path, Callable[[], bool]]]:
        with (
            copy_with_own_file(self._folder, self._plan.model) as (folder, own),
            made_unreadable(own) as was_opened,
        ):
            obey_permissions()
            self._refuse_other_files()
            with suppress(PermissionError):
                own.read_bytes()  # where the kernel lets us, it is seen as anybody's opening is
            yield folder, was_opened

    def _refuse_other_files(self) -> None:
        """Refuse a folder of which more than the model could not be read: the pipeline would refuse that."""
        try:
            list(self._folder.iterdir())
            for name in self._plan.model.files[:-1]:
                (self._folder / name).open("rb").close()
        except PermissionError as error:
            raise OSError(error.errno, NO_FOLDER) from error

    def _load(self, folder: Path) -> Target | str:
        """Return the target that a folder gives, or why it gives none. Whatever is raised is a refusal."""
        try:
            target = open_target(self._plan.pipeline, self._plan.model, folder)
            getattr(target, "load", target.prepare)()  # the user's own part alone, where it can be told apart
        except HilrigError as error:
            return _without(folder, error.message)
        except Exception as error:  # noqa: BLE001 - a foreign library may raise anything: it is a refusal too
            return _without(folder, f"{type(error).__name__}: {error}")
        return target

    def _tell(self, fault: FaultSpan, found: Target | str) -> None:
        if isinstance(found, str):
            self._say(fault, "refused", found)
        else:
            self._taken[fault.spec.name] = found
            self._say(fault, "loaded", "")

    def _say(self, fault: FaultSpan, state: str, words: str) -> None:
        self._report("fault", name=fault.spec.name, state=state, words=words)


def _without(folder: Path, words: str) -> str:
    return words.replace(f"{folder}/", "")[:WORDS_MAX]  # the copy's place means nothing to anybody
