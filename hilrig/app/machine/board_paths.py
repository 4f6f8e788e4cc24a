"""The files below the root that a recording of a board holds.

Samplers read them, and so does what finds out the facts of a rig. They are shell patterns; `PID` is the measured
process, `CGROUP` its control group. Nothing that identifies a machine or a person is among them, and nothing
that changes by being read: the alarms of power monitors clear themselves.
"""

from typing import Final

_CPU: Final = "sys/devices/system/cpu"
_CPUFREQ: Final = (
    "scaling_[cmg]*",
    "scaling_driver",
    "cpuinfo_*_freq",
    "energy_performance_preference",
)
_EMC: Final = "sys/kernel/debug/bpmp/debug/clk/emc"

BOARD_PATHS: Final = (
    # every Linux machine
    "proc/stat",
    "proc/meminfo",
    "proc/vmstat",
    "proc/cpuinfo",
    "proc/pressure/*",
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/random/boot_id",
    "proc/1/cgroup",
    "proc/self/ns/pid",
    "proc/PID/stat",
    "proc/PID/status",
    "proc/PID/statm",
    "proc/PID/schedstat",
    "proc/PID/cgroup",
    "sys/fs/cgroup/CGROUP/memory.events",
    "sys/fs/cgroup/CGROUP/memory.peak",
    "etc/os-release",
    "sys/hypervisor/type",
    # CPUs
    f"{_CPU}/online",
    f"{_CPU}/cpu[0-9]*/online",
    f"{_CPU}/cpu[0-9]*/topology/*_id",
    f"{_CPU}/cpu[0-9]*/thermal_throttle/*",
    *(f"{_CPU}/cpu[0-9]*/cpufreq/{name}" for name in _CPUFREQ),
    *(f"{_CPU}/cpufreq/policy*/{name}" for name in _CPUFREQ),
    # sensors, cooling, energy
    "sys/class/hwmon/hwmon*/name",
    "sys/class/hwmon/hwmon*/*_label",
    "sys/class/hwmon/hwmon*/*_input",
    "sys/class/hwmon/hwmon*/*_max",
    "sys/class/hwmon/hwmon*/*_crit",
    "sys/class/hwmon/hwmon*/pwm[0-9]",
    "sys/class/hwmon/hwmon*/oc[0-9]_*",
    "sys/class/thermal/thermal_zone*/[tmp]*",
    "sys/class/thermal/cooling_device*/type",
    "sys/class/thermal/cooling_device*/*_state",
    "sys/class/thermal/cooling_device*/stats/t[ior]*",
    "sys/class/powercap/intel-rapl:*/name",
    "sys/class/powercap/intel-rapl:*/*energy*_uj",
    "sys/class/powercap/intel-rapl:*/constraint_*",
    # NVIDIA cards, other GPUs and NPUs
    "sys/bus/pci/devices/*/vendor",
    "sys/bus/pci/devices/*/device",
    "sys/bus/pci/devices/*/class",
    "proc/driver/nvidia/version",
    "proc/driver/nvidia/gpus/*/information",
    "usr/local/cuda/version.json",
    "sys/class/drm/card[0-9]*/gt_*_freq_mhz",
    "sys/class/accel/accel*/device/npu_*",
    # Jetson
    "proc/device-tree/model",
    "sys/firmware/devicetree/base/model",
    "sys/firmware/devicetree/base/compatible",
    "sys/firmware/devicetree/base/hypervisor/compatible",
    "etc/nv_tegra_release",
    "etc/nvpmodel.conf",
    "var/lib/nvpmodel/status",
    "sys/kernel/nvpmodel_clk_cap/*",
    "sys/class/devfreq/*/*_freq",
    "sys/class/devfreq/*/governor",
    "sys/class/devfreq/*/available_frequencies",
    "sys/class/devfreq/*/device/load",
    "sys/class/devfreq/*/device/of_node/name",
    "sys/class/devfreq/*/device/of_node/compatible",
    "sys/devices/platform/gpu.0/load",
    f"{_EMC}/rate",
    f"{_EMC}/m??_rate",
    f"{_EMC}/mrq_rate_locked",
    "sys/kernel/debug/cactmon/mc_all",
    "sys/kernel/debug/nvmap/iovmm/clients",
    "sys/kernel/debug/nvmap/iovmm/maps",
)

BARE_PATHS: Final = (".dockerenv", "run/.containerenv", "run/systemd/container")
"""Files that say something by being there; what is in them may name a container."""

WRITTEN_PATHS: Final = ("proc/PID/clear_refs",)
"""Files that a sampler opens for writing: whether it may is recorded, nothing is written."""

SERIALS: Final = (
    "etc/machine-id",
    "sys/class/dmi/id/*_serial",
    "sys/class/dmi/id/product_uuid",
    "sys/class/net/*/address",
    "sys/firmware/devicetree/base/serial-number",
    "sys/firmware/devicetree/base/chosen/*serial*",
)
"""Files whose content must be nowhere in a recording."""
