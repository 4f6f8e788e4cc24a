"""Playbook: latency spikes."""

from typing import Final

from hilrig.core.playbook import Cause, Diagnostic, Playbook

LATENCY_SPIKES: Final = Playbook(
    playbook_id="latency-spikes",
    title="Latency spikes",
    symptom="p95 or p99 rises, frames are dropped, the PLC gets the fail-safe output (HR-203, HR-206, HR-402).",
    impact="Decisions come too late for the actuator: parts are rejected by the fail-safe, or the line slows "
    "down.",
    mitigations=(
        "Reduce the frame rate of the station, if the line allows it.",
        "Stop other services on the node. Still too slow: hilrig node rollback --store STORE",
    ),
    diagnostics=(
        Diagnostic(
            step_id="contention",
            title="Identify contention",
            look_at="causes run_queue, co_resident, stopped, io_pressure and host_stall of slow frames; the "
            "share of "
            "the time that a frame waits in the queue; priorities that were refused. Expected: none.",
            collect="a run on this rig: hilrig run PROFILE; then hilrig triage RUN",
        ),
        Diagnostic(
            step_id="warm-cold",
            title="Compare warm and cold",
            look_at="latency of the first tenth of the run against the rest; `load_time_ms`. Expected: within "
            "50 %.",
            collect="a run of 10 minutes at least: hilrig run PROFILE",
        ),
        Diagnostic(
            step_id="memory-pressure",
            title="Check memory pressure",
            look_at="causes garbage_collection and major_fault of slow frames; growth of host memory. Expected: "
            "none, "
            "no growth whose lower bound is above 0.",
            collect="a run of an hour at least, so that a growth can be seen: hilrig run PROFILE",
        ),
        Diagnostic(
            step_id="hardware-path",
            title="Verify the hardware path",
            look_at="execution provider asked for and active, log key `delegate_active`; its share of the node "
            "time. "
            "Expected: the first one that was asked for does the work.",
            collect="accelerator.json of a run, or the node's log: hilrig triage STORE --log FILE",
        ),
        Diagnostic(
            step_id="thermal",
            title="Correlate with the thermal state",
            look_at="causes throttle and clock_drop of slow frames, throttling windows, log key `thermal_state`. "
            "Expected: no throttling; p99 at the end as at the start.",
            collect="a run of two hours at the station's usual temperature: hilrig run PROFILE",
        ),
    ),
    signals={
        "target-stopped": "the pipeline's process was stopped by a signal or a debugger",
        "waits-in-queue": "most of the time of a slow frame is spent waiting for the pipeline itself",
        "priority-refused": "a process did not get the priority or the memory lock that it asked for",
        "garbage-collection": "slow frames coincide with pauses of the garbage collector",
        "major-faults": "slow frames coincide with pages read back from disk",
        "memory-grows": "the process's memory grows all the time",
        "slow-when-cold": "the first tenth of the run is far slower than the rest",
        "provider-fallback": "the accelerator that was asked for is not the one that works",
        "provider-idle": "the accelerator is active, but does little of the work",
        "throttled": "slow frames coincide with throttling, or a device throttled",
        "clock-dropped": "slow frames coincide with lower clocks",
        "thermal-state-high": "the node's log says that it throttles",
        "cpu-taken": "the pipeline was ready to run and others had its CPU",
        "service-beside": "a known service beside the pipeline was at work in slow frames",
        "io-pressure": "slow frames coincide with waiting for disks",
        "host-stalled": "nobody on the machine ran for a while: stolen CPU, firmware, suspend",
    },
    causes=(
        Cause(
            cause_id="thread-misuse",
            title="Threads or priorities misused",
            signals=frozenset({"target-stopped", "waits-in-queue", "priority-refused"}),
            owner="firmware",
            resolution="Give inference its own thread and CPU; never wait for it where frames are captured.",
        ),
        Cause(
            cause_id="buffer-churn",
            title="Buffers made anew for each frame",
            signals=frozenset({"garbage-collection", "major-faults", "memory-grows", "slow-when-cold"}),
            owner="ML",
            resolution="Use buffer pools, warm up before the first part, lock memory.",
        ),
        Cause(
            cause_id="delegate-fallback",
            title="Execution provider fell back",
            signals=frozenset({"provider-fallback", "provider-idle"}),
            owner="ML",
            resolution="Ask for the provider and assert it: backend.options.providers; hilrig compat check.",
        ),
        Cause(
            cause_id="thermal-throttling",
            title="Thermal throttling",
            signals=frozenset({"throttled", "clock-dropped", "thermal-state-high"}),
            owner="firmware",
            resolution="Mend the cooling, or choose a power mode that holds; soak for two hours at the line's "
            "heat.",
        ),
        Cause(
            cause_id="background-services",
            title="Other services took the CPU or the disk",
            signals=frozenset({"cpu-taken", "service-beside", "io-pressure", "host-stalled"}),
            owner="firmware",
            resolution="Give the pipeline its own CPUs (run.worker_cpus), limit the others, test with companions.",
        ),
    ),
    resolution="Move inference off the thread that captures, reuse buffers, assert the provider, give the "
    "pipeline its "
    "own CPUs, mend the cooling. Prove it with a soak under the same load.",
    afterwards=(
        "Keep the provider's share as a check: the profile's `providers` and run.self-check target.accelerator.",
        "Add the service that took the CPU to `companions` of the profile.",
        "Alert on p95_ms and thermal_state of the node's log.",
    ),
)
