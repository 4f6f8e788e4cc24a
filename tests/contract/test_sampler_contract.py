"""What every sampler owes, asked of the host's; of those that `HILRIG_CONTRACT_PROFILE` names as well."""

import errno
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asked_plugins import asked_samplers
from hilrig.core.clock import ManualClock
from hilrig.core.registry import load
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler import kept_file
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.host import HostSampler
from hilrig.sampler.scripted import Curve, ScriptedSampler
from sampler_contract import SamplerContract

PID = 1234


def keys(*names):
    return frozenset(names)


CPU_TIME = keys(
    *(
        f"system.cpu.time{{cpu.mode={mode}}}"
        for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    )
)


def pressure(resource):
    return keys(*(f"hilrig.system.pressure{{resource={resource},scope={scope}}}" for scope in ("some", "full")))


def throttle(what, part):
    return keys(f"hilrig.hw.throttle.{what}{{cause=thermal,source={part}}}")


PRESSURE = "some avg10=0.00 avg60=0.12 avg300=0.09 total=8841\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=17\n"
STATUS = (
    "Name:\tworker\nState:\tS (sleeping)\nVmHWM:\t  9000 kB\nVmRSS:\t  8000 kB\nRssShmem:\t  3000 kB\n"
    "voluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"
)
FIELDS = "S 1 1 1 0 -1 4194304 500 0 7 0 250 40 0 0 20 0 4 0 100 1 1"

# An Intel industrial PC: every file that is read, its content, the channels that can't be without it.
TREE = {
    "proc/stat": ("cpu  100 1 50 9000 20 0 4 2 0 0\ncpu0 1 1 1 1 1 0 0 0 0 0\n", CPU_TIME),
    "proc/meminfo": (
        "MemTotal: 16000000 kB\nMemFree: 9 kB\nMemAvailable: 12000000 kB\n",
        keys("system.memory.usage", "system.linux.memory.available"),
    ),
    "proc/vmstat": ("nr_free_pages 5\noom_kill 0\n", keys("hilrig.system.oom_kills{scope=system}")),
    **{f"proc/pressure/{name}": (PRESSURE, pressure(name)) for name in ("cpu", "memory", "io")},
    f"proc/{PID}/stat": (
        f"{PID} (a) (worker) {FIELDS}\n",
        keys(
            "process.cpu.time{cpu.mode=user}",
            "process.cpu.time{cpu.mode=system}",
            "process.paging.faults{type=major}",
            "hilrig.process.stopped",
        ),
    ),
    f"proc/{PID}/statm": ("5000 2000 750 300 0 900 0\n", keys("process.memory.usage")),
    f"proc/{PID}/status": (
        STATUS,
        keys(
            "process.context_switches{type=voluntary}",
            "process.context_switches{type=involuntary}",
            "hilrig.process.memory.peak",
            "hilrig.process.memory.shared",
        ),
    ),
    f"proc/{PID}/schedstat": ("298132 49693 2\n", keys("hilrig.process.run_delay")),
    f"proc/{PID}/fd/1": ("a line\n", keys("hilrig.process.output.size")),
    f"proc/{PID}/fd/2": ("", keys("hilrig.process.output.size")),
    f"proc/{PID}/clear_refs": ("", keys()),
    f"proc/{PID}/cgroup": ("0::/system.slice/line.service\n", keys("hilrig.system.oom_kills{scope=cgroup}")),
    "sys/fs/cgroup/system.slice/line.service/memory.events": (
        "low 0\noom 1\noom_kill 1\n",
        keys("hilrig.system.oom_kills{scope=cgroup}"),
    ),
    "sys/class/hwmon/hwmon0/name": ("coretemp\n", keys()),
    "sys/class/hwmon/hwmon0/temp1_input": ("54000\n", keys("hw.temperature{hw.id=coretemp/Package id 0}")),
    "sys/class/hwmon/hwmon0/temp1_label": ("Package id 0\n", keys()),
    "sys/class/thermal/thermal_zone0/type": ("acpitz\n", keys()),
    "sys/class/thermal/thermal_zone0/temp": ("27800\n", keys("hw.temperature{hw.id=zone/acpitz}")),
    "sys/class/powercap/intel-rapl:0/name": ("package-0\n", keys()),
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": ("262143328850\n", keys()),
    "sys/class/powercap/intel-rapl:0/energy_uj": ("5000000\n", keys("hw.energy{hw.id=package-0}")),
}
for number, (core, speaks_for_package) in enumerate([(0, True), (1, False), (0, False), (1, False)]):
    cpu = f"sys/devices/system/cpu/cpu{number}"
    speaks_for_core = number < 2
    TREE |= {
        f"{cpu}/topology/physical_package_id": ("0\n", keys()),
        f"{cpu}/topology/core_id": (f"{core}\n", keys()),
        f"{cpu}/cpufreq/scaling_governor": ("performance\n", keys("hilrig.host.power_mode")),
        f"{cpu}/cpufreq/scaling_cur_freq": (
            "2600000\n",
            keys(f"system.cpu.frequency{{cpu.logical_number={number}}}"),
        ),
    }
    for part, speaks in (("core", speaks_for_core), ("package", speaks_for_package)):
        needed = {what: throttle(what, part) if speaks else keys() for what in ("events", "time")}
        TREE[f"{cpu}/thermal_throttle/{part}_throttle_count"] = ("3\n", needed["events"])
        TREE[f"{cpu}/thermal_throttle/{part}_throttle_total_time_ms"] = ("40\n", needed["time"])

