"""A damaged copy of the model, loaded while the good one serves: what the pipeline makes of it."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hilrig.core.drill import FaultSpan, fault_at, fault_spans
from hilrig.core.errors import HilrigError
from hilrig.core.fault import FaultKind
from hilrig.core.ports import Target
from hilrig.core.run import RunPlan
from hilrig.target.damaged_copy import damaged_copy
from hilrig.target.opening import open_target

WORDS_MAX: Final = 300


class DrillReload:
    """Loads the damaged copy beside the serving target, and hands over to it only where the pipeline took it.

    Args:
        plan: the run's plan.
        folder: the profile's.
        report: told `fault` with `state` refused or loaded, and why in words.
    """

    def __init__(self, plan: RunPlan, folder: Path, *, report: Callable[..., None]) -> None:
        self._plan, self._folder, self._report = plan, folder, report
        self._spans = [span for span in fault_spans(plan) if span.spec.kind is FaultKind.MODEL_CORRUPT]
        self._tried: set[str] = set()
        self._damaged: dict[str, Target] = {}

    def serving(self, frame_id: int, *, instead_of: Target) -> Target:
        """Return the target that decides a frame: the damaged one during the fault, if it could be loaded."""
        fault = fault_at(self._spans, frame_id)
        if fault is None:
            return instead_of
        if fault.spec.name not in self._tried:
            self._tried.add(fault.spec.name)
            threading.Thread(target=self._load, args=(fault,), daemon=True).start()
        return self._damaged.get(fault.spec.name, instead_of)

    def _load(self, fault: FaultSpan) -> None:
        """Load the damaged copy. Whatever is raised is a refusal: the pipeline did not take the file."""
        name = fault.spec.name
        with damaged_copy(self._folder, self._plan.model) as folder:
            try:
                target = open_target(self._plan.pipeline, self._plan.model, folder)
                target.prepare()
            except HilrigError as error:
                self._refuse(name, error.message, folder)
            except Exception as error:  # noqa: BLE001 - a foreign library may raise anything: it is a refusal too
                self._refuse(name, f"{type(error).__name__}: {error}", folder)
            else:
                self._damaged[name] = target
                self._report("fault", name=name, state="loaded", words="")

    def _refuse(self, name: str, words: str, folder: Path) -> None:
        words = words.replace(f"{folder}/", "")[:WORDS_MAX]  # the copy's place means nothing to anybody
        self._report("fault", name=name, state="refused", words=words)
