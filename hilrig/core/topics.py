"""What the words of a report mean that no profile key explains: exit codes, self-checks, causes of slow frames."""

from typing import Final, NamedTuple

from hilrig.core.exits import ExitCode
from hilrig.core.verdict import Cause


class Meaning(NamedTuple):
    """One word.

    Args:
        owner: the group that acts on it.
        meaning: what happened.
        section: `PAGE#HEADING` below docs/playbooks.
        next_step: what to do first.
    """

    owner: str
    meaning: str
    section: str
    next_step: str


_PAGE: Final = "error-codes"
_LATENCY: Final = "latency-spikes"

EXIT_CODES: Final[dict[ExitCode, Meaning]] = {
    ExitCode.OK: Meaning("QA", "PASS, or the command did what it says", f"{_PAGE}#exit-codes", "nothing to do"),
    ExitCode.USAGE: Meaning(
        "QA",
        "a mistake in arguments or in a configuration file; nothing was started",
        f"{_PAGE}#exit-codes",
        "read the message: it names file, line and column",
    ),
    ExitCode.FAIL: Meaning(
        "ML", "FAIL: a limit is broken", f"{_PAGE}#exit-codes", "hilrig triage RUN, then report.html"
    ),
    ExitCode.INCONCLUSIVE: Meaning(
        "QA",
        "INCONCLUSIVE: the evidence cannot decide, or something was not measured; for triage: no candidate",
        f"{_PAGE}#exit-codes",
        "read the self-checks in report.html; run longer where it says so",
    ),
    ExitCode.ABORTED: Meaning("QA", "ended by the operator", f"{_PAGE}#exit-codes", "hilrig run PROFILE"),
    ExitCode.RIG_BUSY: Meaning(
        "QA", "another run holds the rig, or another process the store", f"{_PAGE}#exit-codes", "hilrig rigs list"
    ),
    ExitCode.RIG_UNREACHABLE: Meaning(
        "firmware",
        "the rig or a process of the run went away",
        f"{_PAGE}#exit-codes",
        "hilrig rigs check NAME --ask",
    ),
    ExitCode.PRECONDITION: Meaning(
        "QA",
        "this rig cannot do what the profile asks, or a file is unusable; nothing was started",
        f"{_PAGE}#exit-codes",
        "hilrig doctor",
    ),
    ExitCode.TRUST: Meaning(
        "security",
        "a signature, digest or key does not hold",
        f"{_PAGE}#exit-codes",
        "hilrig verify RUN, hilrig trust show; do not use the file",
    ),
    ExitCode.NO_REPORT: Meaning(
        "ML",
        "the gate has no decision for this model and device class",
        f"{_PAGE}#exit-codes",
        "hilrig gate check RELEASE --evidence DIR --policy default --key gate.pem",
    ),
    ExitCode.EXPIRED: Meaning(
        "ML", "a signed statement is over, or a newer one replaced it", f"{_PAGE}#exit-codes", "hilrig gate check"
    ),
    ExitCode.WRONG_CLASS: Meaning(
        "backend",
        "a signed statement is for another device class, stack or node",
        f"{_PAGE}#exit-codes",
        "hilrig gate status --model SHA256 --device-class CLASS",
    ),
    ExitCode.APPROVAL_MISSING: Meaning(
        "QA",
        "everything is there but the approval of people",
        f"{_PAGE}#exit-codes",
        'hilrig gate approve RELEASE --role ROLE --reason "..." --key me.pem',
    ),
    ExitCode.STORE_UNSAFE: Meaning(
        "firmware",
        "a model store is not safe to serve from, or refuses what was asked",
        f"{_PAGE}#exit-codes",
        "hilrig triage STORE",
    ),
}
"""Every exit code of the command line."""

