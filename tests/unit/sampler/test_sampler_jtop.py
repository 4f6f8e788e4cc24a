import sys
import time
from pathlib import Path

import pytest

import fake_jtop
from fake_jtop import go_on, one_then, write_jtop
from hilrig.core.registry import load
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jetson.jtop import JtopSampler
from printing_processes import PushedClock, children, is_gone, until

LOAD = "hw.gpu.utilization{hw.id=gpu0}"
CLOCK = "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}"
MEMORY_CLOCK = "hilrig.hw.memory.clock.frequency"


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture
def open_sampler(tmp_path, clock, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    opened = []

    def open_package(data=None, *, first_line_s=20.0, **script):
        write_jtop(tmp_path, data, **script)
        opened.append(JtopSampler(Path("/"), 1, clock=clock, first_line_s=first_line_s))
        return opened[-1]

    yield open_package
    for sampler in opened:
        sampler.close()


def answers(sampler):
    """Return what the channels say now: value or reason, by key."""
    keys = [known.channel.key for known in sampler.probe()]
    return {keys[number]: value if reason is None else reason for number, value, reason in sampler.read(Tier.SLOW)}


def details(sampler):
    return {known.channel.key: known.detail for known in sampler.probe()}


def test_a_snapshot_becomes_channels_named_like_the_direct_sources(open_sampler):
    """Percent, kHz, mW and Celsius come in base units; what is switched off is OFFLINE, not -256 and not 0."""
    assert answers(open_sampler()) == pytest.approx(
        {
            LOAD: 0.634,
            CLOCK: 621e6,
            MEMORY_CLOCK: 2.133e9,
            "hw.temperature{hw.id=zone/cpu-thermal}": 53.968,
            "hw.temperature{hw.id=zone/cv0-thermal}": Reason.OFFLINE,
            "hw.temperature{hw.id=zone/tj-thermal}": 54.0,
            "hw.temperature{hw.id=nvme/Composite}": 41.85,
            "hw.power{hw.id=VDD_IN}": 12.479,
            "hw.power{hw.id=VDD_SOC}": 2.817,
            "hw.power{hw.id=ucsi-1}": Reason.OFFLINE,
        }
    )


def test_jtop_is_never_imported_here(open_sampler):
    """The package is loaded by the helper process only."""
    answers(open_sampler())
    assert "jtop" not in sys.modules


@pytest.mark.parametrize(
    ("raised", "reason", "advice"),
    [
        (fake_jtop.NOT_ACTIVE, Reason.ABSENT, "sudo systemctl start jtop"),
        (fake_jtop.NO_ACCESS, Reason.NO_PERMISSION, "usermod -aG jtop"),
        (fake_jtop.MISMATCH, Reason.ERROR, "differ in version"),
        (fake_jtop.PYTHON_MISMATCH, Reason.ERROR, "differ in version"),
        (fake_jtop.NO_KEY, Reason.NO_PERMISSION, "restart jtop"),
        ("something new", Reason.ERROR, "JtopException: something new"),
    ],
)
def test_a_service_that_refuses_is_a_reason_with_the_next_step(open_sampler, raised, reason, advice):
    """Every way in which jtop says no, as it says it, becomes a reason and what to type."""
    sampler = open_sampler(enter=f'raise JtopException("{raised}")')
    assert {known.reason for known in sampler.probe()} == {reason}
    assert advice in details(sampler)[LOAD]
    assert {reading.reason for reading in sampler.read(Tier.EDGE)} == {reason}
    until(lambda: (sampler.probe(), not children())[1])


@pytest.mark.parametrize(
    "top", ["raise ImportError('no smbus2')", "syntax error", "raise SystemError", "del jtop"]
)
def test_a_package_that_cannot_be_imported_is_an_error(open_sampler, top):
    """A broken installation is told from a missing one; the detail says what to do."""
    sampler = open_sampler(top=top)
    assert {known.reason for known in sampler.probe()} == {Reason.ERROR}
    assert "reinstall jetson-stats" in details(sampler)[LOAD]


def test_a_hanging_connection_does_not_hold_up_the_probe(open_sampler):
    """`with jtop()` may wait for ever: after the deadline its channels are STALE, and close ends it."""
    begin_s = time.monotonic()
    sampler = open_sampler(enter="time.sleep(600)", first_line_s=0.3)
    assert {known.reason for known in sampler.probe()} == {Reason.STALE}
    assert time.monotonic() - begin_s < 60
    assert "sudo systemctl restart jtop" in details(sampler)[LOAD]
    (helper,) = children()
    sampler.close()
    assert is_gone(helper)


def test_a_service_that_stops_is_lost_with_the_next_step(open_sampler, tmp_path):
    """When jtop's client gives up, all channels are LOST, and the detail says how to get them back."""
    sampler = open_sampler(ok=one_then("return False"))
    assert len(sampler.probe()) == 10
    go_on(tmp_path)
    until(lambda: set(answers(sampler).values()) == {Reason.LOST})
    assert "sudo systemctl restart jtop" in details(sampler)[LOAD]


def test_a_connection_that_breaks_is_lost(open_sampler, tmp_path):
    """So it is when it raises after the first values."""
    sampler = open_sampler(ok=one_then("raise ConnectionResetError('gone')"))
    assert len(sampler.probe()) == 10
    go_on(tmp_path)
    until(lambda: set(answers(sampler).values()) == {Reason.LOST})
    assert "sudo systemctl restart jtop" in details(sampler)[LOAD]


def test_a_killed_helper_is_lost(open_sampler, tmp_path):
    """A helper that can say nothing more is LOST with the signal that ended it."""
    sampler = open_sampler(ok=one_then("os.kill(os.getpid(), 9)"))
    assert len(sampler.probe()) == 10
    go_on(tmp_path)
    until(lambda: set(answers(sampler).values()) == {Reason.LOST})
    until(lambda: "signal 9" in details(sampler)[LOAD])
    assert not children()


def test_the_same_data_handed_out_again_goes_stale(open_sampler, clock):
    """A client whose service stands still repeats its last data: an uptime that stays is no new reading."""
    sampler = open_sampler(ok="time.sleep(n > 1 and 0.02); return True", uptime="1")
    assert answers(sampler)[LOAD] == 0.634
    clock.push(3.0)
    assert set(answers(sampler).values()) == {Reason.STALE}


def test_at_most_a_line_a_second(open_sampler):
    """A service set to a shorter interval by somebody else does not make us print more."""
    sampler = open_sampler(ok="time.sleep(0.01); return True")
    sampler.probe()
    begin_s, lines = time.monotonic(), 0
    while time.monotonic() - begin_s < 1.0:  # the claim is about a second
        sampler._process.wait(0.05)
        lines += sampler._process.take() is not None
    assert lines <= 2


def test_what_jtop_prints_does_not_get_between_the_lines(open_sampler):
    """Output of the package itself is no garbage line."""
    sampler = open_sampler(top="print('hello from jtop')", enter="print('connected')")
    assert answers(sampler)[LOAD] == 0.634


def test_a_garbage_line_is_an_error(open_sampler, tmp_path):
    """A line that is no JSON of ours is no reading, and the one before it counts no longer."""
    sampler = open_sampler(
        top="pipe = next(fd for fd in range(3, 10) if os.path.realpath(f'/proc/self/fd/{fd}').count('pipe:'))",
        ok=one_then("os.write(pipe, b'{\\\"gpu\\\": NaN}\\n'); time.sleep(600)"),
    )
    assert answers(sampler)[LOAD] == 0.634
    go_on(tmp_path)
    until(lambda: set(answers(sampler).values()) == {Reason.ERROR})
    assert "NaN" in details(sampler)[LOAD]


def test_the_helper_dies_with_a_close_in_the_middle(open_sampler):
    """Closing ends the helper whatever it is doing; afterwards every channel is LOST."""
    sampler = open_sampler(ok="time.sleep(0.01); return True")
    sampler.probe()
    sampler.close()
    assert not children()
    assert set(answers(sampler).values()) == {Reason.LOST}


def test_it_is_here_with_socket_and_package(tmp_path, monkeypatch):
    """The service's socket and a package that can be found, without importing it."""
    assert not JtopSampler.is_here(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/jtop.sock").touch()
    monkeypatch.syspath_prepend(write_jtop(tmp_path / "site", top="raise ImportError"))
    assert JtopSampler.is_here(tmp_path)
    (tmp_path / "run/jtop.sock").unlink()
    assert not JtopSampler.is_here(tmp_path)


def test_without_the_package_it_is_not_here(tmp_path, monkeypatch):
    """A service whose package this Python has not is no source."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/jtop.sock").touch()
    monkeypatch.setattr("hilrig.sampler.jetson.jtop.find_spec", lambda name: None)
    assert not JtopSampler.is_here(tmp_path)


def test_a_read_without_news_costs_little(open_sampler):
    """The median of many reads of all channels stays under 100 microseconds."""
    sampler = open_sampler()
    sampler.probe()
    costs_ns = []
    for _ in range(200):
        begin_ns = time.perf_counter_ns()
        sampler.read(Tier.SLOW)
        costs_ns.append(time.perf_counter_ns() - begin_ns)
    assert sorted(costs_ns)[100] < 100_000


def test_it_is_registered_under_its_name():
    """`jtop` in the table of samplers is this class."""
    assert load("samplers", "jtop") is JtopSampler