IDENTITY = {path for path in TREE if path.endswith(("/name", "_label", "/type"))}
KEPT = sorted(
    path for path, (_, fed) in TREE.items() if fed and not path.endswith("/cgroup") and "/fd/" not in path
)
ALL_KEYS = frozenset().union(*(fed for _, fed in TREE.values()))


def build_tree(root):
    for path, (content, _) in TREE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    return build_tree(tmp_path_factory.mktemp("host"))


@pytest.fixture
def tree(tmp_path, pristine):
    return Path(shutil.copytree(pristine, tmp_path / "host"))


def script(value_name="scripted.counter"):
    counter = Channel(name=value_name, unit="1", kind=ChannelKind.COUNTER, tier=Tier.FAST, source="script")
    state = Channel(name="scripted.state", unit="1", kind=ChannelKind.STATE, tier=Tier.SLOW, source="script")
    return [
        Curve(channel=counter, points=((0.0, 1.0), (1.0, 5.0), (2.0, Reason.OFFLINE), (3.0, 9.0))),
        Curve(channel=state, points=((0.0, Reason.NO_PERMISSION),)),
    ]


def real(_):
    return HostSampler(Path("/"), os.getpid())


def fake_tree(pristine):
    return HostSampler(pristine, PID)


def scripted(_):
    return ScriptedSampler(Path("/"), 1, script(), clock=ManualClock())


def combined(pristine):
    return CombinedSampler([fake_tree(pristine), scripted(None), real(None)])


class TestSamplerContract(SamplerContract):
    """Asked of the host sampler on this machine and on a whole tree, of a script, and of all of them as one."""

    least_counters = 1

    @pytest.fixture(params=[real, fake_tree, scripted, combined])
    def build(self, request, pristine):
        return lambda: request.param(pristine)


class TestSamplerByName(SamplerContract):
    """Asked of samplers as a run opens them: by their names."""

    @pytest.fixture(params=["host", *asked_samplers()])
    def build(self, request):
        return lambda: load("samplers", request.param)(Path("/"), os.getpid())


def answering(sampler):
    return {capability.channel.key for capability in sampler.probe() if capability.reason is None}


def reasons(sampler, capabilities):
    names = [capability.channel.key for capability in capabilities]
    return {names[reading.channel]: reading.reason for reading in sampler.read(Tier.EDGE)}


def test_the_whole_tree_answers(pristine):
    """On a machine that has everything, every channel has a value."""
    opened = HostSampler(pristine, PID)
    assert answering(opened) == ALL_KEYS
    opened.close()


@pytest.mark.parametrize("path", sorted(TREE.keys() - IDENTITY))
def test_removing_one_file_silences_exactly_its_channels(tree, path):
    """Without one of its files the host has all channels but those that the file feeds."""
    (tree / path).unlink()
    opened = HostSampler(tree, PID)
    assert answering(opened) == ALL_KEYS - TREE[path][1]
    opened.close()


@pytest.mark.parametrize("path", sorted(IDENTITY))
def test_removing_a_name_changes_only_a_name(tree, path):
    """Without a chip's name, label or type the sensor is still read."""
    (tree / path).unlink()
    opened = HostSampler(tree, PID)
    assert len(answering(opened)) == len(ALL_KEYS)
    opened.close()


