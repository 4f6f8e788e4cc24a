"""The keys of log lines that others rest on.

Playbooks read them, and so do release checks.
"""

from typing import Final

LINE_KEYS: Final = ("at_utc", "event", "seq", "node", "error_code")
"""In every line: what happened, the number of the line in its process, whose it is, its error code or nothing."""

IDENTITY_KEYS: Final = ("model_hash", "config_version", "runtime_version", "delegate_active")
"""In every line; empty where that is not known (yet)."""

MEASURED_KEYS: Final = ("load_time_ms", "p50_ms", "p95_ms", "peak_ram_mb", "dropped_frames", "thermal_state")
"""In every line, null but where they are known: `service.serving` at each load, `service.window` each minute."""

STANDARD_KEYS: Final = (*IDENTITY_KEYS, *MEASURED_KEYS, "error_code")
"""The eleven keys that every line of a release's log must have."""

EVERY_LINE: Final = (*LINE_KEYS, *IDENTITY_KEYS, *MEASURED_KEYS)
"""What no line may lack."""
