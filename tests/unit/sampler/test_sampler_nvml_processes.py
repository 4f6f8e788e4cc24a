import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler.nvml import processes as nvml_processes
from nvml_scripts import GIB, NOT_SUPPORTED, PID, discrete, opened

NOW = "hilrig.process.gpu.memory.usage{hw.id=gpu0}"
PEAK = "hilrig.process.gpu.memory.peak{hw.id=gpu0}"


def card():
    """Return a card that nobody uses."""
    script = discrete()
    script.lines = [line for line in script.lines if not line.startswith(("process", "memory"))]
    return script


def test_only_our_process_counts():
    """The memory of others on the card is not the target's."""
    script = card().process("pid 1", (0, 5 * GIB)).process(f"pid {PID}", (0, GIB))
    with opened(script) as nvml:
        assert nvml.read()[NOW] == GIB


def test_a_process_that_is_not_in_the_list_is_offline():
    """No entry is no zero: in a container the driver may know the process by another pid."""
    with opened(card().process("pid 1", (0, GIB))) as nvml:
        readings = nvml.read()
        assert readings[NOW] is Reason.OFFLINE
        assert readings[PEAK] is Reason.OFFLINE
        assert "uses no memory" in nvml.detail(NOW)


def test_an_empty_list_is_offline():
    """A card that nobody uses has no entry for us either."""
    with opened(card()) as nvml:
        assert nvml.read()[NOW] is Reason.OFFLINE


def test_memory_that_the_driver_does_not_tell_is_not_supported():
    """An entry without its memory is not supported, not 0."""
    with opened(card().process(f"pid {PID}", (0, -1))) as nvml:
        assert nvml.read()[NOW] is Reason.NOT_SUPPORTED
        assert "no value" in nvml.detail(NOW)


def test_a_process_that_computes_and_draws_counts_once():
    """It is in both lists with all of its memory: the sum would be twice what it uses."""
    with opened(card().process(f"pid {PID}", (0, GIB), which="both")) as nvml:
        assert nvml.read()[NOW] == GIB


def test_the_parts_of_a_divided_card_add_up():
    """Two entries of one process in one list are two parts of the card."""
    script = card().process(f"pid {PID}", (0, GIB)).process(f"pid {PID}", (0, 2 * GIB))
    with opened(script) as nvml:
        assert nvml.read()[NOW] == 3 * GIB


def test_a_process_that_only_draws_is_found():
    """A graphics context alone is GPU memory too."""
    with opened(card().process(f"pid {PID}", (0, GIB), which="graphics")) as nvml:
        assert nvml.read()[NOW] == GIB


@pytest.mark.parametrize("calls", ["", "-DOLD_DRIVER"])
def test_the_process_may_come_and_go(tmp_path, calls):
    """The list is asked anew at every reading: the target starts after the probe."""
    pid_file = tmp_path / "pid"
    with opened(card().process(f"pid_file {pid_file}", (0, GIB)), *filter(None, [calls])) as nvml:
        assert nvml.read()[NOW] is Reason.OFFLINE
        pid_file.write_text(f"{PID}\n")
        assert nvml.read()[NOW] == GIB
        pid_file.unlink()
        assert nvml.read()[NOW] is Reason.OFFLINE


def test_the_peak_is_the_highest_ever_and_not_only_what_was_seen():
    """The driver's accounts keep a spike that no reading saw."""
    with opened(card().process(f"pid {PID}", (0, GIB), (2.01, 3 * GIB), (2.02, GIB))) as nvml:
        nvml.go(2.0)
        assert nvml.read()[PEAK] == GIB
        nvml.go(3.0)
        readings = nvml.read()
    assert readings[NOW] == GIB
    assert readings[PEAK] == 3 * GIB


def test_without_accounting_the_peak_says_how_to_get_it():
    """Accounting is off by default: the detail names the command that switches it on."""
    with opened(discrete().set("accounting", (0, 0))) as nvml:
        assert nvml.read()[PEAK] is Reason.NOT_SUPPORTED
        assert "nvidia-smi --accounting-mode=1" in nvml.detail(PEAK)


def test_the_accounts_of_an_earlier_process_are_not_ours():
    """A pid is used again: what is no longer running is not the target."""
    with opened(card().process(f"pid {PID}", (0, GIB), (1.0, 0))) as nvml:
        assert nvml.read()[PEAK] == GIB
        nvml.go(1.0)
        assert nvml.read()[PEAK] is Reason.OFFLINE


def test_a_card_without_graphics_is_read_by_its_compute_processes():
    """Where the list of graphics processes is not supported, it is not part of the channel."""
    script = discrete()
    for version in ("v2", "v3"):
        script.fail(f"nvmlDeviceGetGraphicsRunningProcesses_{version}", NOT_SUPPORTED)
    with opened(script) as nvml:
        assert nvml.read()[NOW] == 2 * GIB
        assert "Graphics" not in nvml.source(NOW)


def test_a_container_with_pids_of_its_own_has_no_process_memory(monkeypatch):
    """There a pid means another process to the driver: no memory is better than somebody else's."""
    monkeypatch.setattr(nvml_processes, "has_pids_of_its_own", lambda root: True)
    with opened(discrete()) as nvml:
        assert nvml.read()[NOW] is Reason.NOT_SUPPORTED
        assert "--pid=host" in nvml.detail(NOW)
