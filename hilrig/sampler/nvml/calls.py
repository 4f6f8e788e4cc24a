"""Asking NVIDIA's driver: every call has a value, or a reason with the name that NVML gives to it.

That NVML starts proves nothing: on a Jetson Orin it names the device and supports hardly another call, on Thor it
does not know the memory. So every call may fail on its own, and none of them ever stands for another's number.
The statuses are those of nvmlReturn_t in NVIDIA's NVML reference.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol

from hilrig.core.telemetry import Reason

NOT_FOUND: Final = 6
TIMEOUT: Final = 10
_FUNCTION_NOT_FOUND: Final = 13

_STATUSES: Final[Mapping[int, tuple[str, Reason]]] = {
    1: ("UNINITIALIZED", Reason.ERROR),
    2: ("INVALID_ARGUMENT", Reason.ERROR),
    3: ("NOT_SUPPORTED", Reason.NOT_SUPPORTED),
    4: ("NO_PERMISSION", Reason.NO_PERMISSION),
    NOT_FOUND: ("NOT_FOUND", Reason.ERROR),
    7: ("INSUFFICIENT_SIZE", Reason.ERROR),
    8: ("INSUFFICIENT_POWER", Reason.ERROR),
    9: ("DRIVER_NOT_LOADED", Reason.ABSENT),
    TIMEOUT: ("TIMEOUT", Reason.ERROR),
    11: ("IRQ_ISSUE", Reason.ERROR),
    12: ("LIBRARY_NOT_FOUND", Reason.ABSENT),
    _FUNCTION_NOT_FOUND: ("FUNCTION_NOT_FOUND", Reason.NOT_SUPPORTED),  # the driver is older than the call
    14: ("CORRUPTED_INFOROM", Reason.ERROR),
    15: ("GPU_IS_LOST", Reason.LOST),
    16: ("RESET_REQUIRED", Reason.LOST),
    17: ("OPERATING_SYSTEM", Reason.ERROR),
    18: ("LIB_RM_VERSION_MISMATCH", Reason.ERROR),  # the driver was updated and the machine not started since
    19: ("IN_USE", Reason.ERROR),
    20: ("MEMORY", Reason.ERROR),
    21: ("NO_DATA", Reason.ERROR),
    22: ("VGPU_ECC_NOT_SUPPORTED", Reason.NOT_SUPPORTED),
    25: ("ARGUMENT_VERSION_MISMATCH", Reason.NOT_SUPPORTED),  # the driver knows another form of the structure
    26: ("DEPRECATED", Reason.NOT_SUPPORTED),
    28: ("GPU_NOT_FOUND", Reason.LOST),
}
"""Name and meaning of a status; one that is not here is an ERROR."""

_NOT_AVAILABLE: Final = frozenset({2**32 - 1, 2**64 - 1})
"""NVML_VALUE_NOT_AVAILABLE in both widths: not numbers."""

_MEMBERS: Final[Mapping[int, str]] = {
    0: "dVal",
    1: "uiVal",
    2: "ulVal",
    3: "ullVal",
    4: "sllVal",
    5: "siVal",
    6: "usVal",
}
"""Which member of a value's union counts, by nvmlValueType_t."""


class RefusedError(Exception):
    """A call without a value. `status` is NVML's, None where the call was not made."""

    def __init__(self, reason: Reason, detail: str, *, status: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status


class Driver(Protocol):
    """Somebody to ask."""

    def ask(self, call: str, *arguments: object) -> Any:
        """Return what the function `call` of the binding returns.

        Raises:
            RefusedError: it has no value.
        """

    def close(self) -> None:
        """End the session; may be repeated."""


class NvmlDriver:
    """A session with NVML, through the module `binding` (nvidia-ml-py)."""

    def __init__(self, binding: ModuleType) -> None:
        self._binding = binding
        self._is_open = False
        self.ask("nvmlInit")
        self._is_open = True

    def ask(self, call: str, *arguments: object) -> Any:
        """Return what the binding's function returns.

        Raises:
            RefusedError: NVML gave a status instead, or the binding is too old to know the function.
        """
        function: Callable[..., Any] | None = getattr(self._binding, call, None)
        if function is None:
            raise RefusedError(Reason.NOT_SUPPORTED, f"{call} is not in the installed nvidia-ml-py: upgrade it")
        try:
            return function(*arguments)
        except self._binding.NVMLError as error:
            raise refusal(call, error.value) from error
        except self._binding.NVMLLibraryMismatchError as error:
            raise refusal(call, _FUNCTION_NOT_FOUND) from error

    def close(self) -> None:
        """Give the session back: NVML counts them."""
        if self._is_open:
            self._is_open = False
            try:
                self.ask("nvmlShutdown")
            except RefusedError:
                return  # there is nothing left to give back


class MissingDriver:
    """Nobody to ask: every call has the same reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self._reason = reason
        self._detail = detail

    def ask(self, call: str, *arguments: object) -> Any:
        """Refuse.

        Raises:
            RefusedError: always.
        """
        del call, arguments
        raise RefusedError(self._reason, self._detail)

    def close(self) -> None:
        """Do nothing."""


def open_driver() -> Driver:
    """Return a session with NVML, or one that refuses everything for the reason that there is none."""
    try:
        binding = import_module("pynvml")  # the module of nvidia-ml-py, not of the deprecated package pynvml
    except ModuleNotFoundError:
        return MissingDriver(Reason.ABSENT, "the module pynvml is missing: pip install nvidia-ml-py")
    try:
        return NvmlDriver(binding)
    except RefusedError as refused:
        return MissingDriver(refused.reason, refused.detail)


def refusal(call: str, status: int) -> RefusedError:
    """Return what the nvmlReturn_t `status` of `call` means."""
    name, reason = _STATUSES.get(status, (f"{status}", Reason.ERROR))
    return RefusedError(reason, f"{call}: NVML_ERROR_{name}", status=status)


def number(call: str, answer: int | None) -> int:
    """Return the number that `call` answered.

    Raises:
        RefusedError: it is none: NVML has special values for that, the binding has None.
    """
    if answer is None or answer in _NOT_AVAILABLE:
        raise RefusedError(Reason.NOT_SUPPORTED, f"{call}: the driver has no value")
    return answer


def member(value: Any, value_type: int) -> float:
    """Return the number in an `nvmlValue_t`.

    Raises:
        RefusedError: the type is none that NVML documents.
    """
    name = _MEMBERS.get(value_type)
    if name is None:
        raise RefusedError(Reason.ERROR, f"NVML value of unknown type {value_type}")
    found: float = getattr(value, name)
    return found
