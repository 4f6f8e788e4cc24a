"""Jetsons as trees of /sys: what boards of the field have, each a table of facts that `build` writes to disk.

A fact knows the channels of the Jetson sampler that cannot be without it, so that a test can take it away and say
what must fall silent, and nothing else.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from board_parts import (
    GPU_CLOCK,
    GPU_LOAD,
    HOST_PIDS,
    MEMORY_CLOCK,
    NVMAP,
    OC_CAUSES,
    ORIN_ALERTS,
    ORIN_DEVFREQ,
    ORIN_GPU,
    ORIN_ZONES,
    PID,
    SWITCHED_OFF_MC,
    Board,
    Fact,
    Facts,
    cooling,
    cpus,
    devfreq,
    emc,
    fan,
    feeding,
    ina3221,
    mode,
    name,
    nvmap,
    nvpmodel,
    over_current,
    power,
    soctherm,
    statistics,
    tree_of_devices,
    zone,
)

ORIN_TRIPS = (
    ("passive", 99_000, "cpu-throttle-alert"),
    ("critical", 104_500, ""),
    ("passive", 70_000, "hot-surface-alert"),
    ("active", 51_000, "pwm-fan"),
    ("passive", -274_000, ""),
)


def _orin(gpu_node: str, *, n_cpus: int) -> Facts:
    return {
        **devfreq(ORIN_DEVFREQ, cur_hz=1_020_000_000, min_hz=1_020_000_000, max_hz=1_020_000_000),
        f"{ORIN_GPU}/load": feeding(774, GPU_LOAD),
        f"{ORIN_GPU}/of_node/name": name(f"{gpu_node}\0"),
        **cooling(0, ["pwm-fan", "cpufreq-cpu0", "cpufreq-cpu4", "devfreq-17000000.gpu"], state=1),
        **cooling(4, ORIN_ALERTS),
        **fan(0),
        **emc(3_199_000_000),
        **cpus(n_cpus),
    }


def _orin_zones(temps_mc: Mapping[str, int]) -> Facts:
    facts: Facts = {}
    for number, part in enumerate(ORIN_ZONES):
        facts |= zone(number, f"{part}-thermal", temps_mc.get(part, SWITCHED_OFF_MC), ORIN_TRIPS)
    return facts


_REPEATS = re.compile(r"/(thermal_zone[3467]|cooling_device([7-9]|1[01]))/")


def without_repeats(facts: Facts) -> Facts:
    """Return a board without the thermal zones and alerts that repeat others file by file."""
    return {path: fact for path, fact in facts.items() if not _REPEATS.search(path)}


ORIN_TEMPS_MC = {"cpu": 53_968, "gpu": 51_312, "soc0": 54_812, "soc1": 51_656, "soc2": 52_437, "tj": 54_812}


def orin_nano(n_cpus: int = 6, *, pid: int = PID) -> Facts:
    """Return an Orin Nano on JetPack 6 in MAXN_SUPER: no statistics of its alerts, power at VDD_IN."""
    rails = [("VDD_IN", 5_016, 2_400), ("VDD_CPU_GPU_CV", 5_008, 932), ("VDD_SOC", 5_016, 562)]
    return {
        **tree_of_devices(
            "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
            ["nvidia,p3768-0000+p3767-0005-super", "nvidia,p3767-0005", "nvidia,tegra234"],
            *map(over_current, OC_CAUSES),
        ),
        **_orin("gpu", n_cpus=n_cpus),
        **_orin_zones(ORIN_TEMPS_MC),
        **ina3221(1, rails, whole=["VDD_IN"]),
        **soctherm(3, {1: 0, 2: 0, 3: 0}),
        **nvmap("maps", pid),
        **nvpmodel(2, {0: "15W", 1: "25W", 2: "MAXN_SUPER", 3: "7W"}),
    }


def orin_with_statistics(n_cpus: int = 6, *, pid: int = PID) -> Facts:
    """Return the same with a kernel that keeps statistics, and with the short books of nvmap."""
    facts = orin_nano(n_cpus, pid=pid)
    del facts[f"{NVMAP}/maps"]
    return {**facts, **statistics(facts), **nvmap("clients", pid)}


def agx_orin(n_cpus: int = 12, *, pid: int = PID) -> Facts:
    """Return an AGX Orin: two power monitors, an unconnected input, many peaks of over-current since boot."""
    whole = ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]
    first = [("VDD_GPU_SOC", 19_760, 260), ("VDD_CPU_CV", 19_768, 165), ("VIN_SYS_5V0", 5_056, 1_088)]
    second = [("NC", 0, 0), ("VDDQ_VDD2_1V8AO", 5_016, 60), ("NC", 0, 0)]
    return {
        **tree_of_devices(
            "NVIDIA Jetson AGX Orin Developer Kit",
            ["nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234"],
            *map(over_current, OC_CAUSES),
        ),
        **_orin("gpu", n_cpus=n_cpus),
        **_orin_zones(ORIN_TEMPS_MC),
        **ina3221(1, first, whole=whole),
        **ina3221(2, second, whole=whole),
        **soctherm(5, {1: 0, 2: 0, 3: 27_390}),
        **nvmap("clients", pid),
        **nvpmodel(0, {0: "MAXN", 1: "MODE_15W"}),
    }


def old_orin(n_cpus: int = 8, *, pid: int = PID) -> Facts:
    """Return an AGX Orin on JetPack 5: sensors without power answer -256 C, the GPU rests, no over-current."""
    whole = ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]
    rails = [("VDD_GPU_SOC", 19_760, 104), ("VDD_CPU_CV", 19_768, -8), ("VIN_SYS_5V0", 5_056, 496)]
    return {
        **tree_of_devices("Jetson AGX Orin", ["nvidia,p3737-0000+p3701-0000", "nvidia,tegra234"]),
        **_orin("ga10b", n_cpus=n_cpus),
        **_orin_zones({part: mc for part, mc in ORIN_TEMPS_MC.items() if part != "gpu"}),
        **ina3221(3, rails, whole=whole),
        **nvmap("clients", pid),
        **nvpmodel(0, {0: "MAXN"}),
        f"{ORIN_GPU}/load": feeding(0, GPU_LOAD),
        f"{ORIN_DEVFREQ}/cur_freq": feeding(0, GPU_CLOCK),
    }


def thor(n_cpus: int = 14) -> Facts:
    """Return an AGX Thor on JetPack 7: no load, no nvmap, an INA238 at the supply, unexplained over-current."""
    facts: Facts = {}
    for number, part in enumerate(("cpu", "tj", "gpu", "soc012")):
        facts |= zone(
            number, f"{part}-thermal", 48_406 + number, [("hot", 105_000, ""), ("critical", 118_000, "")]
        )
    monitor = "sys/class/hwmon/hwmon4"
    total = {power("VIN"), power("board")}
    return {
        **tree_of_devices(
            "NVIDIA Jetson AGX Thor Developer Kit", ["nvidia,p3971-0080+p3834-0008", "nvidia,tegra264"]
        ),
        **devfreq("sys/class/devfreq/gpu-gpc-0", cur_hz=1_575_000_000, min_hz=315_000_000, max_hz=1_575_000_000),
        "sys/class/devfreq/gpu-nvd-0/cur_freq": Fact("1692000000"),
        "sys/class/devfreq/bwmgr/cur_freq": feeding(4_266_000_000, MEMORY_CLOCK),
        "sys/kernel/nvpmodel_clk_cap/emc": feeding(4_266_000_000, mode("emc_cap")),
        **facts,
        **cooling(0, ["cpufreq-cpu0", "pwm-fan", "cpu-throttle-alert"]),
        **cooling(3, ["gpu-throttle-alert"], state=1),
        **cooling(4, ["soc012-throttle-alert", "devfreq-gpu-gpc-0"]),
        **ina3221(2, [("VDD_GPU", 19_700, 5_060), ("VDD_CPU_SOC_MSS", 19_700, 1_000), ("NC", 0, 0)], whole=[]),
        f"{monitor}/name": name("ina238", *total),
        f"{monitor}/in1_label": name("VIN", *total),
        f"{monitor}/power1_input": feeding(150_000_000, *total),
        **soctherm(5, {1: 0, 2: 8, 3: 813}, cause="unknown"),
        **nvpmodel(0, {0: "MAXN", 1: "120W"}),
        **cpus(n_cpus),
    }


def build(root: Path, facts: Mapping[str, Fact]) -> Board:
    """Write a board's facts under `root`, with the links that the kernel sets between devices and classes."""
    for path, fact in facts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{fact.content}\n")
    links = {"proc/self/ns/pid": HOST_PIDS}
    if f"{ORIN_GPU}/load" in facts:
        links |= {
            "sys/class/devfreq/17000000.gpu": f"../../../{ORIN_DEVFREQ}",
            f"{ORIN_DEVFREQ}/device": "../../../17000000.gpu",
            "sys/devices/platform/gpu.0": "bus@0/17000000.gpu",
        }
    for path, target in links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    off = tuple(path for path, fact in facts.items() if fact.content == str(SWITCHED_OFF_MC))
    return Board(root, dict(facts), off)


def build_orin(root: Path, *, n_cpus: int = 6, pid: int = PID, with_statistics: bool = True) -> Board:
    """Build an Orin Nano. To stand in for a machine's own /sys, `n_cpus` must be what that machine has."""
    return build(root, (orin_with_statistics if with_statistics else orin_nano)(n_cpus, pid=pid))
