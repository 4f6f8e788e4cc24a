"""Soaks on a scripted RTX card and a scripted Orin: real runs, real bindings, hardware that follows a script."""

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from board_scripts import Episode, ScriptedBoard, orin_soak
from boards import build_orin
from disturbed_runs import disturbances_in
from nvml_scripts import GPU_IS_LOST, HW_THERMAL, NOT_SUPPORTED, discrete

pytestmark = pytest.mark.long  # short: sampler contracts, test_verdict_throttling*

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
SHOWN_S, BRIEF_S = 4, 2
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


def start_on_card(bench, script, *, limits=LIMITS, length_s=BRIEF_S):
    """Start to soak a station on a machine whose NVIDIA driver follows a script."""
    folder = bench.folder / "driver"
    folder.mkdir()
    station = bench.station(duration_s=length_s, more=limits)
    return bench.start("run", station, **script.environment(folder))


def two_on_cards(benches, *started):
    """Soak on two machines at once: nothing here is about the time that frames take."""
    rooms = [benches.new("card") for _ in started]
    calls = [start(bench) for start, bench in zip(started, rooms, strict=True)]
    return [soaked(bench, benches.ended(call)) for bench, call in zip(rooms, calls, strict=True)]


@contextmanager
def soaking_on_orin(bench, episodes, *, with_statistics=True, length_s=BRIEF_S):
    """Soak a station on a machine whose /sys is that of a scripted Orin; yield the process."""
    root = bench.folder / "orin"
    board = build_orin(root, n_cpus=os.cpu_count(), with_statistics=with_statistics)
    station = bench.station(duration_s=length_s, more=LIMITS)
    script = f'mount --bind "{root}/sys" /sys && exec "$@"'
    inside = ("unshare", "--mount", "sh", "-c", script, "sh")
    with ScriptedBoard(board, orin_soak(board, episodes, length_s=length_s + 8)).playing():
        yield bench.start("run", station, through=inside)


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def shown_and_lost(benches):
    """Return a soak on a card that throttles in sight, and one on a card that falls off the bus."""
    script = discrete().ramp("temperature_c", (0, 60), (20, 92))
    for begin_s, end_s in ON_AND_OFF:
        script.episode(begin_s, end_s, HW_THERMAL).set("clock_graphics_mhz", (begin_s, 900), (end_s, 1590))
    lost = discrete().fail("*", GPU_IS_LOST, from_s=2.5)
    return two_on_cards(
        benches,
        lambda bench: start_on_card(bench, script, length_s=SHOWN_S),
        lambda bench: start_on_card(bench, lost, length_s=SHOWN_S),
    )


@pytest.fixture(scope="module")
def hidden_on_cards(benches):
    """Return a soak on a card with counters of its throttling, and one on the same card without."""
    uncounted = hidden(discrete())
    for counter in COUNTERS:
        uncounted.fail(counter, NOT_SUPPORTED)
    return two_on_cards(
        benches,
        lambda bench: start_on_card(bench, hidden(discrete())),
        lambda bench: start_on_card(bench, uncounted),
    )


@pytest.fixture(scope="module")
def hidden_on_orins(benches, own_sys):
    """Return a soak on an Orin whose kernel keeps statistics of its alerts, and one without."""
    episodes = [Episode(begin_s=begin, end_s=end, seen=False) for begin, end in HIDDEN]
    rooms = [benches.new("orin") for _ in range(2)]
    with (
        soaking_on_orin(rooms[0], episodes) as counted,
        soaking_on_orin(rooms[1], episodes, with_statistics=False) as uncounted,
    ):
        calls = [benches.ended(counted), benches.ended(uncounted)]
    return [soaked(bench, called) for bench, called in zip(rooms, calls, strict=True)]


def test_a_card_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(shown_and_lost):
    """Temperature, clocks, power, memory, load and the windows of throttling stand over the time of the frames."""
    found, _ = shown_and_lost
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


def test_a_card_that_is_lost_makes_the_run_inconclusive(shown_and_lost):
    """A device that falls off the bus is no fault of the model, and no pass either."""
    _, found = shown_and_lost
    assert not found.self_check("devices.present")["ok"], found.called
    assert "gpu0" in found.self_check("devices.present")["sentence"]
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"


def test_throttling_between_two_samples_of_a_card_fails_the_run(hidden_on_cards):
    """No state was ever seen: the counters alone know of 40 ms."""
    found, _ = hidden_on_cards
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")
    states = [one for one in found.result["judgement"]["channels"] if "throttle.state{cause=thermal" in one["key"]]
    assert [one["maximum"] for one in states] == [0.0]
    assert found.result["exit_code"] == 10


def test_without_its_counters_the_same_card_is_not_measured(hidden_on_cards):
    """A state that was never seen is no proof: no pass, and what would help is said before and after."""
    _, found = hidden_on_cards
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"
    if "gpu_clock_min_mhz" not in found.thermal["sentence"] and (seen := disturbances_in(found.result)):
        pytest.skip(f"hardware: others took the sampler's CPU ({', '.join(sorted(seen))})")
    assert "gpu_clock_min_mhz" in found.thermal["sentence"]
    assert "warning: resources.thermal_throttle_allowed" in found.called.err


def test_a_sound_card_holds_the_thermal_limit_and_the_memory_limit(bench, benches):
    """With counters that did not move the limit holds, by evidence that is named; memory says whose it is."""
    limits = f"{LIMITS}    gpu_memory_max_mb: 4096\n"
    found = soaked(bench, benches.ended(start_on_card(bench, discrete(), limits=limits)))
    assert found.thermal["status"] == "PASS", found.called
    memory = found.check("resources.gpu_memory_max_mb")
    assert memory["status"] == "PASS"
    assert "whole device" in memory["evidence"]
    assert "sampled at 10 Hz" in memory["evidence"]


def test_an_orin_is_seen_on_the_frames_time_axis_and_its_throttling_fails_the_run(bench, benches, own_sys):
    """Temperatures, clock, power, load and the windows of throttling stand over the time of the frames."""
    episodes = [Episode(begin_s=begin_s, end_s=end_s) for begin_s, end_s in ON_AND_OFF]
    with soaking_on_orin(bench, episodes, length_s=SHOWN_S) as process:
        found = soaked(bench, benches.ended(process))
    assert found.thermal["status"] == "FAIL", found.called
    assert "gpu-throttle-alert" in found.thermal["sentence"]
    for key in ORIN_SERIES:
        assert found.series(key), key
    assert found.windows("gpu-throttle-alert")


@pytest.mark.nightly  # short: the card above, test_verdict_throttling
def test_throttling_between_two_samples_of_an_orin_fails_the_run(hidden_on_orins):
    """The kernel's statistics know of an alert that no reading of its state saw."""
    found, _ = hidden_on_orins
    assert found.thermal["status"] == "FAIL", found.called
    assert found.thermal["evidence"].startswith("counted over the whole run")


@pytest.mark.nightly  # short: the card above, test_verdict_throttling
def test_without_statistics_the_same_orin_is_not_measured(hidden_on_orins):
    """The state of an alert, never seen at 10 Hz, does not pass the limit."""
    _, found = hidden_on_orins
    assert found.thermal["status"] == "NOT_MEASURED", found.called
    assert found.result["judgement"]["status"] == "INCONCLUSIVE"
