"""The parts of a Jetson's tree of /sys, as tables of facts: paths, contents, and the channels that need them.

The facts are what public board logs and public parsers' fixtures show; no file was copied from a board.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PID = 4321
HOST_PIDS = "pid:[4026531836]"
SWITCHED_OFF_MC = -256_000

GPU_LOAD = "hw.gpu.utilization{hw.id=gpu0}"
GPU_CLOCK = "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}"
PROCESS_MEMORY = "hilrig.process.gpu.memory.usage{hw.id=gpu0,hilrig.memory=unified}"
MEMORY_CLOCK = "hilrig.hw.memory.clock.frequency"
FAN = "hw.fan.speed_ratio{hw.id=pwmfan}"
CPU = "sys/devices/system/cpu"
THERMAL = "sys/class/thermal"
EMC = "sys/kernel/debug/bpmp/debug/clk/emc"
NVMAP = "sys/kernel/debug/nvmap/iovmm"
ORIN_GPU = "sys/devices/platform/bus@0/17000000.gpu"
ORIN_DEVFREQ = f"{ORIN_GPU}/devfreq/17000000.gpu"

ORIN_ZONES = ("cpu", "gpu", "cv0", "cv1", "cv2", "soc0", "soc1", "soc2", "tj")
ORIN_ALERTS = (
    *(f"{part}-throttle-alert" for part in ("cpu", "gpu", "cv0", "cv1", "cv2", "soc0", "soc1", "soc2")),
    "hot-surface-alert",
)
OC_CAUSES = {1: "undervoltage", 2: "power", 3: "current_peak"}


@dataclass(frozen=True, slots=True)
class Fact:
    """A file's content, and the keys of the channels that need it.

    `is_name` marks what says which thing a folder is: without it others may get another name.
    """

    content: str
    feeds: frozenset[str] = frozenset()
    is_name: bool = False


Facts = dict[str, Fact]


@dataclass(frozen=True)
class Board:
    """A tree on disk. `switched_off` are the files that answer EAGAIN on the real board."""

    root: Path
    facts: Mapping[str, Fact]
    switched_off: tuple[str, ...] = ()

    @cached_property
    def keys(self) -> frozenset[str]:
        """Return the channels that have a value."""
        return frozenset().union(*(fact.feeds for fact in self.facts.values()))

    def path_of(self, file_name: str, **wanted: str) -> str:
        """Return the file `file_name` of the folder whose other files have the wanted contents.

        `path_of("temp", type="gpu-thermal")` is the temperature of that zone, whatever its number.
        """
        for path in self.facts:
            folder, _, name = path.rpartition("/")
            if name == file_name and all(
                self.facts.get(f"{folder}/{other}", Fact("")).content == content
                for other, content in wanted.items()
            ):
                return path
        raise LookupError(f"{file_name} beside {wanted}")


def mode(setting: str) -> str:
    return f"hilrig.host.power_mode{{setting={setting}}}"


def power(rail: str) -> str:
    return f"hw.power{{hw.id={rail}}}"


def limit(zone: str) -> str:
    return f"hw.temperature.limit{{hw.id=zone/{zone}}}"


def throttle(what: str, cause: str, hw_id: str, source: str) -> str:
    return f"hilrig.hw.throttle.{what}{{cause={cause},hw.id={hw_id},source={source}}}"


def over_current(number: int, cause: str | None = None) -> str:
    return throttle("events", cause or OC_CAUSES[number], "soc", f"oc{number}_event_cnt")


def feeding(content: object, *keys: str) -> Fact:
    return Fact(str(content), frozenset(keys))


def name(content: str, *keys: str) -> Fact:
    return Fact(content, frozenset(keys), is_name=True)


def devfreq(folder: str, *, cur_hz: int, min_hz: int, max_hz: int) -> Facts:
    return {
        f"{folder}/cur_freq": feeding(cur_hz, GPU_CLOCK),
        **{
            f"{folder}/{bound}_freq": feeding(
                hz, f"hilrig.hw.gpu.clock.limit{{hw.id=gpu0,bound={bound}}}", mode(f"gpu_clock_{bound}")
            )
            for bound, hz in (("min", min_hz), ("max", max_hz))
        },
        f"{folder}/governor": Fact("nvhost_podgov"),
    }


def zone(number: int, kind: str, temp_mc: int, trips: Sequence[tuple[str, int, str]]) -> Facts:
    """Return a thermal zone with trip points of (kind, temperature, the cooling device that is bound to it)."""
    folder, key = f"{THERMAL}/thermal_zone{number}", limit(kind)
    facts = {f"{folder}/type": name(kind, key), f"{folder}/temp": Fact(str(temp_mc))}
    for trip, (trip_kind, trip_mc, bound) in enumerate(trips):
        is_harmless = bound in {"hot-surface-alert", "pwm-fan"}
        keys = () if is_harmless else (key,)
        facts[f"{folder}/trip_point_{trip}_type"] = feeding(trip_kind, *keys)
        facts[f"{folder}/trip_point_{trip}_temp"] = feeding(trip_mc, *keys)
        if bound:
            facts[f"{folder}/cdev{trip}_trip_point"] = name(str(trip))
            facts[f"{folder}/cdev{trip}/type"] = name(bound)
    return facts


def cooling(first: int, kinds: Iterable[str], *, state: int = 0) -> Facts:
    facts: Facts = {}
    for number, kind in enumerate(kinds, first):
        folder = f"{THERMAL}/cooling_device{number}"
        keys = [throttle("state", "thermal", kind, "cooling_device")] if kind.endswith("-throttle-alert") else []
        facts[f"{folder}/type"] = name(kind, *keys)
        facts[f"{folder}/cur_state"] = feeding(state, *keys)
        facts[f"{folder}/max_state"] = Fact("2")
    return facts


def statistics(facts: Mapping[str, Fact]) -> Facts:
    """Return the statistics of the alerts among `facts`, as CONFIG_THERMAL_STATISTICS has the kernel keep them."""
    found: Facts = {}
    for path, fact in facts.items():
        if path.endswith("/type") and fact.content.endswith("-throttle-alert") and "/thermal_zone" not in path:
            folder = path.removesuffix("/type")
            time, events = (
                throttle(what, "thermal", fact.content, "cooling_device_stats") for what in ("time", "events")
            )
            found[path] = name(fact.content, *fact.feeds, time, events)
            found[f"{folder}/stats/time_in_state_ms"] = feeding(time_in_state(3_605_000, 0), time)
            found[f"{folder}/stats/trans_table"] = feeding(trans_table(0), events)
    return found


def time_in_state(idle_ms: int, throttled_ms: int) -> str:
    return f"state0\t{idle_ms}\nstate1\t{throttled_ms}\nstate2\t0"


def trans_table(begun: int, ended: int | None = None) -> str:
    back = begun if ended is None else ended
    rows = [(0, begun, 0), (back, 0, 0), (0, 0, 0)]
    lines = [f"state{number:2}:" + "".join(f"{cell:8} " for cell in row) for number, row in enumerate(rows)]
    return "\n".join([" From  :    To", "       : state 0  state 1  state 2  ", *lines])


def soctherm(number: int, counts: Mapping[int, int], *, cause: str | None = None) -> Facts:
    folder = f"sys/class/hwmon/hwmon{number}"
    keys = {counter: over_current(counter, cause) for counter in counts}
    return {
        f"{folder}/name": name("soctherm_oc", *keys.values()),
        **{f"{folder}/oc{counter}_event_cnt": feeding(count, keys[counter]) for counter, count in counts.items()},
        **{f"{folder}/oc{counter}_throt_en": Fact("1") for counter in counts},
    }


def ina3221(number: int, rails: Sequence[tuple[str, int, int]], *, whole: Sequence[str]) -> Facts:
    """Return a monitor with rails of (label, mV, mA); `whole` are the labels that make up the board's power."""
    folder, facts = f"sys/class/hwmon/hwmon{number}", {}
    chip_keys: set[str] = set()
    for channel, (label, voltage_mv, current_ma) in enumerate(rails, 1):
        keys = {power(label)} if label != "NC" else set()
        keys |= {power("board")} if label in whole else set()
        chip_keys |= keys
        facts[f"{folder}/in{channel}_label"] = name(label, *keys)
        facts[f"{folder}/in{channel}_input"] = feeding(voltage_mv, *keys)
        facts[f"{folder}/curr{channel}_input"] = feeding(current_ma, *keys)
        facts[f"{folder}/curr{channel}_crit"] = Fact("4984")
        facts[f"{folder}/curr{channel}_crit_alarm"] = Fact("0")
    facts[f"{folder}/in7_label"] = Fact("sum of shunt voltages")
    facts[f"{folder}/in7_input"] = Fact("24")
    return {f"{folder}/name": name("ina3221", *chip_keys), **facts}


