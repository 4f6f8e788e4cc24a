"""The steps of the playbook latency-spikes."""

from collections.abc import Callable, Mapping
from statistics import median
from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL
from hilrig.core.verdict import Cause
from hilrig.gate.playbooks.answer import Answer
from hilrig.gate.playbooks.subject import RunSeen, Subject, told

EXPLAINS_MIN: Final = 0.1
"""A cause that explains a smaller share of the slow frames is not what to mend first."""
QUEUE_SHARE_PCT: Final = 50.0
"""From here on slow frames mostly wait for the frames before them."""
COLD_RATIO: Final = 1.5
"""How much slower the first tenth may be: caches and clocks settle within that."""
N_POINTS_MIN: Final = 20
"""Buckets that a comparison of the first tenth with the rest takes."""
THROTTLED: Final = "throttled"
NOMINAL: Final = "nominal"
"""What `thermal_state` says when a device protects itself, and when it need not; else it is unknown."""

RECORDED_BY: Final[Mapping[Cause, tuple[str, ...]]] = {
    Cause.STOPPED: ("hilrig.process.stopped",),
    Cause.RUN_QUEUE: ("hilrig.process.run_delay",),
    Cause.CO_RESIDENT: ("hilrig.process.run_delay",),
    Cause.IO_PRESSURE: ("hilrig.system.pressure",),
    Cause.HOST_STALL: (HOST_STALL,),
    Cause.GARBAGE_COLLECTION: (GC_PAUSE,),
    Cause.MAJOR_FAULT: ("process.paging.faults",),
    Cause.THROTTLE: (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE),
    Cause.CLOCK_DROP: (channels.CPU_FREQUENCY, channels.GPU_CLOCK),
}
"""Channels that can tell of each cause; one of them is enough."""


def contention(subject: Subject) -> Answer:
    """Look for others on the CPU and the disk, and for waiting in one's own queue."""
    answer = Answer()
    run = subject.run
    if run is not None:
        _caused(answer, run, Cause.STOPPED, "target-stopped")
        _caused(answer, run, Cause.RUN_QUEUE, "cpu-taken")
        _caused(answer, run, Cause.CO_RESIDENT, "service-beside")
        _caused(answer, run, Cause.IO_PRESSURE, "io-pressure")
        _caused(answer, run, Cause.HOST_STALL, "host-stalled")
        _queue(answer, run)
        _refused(answer, run)
    _window(answer, subject)
    return answer


def _caused(answer: Answer, run: RunSeen, cause: Cause, signal: str) -> None:
    """Note the share of slow frames that a cause explains; what no channel recorded is no answer."""
    causes = run.result.judgement.causes
    n_slow = sum(one.n_frames for one in causes)
    n_frames = sum(one.n_frames for one in causes if one.cause is cause)
    text = f"{cause.value}: {n_frames} of {n_slow} slow frames"
    if n_slow and n_frames >= EXPLAINS_MIN * n_slow:
        evidence = next(one.evidence for one in causes if one.cause is cause)
        answer.found(signal, f"{text}; {evidence}")
    elif _is_recorded(run, cause):
        answer.saw(text)
    else:
        answer.note(f"{cause.value}: not recorded on this rig")


def _is_recorded(run: RunSeen, cause: Cause) -> bool:
    """Return whether a channel that could tell of a cause was read."""
    measured = {one.key.partition("{")[0] for one in run.result.judgement.channels if one.n}
    return not measured.isdisjoint(RECORDED_BY[cause])


def _queue(answer: Answer, run: RunSeen) -> None:
    for share in run.result.judgement.stage_shares:
        if share.stage == "queue":
            text = f"slow frames spend {share.slowest_share_pct:.0f} % of their time in the queue"
            if share.slowest_share_pct > QUEUE_SHARE_PCT:
                answer.found("waits-in-queue", text)
            else:
                answer.note(text)


def _refused(answer: Answer, run: RunSeen) -> None:
    for process in run.result.judgement.processes:
        priority = process.real_time_priority
        scheduling = "normal scheduling" if priority is None else f"real-time priority {priority}"
        locked = {True: "memory locked", False: "memory not locked", None: "memory lock not asked for"}
        answer.note(f"{process.role}: {scheduling}, {locked[process.is_memory_locked]}")
        if process.role == "worker" and process.refused:
            answer.found("priority-refused", f"{process.role}: {'; '.join(process.refused)}")


def _window(answer: Answer, subject: Subject) -> None:
    """Tell what the service says of its own latency: the symptom, not a cause."""
    if subject.service is not None and subject.service.window is not None:
        window = subject.service.window
        answer.note(
            ", ".join(f"{key} {window.get(key)}" for key in ("n", "n_timeout", "p50_ms", "p95_ms", "p99_ms"))
        )
    answer.note(*subject.lines_with("HR-203", "HR-206", "HR-402"))


