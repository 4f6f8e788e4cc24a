import types

import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler.nvml.calls import MissingDriver, NvmlDriver, RefusedError, member, number, refusal
from nvml_scripts import discrete, injected, opened

pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")

STATUSES = {name: value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_")}


@pytest.mark.parametrize(("name", "status"), STATUSES.items())
def test_every_status_has_a_reason_and_its_own_name(name, status):
    """No status of the binding becomes a number, and none is told under another's name."""
    refused = refusal("nvmlCall", status)
    assert isinstance(refused.reason, Reason)
    assert refused.detail in {f"nvmlCall: {name}", f"nvmlCall: NVML_ERROR_{status}"}
    assert refused.status == status


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NOT_SUPPORTED", Reason.NOT_SUPPORTED),
        ("FUNCTION_NOT_FOUND", Reason.NOT_SUPPORTED),
        ("ARGUMENT_VERSION_MISMATCH", Reason.NOT_SUPPORTED),
        ("NO_PERMISSION", Reason.NO_PERMISSION),
        ("GPU_IS_LOST", Reason.LOST),
        ("RESET_REQUIRED", Reason.LOST),
        ("DRIVER_NOT_LOADED", Reason.ABSENT),
        ("UNINITIALIZED", Reason.ERROR),
        ("TIMEOUT", Reason.ERROR),
        ("UNKNOWN", Reason.ERROR),
    ],
)
def test_a_status_means_what_nvml_says(name, reason):
    """Not supported, forbidden, lost and failed are told apart."""
    assert refusal("c", STATUSES[f"NVML_ERROR_{name}"]).reason is reason


@pytest.mark.parametrize("answer", [None, 2**32 - 1, 2**64 - 1])
def test_the_marks_for_no_value_are_no_numbers(answer):
    """NVML marks a missing value with the largest integer, the binding with None: neither is 4 GiB."""
    with pytest.raises(RefusedError, match="no value"):
        number("nvmlDeviceGetPowerUsage", answer)


def test_zero_is_a_number():
    """A card that says 0 has said something."""
    assert number("nvmlDeviceGetFanSpeed", 0) == 0


def test_a_value_is_read_by_its_type():
    """The same bytes are another number in another type; an unknown type is an error."""
    value = pynvml.c_nvmlValue_t(sllVal=-1)
    assert member(value, pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG) == -1
    assert member(value, pynvml.NVML_VALUE_TYPE_UNSIGNED_INT) == 2**32 - 1
    with pytest.raises(RefusedError, match="type 99"):
        member(value, 99)


def test_a_binding_too_old_for_a_call_says_so():
    """A function that the installed package lacks is not supported, and the detail says what to upgrade."""
    with injected(discrete()):
        driver = NvmlDriver(pynvml)
        with pytest.raises(RefusedError, match="upgrade") as raised:
            driver.ask("nvmlDeviceGetTomorrow")
        driver.close()
    assert raised.value.reason is Reason.NOT_SUPPORTED


def test_a_binding_that_blames_its_version_is_not_supported_too():
    """The binding has an exception of its own where the library lacks a versioned function."""
    with injected(discrete(), "-DOLD_DRIVER"):
        driver = NvmlDriver(pynvml)
        handle = driver.ask("nvmlDeviceGetHandleByIndex", 0)
        with pytest.raises(RefusedError, match="FUNCTION_NOT_FOUND") as raised:
            driver.ask("nvmlDeviceGetGraphicsRunningProcesses", handle)
        driver.close()
    assert raised.value.reason is Reason.NOT_SUPPORTED


def test_closing_twice_gives_one_session_back():
    """NVML counts sessions: closing one twice must not end another's."""
    with opened(discrete()) as nvml:
        driver = NvmlDriver(pynvml)
        driver.close()
        driver.close()
        assert nvml.read()["hw.temperature{hw.id=gpu0}"] == 62.0


def test_a_library_that_is_gone_does_not_spoil_the_end():
    """Closing does not fail when the driver already has."""
    with injected(discrete().fail("nvmlShutdown", 15)):
        driver = NvmlDriver(pynvml)
        driver.close()
        driver.close()


def test_nobody_to_ask_refuses_every_call():
    """The missing driver has one reason for all."""
    driver = MissingDriver(Reason.ABSENT, "none")
    with pytest.raises(RefusedError, match="none"):
        driver.ask("nvmlInit", types.SimpleNamespace())
    driver.close()