CAUSES: Final[dict[Cause, Meaning]] = {
    Cause.THROTTLE: Meaning(
        "firmware", "a device throttled while the frame was slow", f"{_LATENCY}#thermal", "mend the cooling"
    ),
    Cause.CLOCK_DROP: Meaning(
        "firmware", "the clock was lower than usual", f"{_LATENCY}#thermal", "check power mode and governor"
    ),
    Cause.HOST_STALL: Meaning(
        "firmware",
        "nobody on the machine ran: stolen virtual CPU, firmware, suspend",
        f"{_LATENCY}#contention",
        "run on hardware of your own; look at the self-check host.steal",
    ),
    Cause.STOPPED: Meaning(
        "firmware",
        "the pipeline's process was stopped by a signal or a debugger",
        f"{_LATENCY}#contention",
        "find who stopped it",
    ),
    Cause.RUN_QUEUE: Meaning(
        "firmware",
        "the pipeline was ready to run and others had its CPU",
        f"{_LATENCY}#contention",
        "set run.worker_cpus, stop other services",
    ),
    Cause.CO_RESIDENT: Meaning(
        "firmware",
        "a known service beside the pipeline had its CPU",
        f"{_LATENCY}#contention",
        "limit that service, then run again",
    ),
    Cause.MAJOR_FAULT: Meaning(
        "ML", "pages had to be read back from disk", f"{_LATENCY}#memory-pressure", "lock memory, use less of it"
    ),
    Cause.GARBAGE_COLLECTION: Meaning(
        "ML", "Python's garbage collector paused it", f"{_LATENCY}#memory-pressure", "reuse buffers; gc.freeze()"
    ),
    Cause.IO_PRESSURE: Meaning(
        "firmware", "it waited for disks", f"{_LATENCY}#contention", "find who writes: iotop, dmesg"
    ),
    Cause.FEEDER_LATE: Meaning(
        "QA",
        "the harness offered the frame late: no fault of the model",
        f"{_PAGE}#self-checks",
        "hilrig doctor",
    ),
    Cause.UNEXPLAINED: Meaning(
        "ML",
        "nothing that was recorded explains it",
        f"{_LATENCY}#contention",
        "record more: hilrig doctor says which channels are missing",
    ),
}
"""Every cause that a report names for slow frames."""

_RIG: Final = "hilrig doctor on the rig"

SELF_CHECKS: Final[dict[str, Meaning]] = {
    check_id: Meaning(owner, meaning, f"{_PAGE}#self-checks", next_step)
    for check_id, owner, meaning, next_step in (
        ("actuation.listener", "QA", "the stand-in for the PLC kept up with the writes", _RIG),
        ("clock.steps", "firmware", "no clock was stepped during the run", "timedatectl: is time synchronised?"),
        ("companions.kept", "QA", "the companions were at work all the time", "companion-NAME.log in the run"),
        ("companions.probed", "QA", "the companions were asked as planned", "hilrig doctor: real-time priority"),
        ("devices.errors", "firmware", "no device reported an error", "dmesg, nvidia-smi -q"),
        ("devices.present", "firmware", "the same devices were there from the start to the end", "dmesg"),
        ("disk.space", "QA", "the record never met a full disk", "free space in reports/: hilrig list"),
        ("drill.camera", "QA", "the camera's loss was really injected", "read faults.md; run again"),
        ("drill.injected", "QA", "every fault of the drill was really injected", "read faults.md; run again"),
        ("drill.record", "QA", "the drill's own record is whole", "hilrig recover RUN"),
        ("feeder.lateness", "QA", "frames were offered when they were due", "stop other programs; isolate CPUs"),
        ("feeder.rate", "QA", "the frame rate was kept", "stop other programs; isolate CPUs"),
        ("host.boot", "firmware", "the rig did not restart during the run", "last -x reboot; the watchdog's log"),
        ("host.oom", "firmware", "no process was killed for memory", "dmesg | grep -i oom"),
        ("host.overcurrent", "firmware", "the supply was not overloaded", "check the power supply"),
        ("host.power_mode", "firmware", "the power mode stayed as it was", "nvpmodel -q, cpupower frequency-info"),
        ("host.steal", "QA", "other virtual machines took no CPU time", "run on hardware of your own"),
        ("host.supply", "firmware", "the supply voltage held", "check the power supply and its cable"),
        ("processes.alive", "QA", "every process of the harness lived to the end", "run.log, dmesg"),
        ("records.conserved", "QA", "every offered frame was decided, dropped or failed", "hilrig recover RUN"),
        ("records.stamps", "QA", "the stamps of every frame are in order", "run again; report a bug of hilrig"),
        ("rig.real_hardware", "QA", "the rig is no emulator and no simulation", "run on a real rig"),
        ("run.completed", "QA", "the run came to its planned end", "hilrig run PROFILE"),
        ("target.accelerator", "ML", "the accelerator that was asked for does the work", "hilrig doctor"),
        ("target.alive", "ML", "the pipeline lived to the end", "run.log; hilrig triage RUN"),
        ("target.caching", "ML", "the pipeline does not answer from memory", "set feed.fresh_every"),
        ("telemetry.counters", "QA", "no counter ran backwards", "run again"),
        ("telemetry.coverage", "QA", "telemetry has no long gaps", "stop other programs; isolate CPUs"),
        ("telemetry.plausible", "QA", "readings are possible values", "hilrig doctor; look at the sensor"),
        ("telemetry.sampled", "QA", "every channel that a limit needs was read", "hilrig doctor"),
    )
}
"""Every self-check: what holds when it is ok."""
