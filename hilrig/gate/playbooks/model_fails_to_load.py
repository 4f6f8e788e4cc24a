"""Playbook: the model fails to load on some devices."""

from typing import Final

from hilrig.core.playbook import Cause, Diagnostic, Playbook

MODEL_FAILS_TO_LOAD: Final = Playbook(
    playbook_id="model-fails-to-load",
    title="Model fails to load on some devices",
    symptom="The station falls back to its fail-safe, the service is not ready, or a log line says HR-101, "
    "HR-201, "
    "HR-202, HR-301 or HR-305 ('failed to allocate tensors', 'invalid model', 'not a kernel').",
    impact="No decision is made on this node: every part goes to the fail-safe output. Other classes may be well.",
    mitigations=(
        "Roll back to the last known good release: hilrig node rollback --store STORE",
        "Stop the rollout for this device class: hilrig gate revoke DECISION --reason ... --key gate.pem",
    ),
    diagnostics=(
        Diagnostic(
            step_id="versions",
            title="Confirm versions",
            look_at="`hilrig node status --store STORE --json`, release.json; log keys `model_hash`, "
            "`config_version`, `runtime_version`. Expected: one active release, made for this device class and "
            "stack.",
            collect="the store's folder, or the service's URL: hilrig triage STORE",
        ),
        Diagnostic(
            step_id="signature",
            title="Check signature and decision",
            look_at="gate.dsse.json of the release against STORE/keys/gate; log lines with HR-301 or HR-303. "
            "Expected: PASSED, for this class, not expired.",
            collect="the store's folder with keys/, and the node's log: hilrig triage STORE --log FILE",
        ),
        Diagnostic(
            step_id="integrity",
            title="Check file integrity",
            look_at="size and sha256 of every file against release.json; quarantine/, agent/downloads/, free disk "
            "space; log lines with HR-101, HR-103, HR-304. Expected: no difference, an empty quarantine.",
            collect="the store's folder: hilrig triage STORE",
        ),
        Diagnostic(
            step_id="memory",
            title="Check memory allocation",
            look_at="`peak_ram_mb` and `load_time_ms` of `service.serving`; dmesg for the out-of-memory killer; "
            "HR-207. Expected: the load's peak is far below the free memory.",
            collect="the node's log and `dmesg | grep -i oom`: hilrig triage STORE --log FILE",
        ),
        Diagnostic(
            step_id="operators",
            title="Check operator support",
            look_at="the model is loaded in a process of its own; log lines with HR-202 or HR-305. Expected: it "
            "loads "
            "with the runtime of this class.",
            collect="the model and the runtime's version of the device: hilrig compat check PROFILE",
        ),
    ),
    signals={
        "digest-mismatch": "a file is not what release.json says",
        "partial-download": "a file is missing or too short, or a download was never finished",
        "quarantined": "the store put damaged files aside",
        "disk-refuses": "the disk is full or refuses to write",
        "decision-unsigned": "no key that the store trusts signed the gate's decision",
        "signature-refused": "the log tells of a signature that does not hold (HR-301)",
        "decision-over": "the gate's decision is expired or not valid yet",
        "operator-unsupported": "the runtime lacks an operator, an opset or an IR version of the model",
        "load-refused": "the runtime refused to load the model (HR-202, HR-305)",
        "load-killed": "loading was ended by a signal or ran out of memory",
        "process-lost": "the inference process was lost (HR-207)",
        "wrong-class": "the release or its decision is for another device class or stack",
        "shape-mismatch": "the model's inputs or outputs are not those of release.json",
        "not-passed": "the gate refused this release",
    },
    causes=(
        Cause(
            cause_id="corrupted-download",
            title="Corrupted download or storage",
            signals=frozenset({"digest-mismatch", "partial-download", "quarantined", "disk-refuses"}),
            owner="firmware",
            resolution="Stage the release again, look at the disk (dmesg, smartctl), mend the packaging.",
        ),
        Cause(
            cause_id="signing-key-rotation",
            title="Signing key rotated, or decision expired",
            signals=frozenset({"decision-unsigned", "signature-refused", "decision-over"}),
            owner="security",
            resolution="Bring the new gate key to the node, or have the gate decide again: hilrig gate check.",
        ),
        Cause(
            cause_id="unsupported-operators",
            title="Model built with operators that this runtime does not have",
            signals=frozenset({"operator-unsupported", "load-refused"}),
            owner="ML",
            resolution="Export for the class's runtime (opset, ir_version); hilrig compat check holds it from "
            "then on.",
        ),
        Cause(
            cause_id="insufficient-memory",
            title="Not enough memory to load",
            signals=frozenset({"load-killed", "process-lost"}),
            owner="firmware",
            resolution="Free memory on the device or make the model smaller; set resources.host_memory_max_mb.",
        ),
        Cause(
            cause_id="wrong-config",
            title="Configuration points to an incompatible model",
            signals=frozenset({"wrong-class", "shape-mismatch", "not-passed"}),
            owner="backend",
            resolution="Publish the release of this class; check device_class and input shape of the profile.",
        ),
    ),
    resolution="Fix the packaging, adjust what the model is built for, gate by device class, or reduce the "
    "memory that "
    "it needs. Prove it: hilrig compat check PROFILE for every class, in CI.",
    afterwards=(
        "Add the class to device_compatibility_matrix.yaml, or block it there with its reason.",
        "Keep the load test per class in CI: hilrig compat check.",
        "Alert on hilrig_service_ready == 0.",
    ),
)