def fan(number: int) -> Facts:
    folder = f"sys/class/hwmon/hwmon{number}"
    return {f"{folder}/name": name("pwmfan", FAN), f"{folder}/pwm1": feeding(102, FAN)}


def nvmap(file_name: str, pid: int) -> Facts:
    """Return the books of nvmap: two clients of `pid`, whose name holds a blank, and 400 MiB together."""
    rows = [
        ("user", "Xorg", 900, 12_288),
        ("user", "weld line", pid, 262_144),
        ("user", "weld line", pid, 147_456),
    ]
    table = [f"{'CLIENT':<18} {'PROCESS':>18} {'PID':>8} {'SIZE':>11}"]
    for client, process, of_pid, size_kib in rows:
        table.append(f"{client:<18} {process:>18} {of_pid:8} {size_kib:10}K")
        if file_name == "maps":
            table.append(f"{'':<18} {'':<18} {0:8x} {size_kib:10}K {2:8x} {1:6} {'0xffff0001':>16}")
    table.append(f"{'total':<18} {'':<18} {'':>8} {421_888:10}K")
    return {f"{NVMAP}/{file_name}": feeding("\n".join(table), PROCESS_MEMORY)}


def tree_of_devices(model: str, compatible: Sequence[str], *keys: str) -> Facts:
    base = "sys/firmware/devicetree/base"
    return {
        f"{base}/model": Fact(f"{model}\0"),
        f"{base}/compatible": name("".join(f"{entry}\0" for entry in compatible), *keys),
    }


