"""The log line that the service writes each minute."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from hilrig.core.log_keys import EVERY_LINE, MEASURED_KEYS, STANDARD_KEYS
from hilrig.node.log_line import LoggedNode, log
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.serving import Serving
from hilrig.node.service.source import StoreSource
from hilrig.node.service.window import Failure
from hilrig.node.service.window_lines import peak_ram_mib, tell_windows, thermal_state
from hilrig.node.store import Store
from node_releases import IDENTITY, accept_any
from own_loops import run_async


def told_lines(period_s, capsys, store):
    """Run the teller for a few of its periods over a service without a model; return its lines."""

    async def tell():
        serving = Serving(StoreSource(store, accept=accept_any), ServiceConfig(node="press-7"))
        serving.window.decided(12.5)
        serving.window.failed(Failure.QUEUE_FULL)
        task = asyncio.ensure_future(tell_windows(serving, period_s=period_s))
        await asyncio.sleep(20 * period_s)
        task.cancel()
        await asyncio.wait([task])
        return [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    return run_async(tell())


def cooling_device(folder, number, kind, state):
    device = folder / f"cooling_device{number}"
    device.mkdir()
    (device / "type").write_text(f"{kind}\n")
    (device / "cur_state").write_text(f"{state}\n")


def test_a_window_line_has_every_standard_key(capsys, tmp_path):
    """All eleven keys that playbooks rest on, with what this window counted; what is not known is null, not 0."""
    store = Store.create(tmp_path / "store", IDENTITY)
    line = told_lines(0.01, capsys, store)[0]
    assert set(STANDARD_KEYS) | set(EVERY_LINE) <= line.keys()
    assert line["event"] == "service.window"
    assert (line["p50_ms"], line["dropped_frames"], line["n"]) == (12.5, 1, 2)
    assert line["load_time_ms"] is None
    assert line["peak_ram_mb"] is None
    assert line["error_code"] == "HR-201"


def test_the_last_line_says_that_the_service_stops(capsys, tmp_path):
    """A log without it ended by a crash or a power cut, not by somebody who stopped the service."""
    lines = told_lines(0.01, capsys, Store.create(tmp_path / "store", IDENTITY))
    assert [line["event"] for line in lines].index("service.stopping") == len(lines) - 1
    assert lines[-1].keys() == lines[0].keys()


def test_every_line_of_the_node_has_the_keys_that_none_may_lack(capsys):
    """The table of keys is what the log really writes, in its order of idea: nothing more is in a bare line."""
    log("started", node=LoggedNode(node="press-7"))
    assert json.loads(capsys.readouterr().err).keys() == set(EVERY_LINE)
    assert set(MEASURED_KEYS) | set(STANDARD_KEYS) <= set(EVERY_LINE)


@pytest.mark.parametrize(
    ("devices", "state"),
    [
        ([], "unknown"),
        ([("pwm-fan", 3)], "unknown"),
        ([("Processor", 0), ("pwm-fan", 3)], "nominal"),
        ([("Processor", 0), ("cpufreq-cpu0", 2)], "throttled"),
        ([("Processor", "broken")], "unknown"),
        ([("intel_powerclamp", -1)], "nominal"),
    ],
)
def test_the_thermal_state_is_what_the_kernel_slows_down(tmp_path, devices, state):
    """A turning fan is no throttling; without a device that could be slowed down nobody knows."""
    for number, (kind, value) in enumerate(devices):
        cooling_device(tmp_path, number, kind, value)
    assert thermal_state(tmp_path) == state


def test_the_peak_memory_is_that_of_the_process(tmp_path):
    """This process has some; one that is gone has none, not 0."""
    assert peak_ram_mib(Path("/proc") / str(os.getpid())) > 10
    assert peak_ram_mib(tmp_path / "gone") is None
