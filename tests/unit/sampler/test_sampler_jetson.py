import errno
import os
import time
from pathlib import Path

import pytest

from board_parts import PID
from boards import build, build_orin, old_orin, thor
from hilrig.core.registry import load
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.host import HostSampler
from hilrig.sampler.jetson.sampler import JetsonSampler

PERIOD_S = 0.1


def probed(sampler):
    try:
        return {known.channel.key: known for known in sampler.probe()}
    finally:
        sampler.close()


def temperatures(found):
    """Return the reasons by sensor."""
    name = "hw.temperature{hw.id="
    return {key.removeprefix(name)[:-1]: known.reason for key, known in found.items() if key.startswith(name)}


def test_it_is_registered_under_its_name():
    """`jetson` in the table of samplers is this class."""
    assert load("samplers", "jetson") is JetsonSampler


@pytest.mark.parametrize("base", ["sys/firmware/devicetree/base", "proc/device-tree"])
def test_a_jetson_is_known_by_its_chip(tmp_path, base):
    """The device tree says so, at either of its places."""
    assert not JetsonSampler.is_here(tmp_path)
    (tmp_path / base).mkdir(parents=True)
    (tmp_path / base / "compatible").write_bytes(b"raspberrypi,4-model-b\0brcm,bcm2711\0")
    assert not JetsonSampler.is_here(tmp_path)
    (tmp_path / base / "compatible").write_bytes(b"nvidia,p3767-0005\0nvidia,tegra234\0")
    assert JetsonSampler.is_here(tmp_path)


def test_this_machine_is_asked_without_harm():
    """On a machine without the hardware nothing raises: each channel has a reason, or a value."""
    assert all(known.detail for known in probed(JetsonSampler(Path("/"), os.getpid())).values() if known.reason)


def test_it_offers_no_channel_that_the_host_sampler_reads(tmp_path):
    """Temperatures and CPU clocks come from the host sampler; nothing is there twice."""
    board = build_orin(tmp_path)
    host, jetson = probed(HostSampler(board.root, PID)), probed(JetsonSampler(board.root, PID))
    assert not host.keys() & jetson.keys()


def test_a_limit_has_the_name_of_its_sensor(tmp_path):
    """Each zone's limit and its temperature carry one `hw.id`, so that headroom is a difference of the two."""
    board = build_orin(tmp_path)
    keys = probed(JetsonSampler(board.root, PID)).keys()
    sensors = temperatures(probed(HostSampler(board.root, PID)))
    assert {f"hw.temperature.limit{{hw.id={sensor}}}" for sensor in sensors} <= keys
    assert len(sensors) == 9


def test_a_sensor_without_power_is_offline_on_the_host(tmp_path, monkeypatch):
    """EAGAIN, which the cv zones of JetPack 6 answer, is OFFLINE; the other sensors are not touched."""

    def fail(fd, size, offset):
        if str(Path(f"/proc/self/fd/{fd}").readlink()) in off:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return real_pread(fd, size, offset)

    board = build_orin(tmp_path)
    off = {str(board.root / path) for path in board.switched_off}
    real_pread = os.pread
    for path in board.switched_off:
        (board.root / path).write_text("50000\n")
    monkeypatch.setattr(os, "pread", fail)
    found = temperatures(probed(HostSampler(board.root, PID)))
    assert {zone for zone, reason in found.items() if reason is Reason.OFFLINE} == {
        "zone/cv0-thermal",
        "zone/cv1-thermal",
        "zone/cv2-thermal",
    }
    assert set(found.values()) == {None, Reason.OFFLINE}


def test_an_old_sensor_without_power_is_offline_too(tmp_path):
    """JetPack 5 answers -256000 where later kernels answer EAGAIN: no reading, not -256 degrees."""
    board = build(tmp_path, old_orin())
    found = temperatures(probed(HostSampler(board.root, PID)))
    assert found["zone/gpu-thermal"] is Reason.OFFLINE
    assert found["zone/tj-thermal"] is None


def test_thor_says_where_the_load_is_to_be_had(tmp_path):
    """Thor has no file for the load: not 0, and the detail points to NVML."""
    known = probed(JetsonSampler(build(tmp_path, thor()).root, PID))["hw.gpu.utilization{hw.id=gpu0}"]
    assert known.reason is Reason.NOT_SUPPORTED
    assert "NVML" in known.detail


def test_a_fast_read_costs_under_a_fifth_of_a_percent_of_a_core(tmp_path):
    """Ten fast reads a second of a whole Orin use less than 0.2 % of one core."""
    sampler = JetsonSampler(build_orin(tmp_path).root, PID)
    sampler.probe()
    costs_s = []
    for _ in range(5):
        start_s = time.process_time()
        for _ in range(100):
            sampler.read(Tier.FAST)
        costs_s.append((time.process_time() - start_s) / 100)
    sampler.close()
    assert min(costs_s) / PERIOD_S < 0.002