def cpus(n_cpus: int) -> Facts:
    """Return what the host sampler, and every numerical library, wants to know of the CPUs."""
    every = f"0-{n_cpus - 1}" if n_cpus > 1 else "0"
    facts = {f"{CPU}/{what}": Fact(every) for what in ("online", "possible", "present")}
    for number in range(n_cpus):
        folder = f"{CPU}/cpu{number}"
        facts |= {f"{folder}/topology/{what}": Fact(str(number)) for what in ("core_id", "core_cpus_list")}
        facts |= {f"{folder}/topology/thread_siblings_list": Fact(str(number))}
        facts |= {f"{folder}/topology/core_siblings_list": Fact(every)}
        facts |= {f"{folder}/topology/physical_package_id": Fact("0"), f"{folder}/online": Fact("1")}
        frequencies_khz = {"cur": 1_728_000, "min": 729_600, "max": 1_728_000}
        facts |= {f"{folder}/cpufreq/scaling_{what}_freq": Fact(str(khz)) for what, khz in frequencies_khz.items()}
        facts |= {f"{folder}/cpufreq/scaling_governor": Fact("schedutil")}
    return facts


def nvpmodel(number: int, modes: Mapping[int, str]) -> Facts:
    lines = [f"< POWER_MODEL ID={mode_id} NAME={mode_name} >" for mode_id, mode_name in modes.items()]
    return {
        "var/lib/nvpmodel/status": feeding(f"pmode:{number:04}", mode("nvpmodel")),
        "etc/nvpmodel.conf": Fact(
            "\n".join(["# < POWER_MODEL ID=0 NAME=OLD >", *lines, "< PM_CONFIG DEFAULT=0 >"])
        ),
    }


def emc(rate_hz: int) -> Facts:
    return {
        f"{EMC}/rate": feeding(rate_hz, MEMORY_CLOCK),
        f"{EMC}/mrq_rate_locked": feeding(1, mode("emc_locked")),
        "sys/kernel/nvpmodel_clk_cap/emc": feeding(3_199_000_000, mode("emc_cap")),
    }
