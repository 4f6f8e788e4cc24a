"""Playbook: an update succeeded, but nothing changed."""

from typing import Final

from hilrig.core.playbook import Cause, Diagnostic, Playbook

UPDATE_WITHOUT_EFFECT: Final = Playbook(
    playbook_id="update-without-effect",
    title="Update succeeded but behaviour did not change",
    symptom="The node reports an update, but decides as before; versions of nodes and of the rollout do not "
    "agree.",
    impact="A fix that the line waits for is not there; nobody knows which model decides.",
    mitigations=(
        "Pause the rollout: publish no newer desired state.",
        "Have the node look again, every file hashed: restart its service; hilrig node status --store STORE",
    ),
    diagnostics=(
        Diagnostic(
            step_id="active-downloaded",
            title="Confirm active and downloaded versions",
            look_at="releases/ against state/active.json, `GET /node/status`, log key `model_hash`. Expected: the "
            "release with the highest sequence is the active one.",
            collect="the store's folder and the service's URL: hilrig triage STORE URL",
        ),
        Diagnostic(
            step_id="activation-conditions",
            title="Check activation conditions",
            look_at="the journal's `activate`; HR-302 and HR-303 in the log; canary_nodes, device_class and "
            "expiry of "
            "the desired state. Expected: an activation after the release came.",
            collect="the node's log and desired.dsse.json: hilrig triage STORE --log FILE",
        ),
        Diagnostic(
            step_id="rollback",
            title="Check rollback logic",
            look_at="`rollback`, `bar` and `damaged` in state/journal.jsonl, `barred` of the state; HR-104, "
            "HR-105, "
            "HR-306. Expected: none.",
            collect="the store's folder: hilrig triage STORE",
        ),
        Diagnostic(
            step_id="caching",
            title="Check caching layers",
            look_at="`active` of `GET /node/status` against the store's state. Expected: the same release.",
            collect="both the store and the URL: hilrig triage STORE http://HOST:PORT",
        ),
        Diagnostic(
            step_id="manifest-consistency",
            title="Validate manifest consistency",
            look_at="config_version, labels and bundle_sha256 of release.json and of its decision; releases "
            "with the "
            "same version and other contents. Expected: model and configuration are of one bundle.",
            collect="the store's folder: hilrig triage STORE",
        ),
    ),
    signals={
        "staged-not-active": "a release is in the store with a higher sequence than the active one",
        "never-activated": "the journal has no activation of the newest release",
        "desired-refused": "the agent refused the desired state (HR-302) or the decision (HR-303)",
        "rolled-back": "the journal tells of a rollback",
        "barred": "the newest release may not run again on this node",
        "guardrail-broken": "a guardrail was broken, or nothing proved it kept (HR-306)",
        "tries-used-up": "a candidate used up its tries (HR-104)",
        "service-holds-old": "the service serves another release than the store's state names",
        "window-of-old": "the service counts decisions of another release than it says is active",
        "same-version-other-content": "two releases of one version have other contents",
        "same-bundle-other-config": "the newest release has the same model as the one before",
        "decision-of-another-bundle": "the gate's decision is not about this release's files",
    },
    causes=(
        Cause(
            cause_id="activation-bug",
            title="Downloaded, never activated",
            signals=frozenset({"staged-not-active", "never-activated", "desired-refused"}),
            owner="backend",
            resolution="Publish a desired state with a higher sequence for this node; test update and "
            "activation in CI.",
        ),
        Cause(
            cause_id="health-check-rollback",
            title="Rolled back by a health check",
            signals=frozenset({"rolled-back", "barred", "guardrail-broken", "tries-used-up"}),
            owner="ML",
            resolution="Read the reason in the journal, mend the model, publish it with a higher sequence.",
        ),
        Cause(
            cause_id="stale-in-memory",
            title="The service holds the old model in memory",
            signals=frozenset({"service-holds-old", "window-of-old"}),
            owner="firmware",
            resolution="Reload or restart the service; alert when model_hash and the store's state differ.",
        ),
        Cause(
            cause_id="mismatched-bundle",
            title="Model and configuration are not of one bundle",
            signals=frozenset(
                {"same-version-other-content", "same-bundle-other-config", "decision-of-another-bundle"}
            ),
            owner="backend",
            resolution="Make the release anew: hilrig gate manifest; never change a version in place.",
        ),
    ),
    resolution="Report the hash of the loaded model (model_hash), test the state machine of activation, and "
    "rehearse an "
    "update with activation in CI.",
    afterwards=(
        "Keep `rollback-rehearsed` and `staged-rollout` in the gate's policy.",
        "Alert when nodes of one rollout disagree about model_hash.",
    ),
)