@pytest.mark.parametrize("path", KEPT)
def test_a_forbidden_file_says_no_permission(pristine, path, monkeypatch):
    """A file that may not be opened turns exactly its channels into NO_PERMISSION."""

    def deny(target, flags, *rest):
        if Path(target) == pristine / path:
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        return real_open(target, flags, *rest)

    real_open = os.open
    monkeypatch.setattr(kept_file.os, "open", deny)
    opened = HostSampler(pristine, PID)
    found = {known.channel.key: known for known in opened.probe() if known.reason is not None}
    opened.close()
    assert found.keys() == TREE[path][1]
    assert {known.reason for known in found.values()} == {Reason.NO_PERMISSION}
    assert all("Permission denied" in known.detail for known in found.values())


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EAGAIN, Reason.OFFLINE),
        (errno.ENODATA, Reason.OFFLINE),
        (errno.ENODEV, Reason.LOST),
        (errno.ESRCH, Reason.LOST),
        (errno.EPERM, Reason.NO_PERMISSION),
        (errno.EOPNOTSUPP, Reason.NOT_SUPPORTED),
        (errno.EIO, Reason.ERROR),
    ],
)
def test_a_file_that_fails_mid_run_silences_exactly_its_channels(pristine, code, reason, monkeypatch):
    """Whatever the kernel answers during a run, only the channels of that file turn into the matching reason."""

    def fail(fd, size, offset):
        if Path(f"/proc/self/fd/{fd}").readlink() == broken:
            raise OSError(code, os.strerror(code))
        return real_pread(fd, size, offset)

    real_pread = os.pread
    opened = HostSampler(pristine, PID)
    capabilities = opened.probe()
    monkeypatch.setattr(kept_file.os, "pread", fail)
    for path in KEPT:
        broken = pristine / path
        found = {key: why for key, why in reasons(opened, capabilities).items() if why is not None}
        assert found == dict.fromkeys(TREE[path][1], reason), path
    monkeypatch.undo()
    assert not any(reasons(opened, capabilities).values())
    opened.close()


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(sorted(TREE)), content=st.binary(max_size=80))
def test_no_content_of_any_file_makes_it_raise_or_lie(pristine, path, content):
    """Any bytes in any one file: nothing raises, all numbers are finite, no other channel is touched."""
    original = (pristine / path).read_bytes()
    (pristine / path).write_bytes(content)
    try:
        opened = HostSampler(pristine, PID)
        capabilities = opened.probe()
        readings = opened.read(Tier.EDGE)
        opened.close()
    finally:
        (pristine / path).write_bytes(original)
    silent = {known.channel.key for known in capabilities if known.reason is not None}
    assert silent <= TREE[path][1] or path in IDENTITY
    assert all(math.isfinite(reading.value) for reading in readings if reading.value is not None)
    assert len({known.channel.key for known in capabilities}) == len(capabilities)


def test_a_vanished_process_is_lost_and_the_host_goes_on():
    """When the target dies its channels are LOST, before its parent has waited for it and after; others answer."""
    target = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    opened = HostSampler(Path("/"), target.pid)
    capabilities = opened.probe()
    processes = {
        known.channel.key for known in capabilities if known.reason is None and "process" in known.channel.name
    }
    assert len(processes) >= 7
    target.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, target.pid, os.WEXITED | os.WNOWAIT)
    zombie = reasons(opened, capabilities)
    target.communicate()
    gone = reasons(opened, capabilities)
    opened.close()
    assert {zombie[key] for key in processes - {"hilrig.process.run_delay"}} == {Reason.LOST}
    assert {gone[key] for key in processes} == {Reason.LOST}
    assert gone["system.cpu.time{cpu.mode=user}"] is None


def test_a_process_that_never_was_is_absent():
    """A process that is not there at the probe has ABSENT channels, and does not disturb the others."""
    opened = HostSampler(Path("/"), 2**22 + 1)
    found = {known.channel.key: known.reason for known in opened.probe()}
    opened.close()
    assert found["process.memory.usage"] is Reason.ABSENT
    assert found["hilrig.process.memory.peak"] is Reason.ABSENT
    assert found["system.memory.usage"] is None


def test_an_empty_root_has_only_reasons(tmp_path):
    """Under a root without /proc and /sys nothing is read and nothing raises."""
    opened = HostSampler(tmp_path, PID)
    capabilities = opened.probe()
    readings = opened.read(Tier.EDGE)
    opened.close()
    assert {known.reason for known in capabilities} == {Reason.ABSENT}
    assert {reading.reason for reading in readings} == {Reason.ABSENT}
