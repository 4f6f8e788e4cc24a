"""Soaks on a scripted RTX card and a scripted Orin: real runs, real bindings, hardware that follows a script."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest

from board_scripts import Episode, ScriptedBoard, orin_soak
from boards import build_orin
from nvml_scripts import GPU_IS_LOST, HW_THERMAL, NOT_SUPPORTED, discrete

LIMITS = """\
  resources:
    thermal_throttle_allowed: false
"""
CARD_SERIES = (
    "hw.temperature{hw.id=gpu0}",
    "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}",
    "hw.power{hw.id=gpu0}",
    "hw.gpu.memory.usage{hw.id=gpu0}",
    "hw.gpu.utilization{hw.id=gpu0}",
)
ORIN_SERIES = (
    "hw.temperature{hw.id=zone/gpu-thermal}",
    "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}",
    "hw.power{hw.id=VDD_IN}",
    "hw.gpu.utilization{hw.id=gpu0}",
    "process.memory.usage",
)
COUNTERS = ("field_74", "field_75", "field_77", "field_269", "field_270", "field_271")
SHOWN_S, BRIEF_S = 5, 2
"""How long is measured: where something must be seen to change, and where a counter is enough."""

HIDDEN = [(begin_s, begin_s + 0.04) for begin_s in range(1, 30)]
"""Every second an episode between two samples: when exactly the measured part begins does not matter."""

ON_AND_OFF = [(begin_s, begin_s + 1.0) for begin_s in range(1, 40, 3)]
"""Every third second an episode that is seen, for the same reason."""


@dataclass
class Soaked:
    """What a soak gave: its call, its result, its page."""

    called: object
    result: dict
    page: str

    def check(self, check_id):
        """Return one check."""
        return next(one for one in self.result["judgement"]["checks"] if one["check_id"] == check_id)

    @property
    def thermal(self):
        """Return the check of thermal throttling."""
        return self.check("resources.thermal_throttle_allowed")

    def self_check(self, check_id):
        """Return one self-check."""
        return next(one for one in self.result["judgement"]["self_checks"] if one["check_id"] == check_id)

    def windows(self, hw_id):
        """Return the windows in which a device throttled for heat."""
        windows = self.result["judgement"]["throttle_windows"]
        return [one for one in windows if one["hw_id"] == hw_id and one["cause"] == "thermal"]

    def series(self, key):
        """Return the series over time of a channel."""
        return [one for one in self.result["judgement"]["telemetry_series"] if one["key"] == key]


def soaked(bench, called):
    """Return what a call left behind."""
    assert len(bench.run_dirs()) == 1, called
    run_dir = bench.run_dirs()[0]
    result = json.loads((run_dir / "result.json").read_bytes())
    return Soaked(called, result, (run_dir / "report.html").read_text())


def soak_on_card(bench, script, *, limits=LIMITS, length_s=BRIEF_S):
    """Soak a station on a machine whose NVIDIA driver follows a script."""
    folder = bench.folder / "driver"
    folder.mkdir()
    station = bench.station(duration_s=length_s, more=limits)
    return soaked(bench, bench.call("run", station, **script.environment(folder)))


def soak_on_orin(bench, episodes, *, with_statistics=True, length_s=BRIEF_S):
    """Soak a station on a machine whose /sys is that of a scripted Orin."""
    root = bench.folder / "orin"
    board = build_orin(root, n_cpus=os.cpu_count(), with_statistics=with_statistics)
    station = bench.station(duration_s=length_s, more=LIMITS)
    script = f'mount --bind "{root}/sys" /sys && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    with ScriptedBoard(board, orin_soak(board, episodes, length_s=length_s + 8)).playing():
        process = bench.start("run", station, through=inside)
        out, err = process.communicate(timeout=170)
    return soaked(bench, f"exit {process.returncode}\n{out}\n{err}")


@pytest.fixture
def own_sys():
    """Skip where a process cannot be given a /sys of its own."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        pytest.skip("unshare and mount are not installed")
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"hardware: no mount namespace may be made here: {tried.stderr.strip()}")


def hidden(script):
    """Let a card throttle between samples, again and again."""
    for begin_s, end_s in HIDDEN:
        script.episode(begin_s, end_s, HW_THERMAL, how="hidden")
    return script


