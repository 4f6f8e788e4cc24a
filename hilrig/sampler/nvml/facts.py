"""What NVIDIA's driver says of its cards, for the record of the machine.

It says something of itself, too.
"""

from collections.abc import Callable
from typing import Any, Final

from hilrig.sampler.nvml.calls import Driver, RefusedError, open_driver

_ENABLED: Final = 1


def nvml_facts() -> dict[str, Any]:
    """Return driver version, CUDA version of the driver and the cards, as JSON; empty where there is no driver.

    A fact that the driver refuses is None, never a guess.
    """
    driver = open_driver()
    try:
        return _facts(driver)
    finally:
        driver.close()


def _facts(driver: Driver) -> dict[str, Any]:
    try:
        count = driver.ask("nvmlDeviceGetCount")
    except RefusedError:
        return {}
    return {
        "driver_version": _known(lambda: driver.ask("nvmlSystemGetDriverVersion")),
        "cuda_driver_version": _known(lambda: _cuda_version(driver.ask("nvmlSystemGetCudaDriverVersion_v2"))),
        "gpus": [_gpu(driver, index) for index in range(count)],
    }


def _gpu(driver: Driver, index: int) -> dict[str, Any]:
    handle = _known(lambda: driver.ask("nvmlDeviceGetHandleByIndex", index))

    def told(call: str) -> Any:
        return None if handle is None else _known(lambda: driver.ask(call, handle))

    persistence = told("nvmlDeviceGetPersistenceMode")
    return {
        "name": told("nvmlDeviceGetName"),
        "vbios_version": told("nvmlDeviceGetVbiosVersion"),
        "persistence_mode": None if persistence is None else persistence == _ENABLED,
    }


def _known(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except RefusedError:
        return None


def _cuda_version(number: int) -> str:
    """Return `12.4` for 12040, as the driver's header defines it."""
    return f"{number // 1000}.{number % 1000 // 10}"
