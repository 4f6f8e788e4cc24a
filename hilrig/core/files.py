"""Names of the files in a run directory."""

from typing import Final

PROFILE: Final = "profile.yaml"
PLAN: Final = "plan.json"
RIG: Final = "rig.json"
FEED: Final = "feed.json"
FLOOR: Final = "floor.json"
ACCELERATOR: Final = "accelerator.json"
BASELINE: Final = "baseline.json"
POWER_LOSS: Final = "power_loss.json"
COMPANIONS: Final = "companions.json"
ACTUATIONS: Final = "actuations.arrows"
THUMBNAILS: Final = "thumbnails.json"
STOP_REQUEST: Final = "stop.json"
FRAMES: Final = "frames.arrows"
FRAMES_JOURNAL: Final = "frames.journal"
TELEMETRY: Final = "telemetry.arrows"
TELEMETRY_JOURNAL: Final = "telemetry.journal"
EVENTS: Final = "events.jsonl"
STATUS: Final = "status.json"
FRAMES_TABLE: Final = "frames.parquet"
TELEMETRY_TABLE: Final = "telemetry.parquet"

RESULT: Final = "result.json"
ATTESTATION: Final = "attestation.dsse.json"
SIGSTORE_BUNDLE: Final = "attestation.sigstore.json"
VIEWS: Final = "views.dsse.json"

REPORT_HTML: Final = "report.html"
REPORT_PNG: Final = "report.png"
JUNIT: Final = "junit.xml"
SUMMARY: Final = "summary.md"

EVIDENCE_FILES: Final = (
    PROFILE,
    PLAN,
    RIG,
    FEED,
    FLOOR,
    ACCELERATOR,
    BASELINE,
    POWER_LOSS,
    COMPANIONS,
    ACTUATIONS,
    THUMBNAILS,
    STOP_REQUEST,
    FRAMES,
    FRAMES_JOURNAL,
    TELEMETRY,
    TELEMETRY_JOURNAL,
    EVENTS,
    STATUS,
    FRAMES_TABLE,
    TELEMETRY_TABLE,
)
"""What a run may leave behind before it is judged: result.json holds the sha256 of each that is there."""

CONFIGURATION_FILES: Final = (PROFILE, PLAN, RIG)
"""What was asked, resolved, and on what it ran: written before the first frame."""

VIEW_FILES: Final = (REPORT_HTML, REPORT_PNG, JUNIT, SUMMARY)
"""Renderings of result.json."""
