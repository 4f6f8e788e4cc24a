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
LENGTH_S = 7
"""Longer than the script's last episode; the processes of a run load in about two seconds."""

SHOWN, HIDDEN = (3.5, 5.0), (4.0, 4.04)


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

    def series(self, key):
        """Return the series over time of a channel."""
        return [one for one in self.result["judgement"]["telemetry_series"] if one["key"] == key]


def soaked(bench, called):
    """Return what a call left behind."""
    assert len(bench.run_dirs()) == 1, called
    run_dir = bench.run_dirs()[0]
    result = json.loads((run_dir / "result.json").read_bytes())
    return Soaked(called, result, (run_dir / "report.html").read_text())


def soak_on_card(bench, script, limits=LIMITS):
    """Soak a station on a machine whose NVIDIA driver follows a script."""
    folder = bench.folder / "driver"
    folder.mkdir()
    station = bench.station(duration_s=LENGTH_S, more=limits)
    return soaked(bench, bench.call("run", station, **script.environment(folder)))


def soak_on_orin(bench, episodes, *, with_statistics):
    """Soak a station on a machine whose /sys is that of a scripted Orin."""
    root = bench.folder / "orin"
    board = build_orin(root, n_cpus=os.cpu_count(), with_statistics=with_statistics)
    station = bench.station(duration_s=LENGTH_S, more=LIMITS)
    script = f'mount --bind "{root}/sys" /sys && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    with ScriptedBoard(board, orin_soak(board, episodes, length_s=LENGTH_S + 2)).playing():
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


def test_a_card_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(bench):
    """Temperature, clocks, power, memory, load and the window of throttling stand over the time of the frames."""
    script = discrete().episode(*SHOWN, HW_THERMAL).ramp("temperature_c", (0, 60), (9, 91))
    script.set("clock_graphics_mhz", (SHOWN[0], 900), (SHOWN[1], 1590))
    found = soak_on_card(bench, script)
    assert found.thermal["status"] == "FAIL", found.called
    assert "gpu0" in found.thermal["sentence"]
    for key in CARD_SERIES:
        (series,) = found.series(key)
        assert sum(value is not None for value in series["mean"]) >= LENGTH_S / 2 - 1
        assert series["t_s"][-1] < LENGTH_S
    (window,) = [one for one in found.result["judgement"]["throttle_windows"] if one["cause"] == "thermal"]
    assert window["hw_id"] == "gpu0"
    assert 1 < window["end_s"] - window["begin_s"] < 4
    (temperature,) = found.series("hw.temperature{hw.id=gpu0}")
    assert temperature["mean"][-1] > temperature["mean"][0] + 5


def test_throttling_between_two_samples_of_a_card_fails_the_run(bench):
    """No state was ever seen: the counter alone knows of 40 ms."""
    found = soak_on_card(bench, discrete().episode(*HIDDEN, HW_THERMAL, how="hidden"))
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")
    states = [one for one in found.result["judgement"]["channels"] if "throttle.state{cause=thermal" in one["key"]]
    assert [one["maximum"] for one in states] == [0.0]
    assert found.result["exit_code"] == 10


def test_without_its_counters_the_same_card_is_not_measured(bench):
    """A state that was never seen is no proof: the run does not pass, and the sentence says what would help."""
    script = discrete().episode(*HIDDEN, HW_THERMAL, how="hidden")
    for counter in COUNTERS:
        script.fail(counter, NOT_SUPPORTED)
    found = soak_on_card(bench, script)
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert "gpu_clock_min_mhz" in found.thermal["sentence"]
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"


def test_a_sound_card_holds_the_thermal_limit_and_the_memory_limit(bench):
    """With counters that did not move the limit holds, by evidence that is named; memory says whose it is."""
    found = soak_on_card(bench, discrete(), f"{LIMITS}    gpu_memory_max_mb: 4096\n")
    assert found.thermal["status"] == "PASS", found.called
    memory = found.check("resources.gpu_memory_max_mb")
    assert memory["status"] == "PASS"
    assert "whole device" in memory["evidence"]
    assert "sampled at 10 Hz" in memory["evidence"]


def test_a_card_that_is_lost_makes_the_run_inconclusive(bench):
    """A device that falls off the bus is no fault of the model, and no pass either."""
    found = soak_on_card(bench, discrete().fail("*", GPU_IS_LOST, from_s=5))
    assert not found.self_check("devices.present")["ok"], found.called
    assert "gpu0" in found.self_check("devices.present")["sentence"]
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"


def test_an_orin_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(bench, own_sys):
    """Temperatures, clock, power, load and the window of throttling stand over the time of the frames."""
    found = soak_on_orin(bench, [Episode(begin_s=4.0, end_s=5.5)], with_statistics=True)
    assert found.thermal["status"] == "FAIL", found.called
    assert "gpu-throttle-alert" in found.thermal["sentence"]
    for key in ORIN_SERIES:
        assert found.series(key), key
    (window,) = [one for one in found.result["judgement"]["throttle_windows"] if one["cause"] == "thermal"]
    assert window["hw_id"] == "gpu-throttle-alert"


def test_throttling_between_two_samples_of_an_orin_fails_the_run(bench, own_sys):
    """The kernel's statistics know of an alert that no reading of its state saw."""
    found = soak_on_orin(bench, [Episode(begin_s=5.0, end_s=5.04, seen=False)], with_statistics=True)
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")


def test_without_statistics_the_same_orin_is_not_measured(bench, own_sys):
    """The state of an alert, never seen at 10 Hz, does not pass the limit."""
    found = soak_on_orin(bench, [Episode(begin_s=5.0, end_s=5.04, seen=False)], with_statistics=False)
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"