def warm_cold(subject: Subject) -> Answer:
    """Hold the first tenth of the run against the rest."""
    answer = Answer()
    for line in subject.log:
        if line.get("load_time_ms") is not None:
            answer.note(f"log: {line.get('event')} with load_time_ms {line['load_time_ms']}")
    if subject.run is None:
        return answer
    medians = [one.p50_ms for one in subject.run.result.judgement.latency_series if one.p50_ms is not None]
    if len(medians) < N_POINTS_MIN:
        return answer
    n_cold = len(medians) // 10
    cold_ms, warm_ms = median(medians[:n_cold]), median(medians[n_cold:])
    text = f"the first tenth takes {cold_ms:.1f} ms, the rest {warm_ms:.1f} ms (medians)"
    answer.saw(text)
    if cold_ms > COLD_RATIO * warm_ms:
        answer.found("slow-when-cold", text)
    return answer


def memory_pressure(subject: Subject) -> Answer:
    """Look for garbage collection, paging and growth."""
    answer = Answer()
    run = subject.run
    if run is None:
        return answer
    _caused(answer, run, Cause.GARBAGE_COLLECTION, "garbage-collection")
    _caused(answer, run, Cause.MAJOR_FAULT, "major-faults")
    for one in run.result.judgement.measurements:
        if one.metric == "host_memory_growth_lower_mib_per_h" and one.value is not None:
            text = f"host memory grows by {one.value:.1f} MiB per hour at least"
            if one.value > 0:
                answer.found("memory-grows", text)
            else:
                answer.saw("host memory: no growth that is certain")
    return answer


def hardware_path(subject: Subject) -> Answer:
    """Hold the provider that was asked for against the one that works."""
    answer = Answer()
    _node_path(answer, subject)
    run = subject.run
    if run is None:
        return answer
    proof = run.result.judgement.accelerator
    if proof is not None:
        answer.saw(f"asked {', '.join(proof.asked)}; active {', '.join(proof.active)}")
        if proof.active[:1] != proof.asked[:1]:
            answer.found(
                "provider-fallback", f"asked for {proof.asked[0]}, active is {', '.join(proof.active) or 'none'}"
            )
        elif proof.time_share_pct < proof.time_share_min_pct:
            text = f"{proof.asked[0]} does {proof.time_share_pct:.0f} % of the node time"
            answer.found("provider-idle", f"{text}, the profile asks for {proof.time_share_min_pct:.0f} %")
    for check in run.result.judgement.self_checks:
        if check.check_id == "target.accelerator":
            answer.saw(check.sentence)
            if not check.ok:
                answer.found("provider-fallback", check.sentence)
    return answer


def _node_path(answer: Answer, subject: Subject) -> None:
    """Hold the provider that the node's log names against the first that its release asks for."""
    active = next(
        (str(line["delegate_active"]) for line in reversed(subject.log) if line.get("delegate_active")), ""
    )
    if not active:
        return
    asked = _asked_for(subject)
    if not asked:
        answer.note(f"log: delegate_active {active}")
    elif asked != active:
        answer.found("provider-fallback", f"the release asks for {asked}; log: delegate_active {active}")
    else:
        answer.saw(f"log: delegate_active {active}, as the release asks")


def _asked_for(subject: Subject) -> str:
    """Return the first provider that the running release asks for; empty where nobody knows."""
    release = subject.store.running if subject.store else None
    backend = release.manifest.pipeline.backend if release and release.manifest else None
    providers = backend.options.get("providers") if backend else None
    return str(providers[0]) if isinstance(providers, list | tuple) and providers else ""


def thermal(subject: Subject) -> Answer:
    """Look for throttling and lower clocks."""
    answer = Answer()
    for line in subject.log:
        state = str(line.get("thermal_state") or "")
        if state == THROTTLED:
            answer.found("thermal-state-high", f"log: thermal_state {state} ({told(line)})")
        elif state == NOMINAL:
            answer.saw("log: thermal_state nominal")
    run = subject.run
    if run is None:
        return answer
    _caused(answer, run, Cause.THROTTLE, "throttled")
    _caused(answer, run, Cause.CLOCK_DROP, "clock-dropped")
    windows = run.result.judgement.throttle_windows
    if windows:
        total_s = sum(one.end_s - one.begin_s for one in windows)
        answer.found(
            "throttled", f"{len(windows)} windows of throttling, {total_s:.0f} s in all ({windows[0].cause})"
        )
    for one in run.result.judgement.measurements:
        if one.metric == "thermal_throttle_events":
            if one.value is None:
                answer.note(f"thermal throttling: not measured, {one.reason}")
            else:
                answer.saw(f"thermal throttling: {one.value:g} events")
    return answer


STEPS: Final[Mapping[str, tuple[Callable[[Subject], Answer], str]]] = {
    "contention": (contention, "nobody took the CPU or the disk from slow frames"),
    "warm-cold": (warm_cold, "the start is about as fast as the rest"),
    "memory-pressure": (memory_pressure, "no pauses of the collector, no paging, no growth that is certain"),
    "hardware-path": (hardware_path, "the provider that was asked for does the work"),
    "thermal": (thermal, "no throttling"),
}
"""By step: what looks, and its sentence when all is well."""