def test_a_card_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(bench):
    """Temperature, clocks, power, memory, load and the windows of throttling stand over the time of the frames."""
    script = discrete().ramp("temperature_c", (0, 60), (20, 92))
    for begin_s, end_s in ON_AND_OFF:
        script.episode(begin_s, end_s, HW_THERMAL).set("clock_graphics_mhz", (begin_s, 900), (end_s, 1590))
    found = soak_on_card(bench, script, length_s=SHOWN_S)
    assert found.thermal["status"] == "FAIL", found.called
    assert "gpu0" in found.thermal["sentence"]
    for key in CARD_SERIES:
        (series,) = found.series(key)
        assert sum(value is not None for value in series["mean"]) >= SHOWN_S / 2 - 1
        assert series["t_s"][-1] < SHOWN_S
    assert found.windows("gpu0")
    assert all(0 <= one["begin_s"] < one["end_s"] <= SHOWN_S + 1 for one in found.windows("gpu0"))
    (temperature,) = found.series("hw.temperature{hw.id=gpu0}")
    assert temperature["mean"][-1] > temperature["mean"][0] + 2
    (clock,) = found.series("hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}")
    assert min(filter(None, clock["minimum"])) == 900e6
    assert "throttle" in found.page


def test_throttling_between_two_samples_of_a_card_fails_the_run(bench):
    """No state was ever seen: the counters alone know of 40 ms."""
    found = soak_on_card(bench, hidden(discrete()))
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")
    states = [one for one in found.result["judgement"]["channels"] if "throttle.state{cause=thermal" in one["key"]]
    assert [one["maximum"] for one in states] == [0.0]
    assert found.result["exit_code"] == 10


def test_without_its_counters_the_same_card_is_not_measured(bench):
    """A state that was never seen is no proof: no pass, and what would help is said before and after."""
    script = hidden(discrete())
    for counter in COUNTERS:
        script.fail(counter, NOT_SUPPORTED)
    found = soak_on_card(bench, script)
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert "gpu_clock_min_mhz" in found.thermal["sentence"]
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"
    assert "warning: resources.thermal_throttle_allowed" in found.called.err


def test_a_sound_card_holds_the_thermal_limit_and_the_memory_limit(bench):
    """With counters that did not move the limit holds, by evidence that is named; memory says whose it is."""
    found = soak_on_card(bench, discrete(), limits=f"{LIMITS}    gpu_memory_max_mb: 4096\n")
    assert found.thermal["status"] == "PASS", found.called
    memory = found.check("resources.gpu_memory_max_mb")
    assert memory["status"] == "PASS"
    assert "whole device" in memory["evidence"]
    assert "sampled at 10 Hz" in memory["evidence"]


def test_a_card_that_is_lost_makes_the_run_inconclusive(bench):
    """A device that falls off the bus is no fault of the model, and no pass either."""
    found = soak_on_card(bench, discrete().fail("*", GPU_IS_LOST, from_s=2.5), length_s=SHOWN_S)
    assert not found.self_check("devices.present")["ok"], found.called
    assert "gpu0" in found.self_check("devices.present")["sentence"]
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"


def test_an_orin_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(bench, own_sys):
    """Temperatures, clock, power, load and the windows of throttling stand over the time of the frames."""
    episodes = [Episode(begin_s=begin_s, end_s=end_s) for begin_s, end_s in ON_AND_OFF]
    found = soak_on_orin(bench, episodes, length_s=SHOWN_S)
    assert found.thermal["status"] == "FAIL", found.called
    assert "gpu-throttle-alert" in found.thermal["sentence"]
    for key in ORIN_SERIES:
        assert found.series(key), key
    assert found.windows("gpu-throttle-alert")


def test_throttling_between_two_samples_of_an_orin_fails_the_run(bench, own_sys):
    """The kernel's statistics know of an alert that no reading of its state saw."""
    found = soak_on_orin(bench, [Episode(begin_s=begin, end_s=end, seen=False) for begin, end in HIDDEN])
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")


def test_without_statistics_the_same_orin_is_not_measured(bench, own_sys):
    """The state of an alert, never seen at 10 Hz, does not pass the limit."""
    episodes = [Episode(begin_s=begin, end_s=end, seen=False) for begin, end in HIDDEN]
    found = soak_on_orin(bench, episodes, with_statistics=False)
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"
