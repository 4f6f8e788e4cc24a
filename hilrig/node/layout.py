"""Where things are in a store."""

from typing import Final

BLOBS: Final = "blobs/sha256"
RELEASES: Final = "releases"
QUARANTINE: Final = "quarantine"
STATE_FOLDER: Final = "state"
TMP: Final = "tmp"
GATE_KEYS: Final = "keys/gate"
DESIRED_KEYS: Final = "keys/desired"
LOCK: Final = "lock"

STATE: Final = f"{STATE_FOLDER}/active.json"
STATE_BEFORE: Final = f"{STATE_FOLDER}/active.json.1"
STATE_NEW: Final = f"{STATE_FOLDER}/active.json.new"
JOURNAL: Final = f"{STATE_FOLDER}/journal.jsonl"

FOLDERS: Final = (
    "keys",
    GATE_KEYS,
    DESIRED_KEYS,
    "blobs",
    BLOBS,
    RELEASES,
    QUARANTINE,
    STATE_FOLDER,
    TMP,
)
"""Every folder of a store, the outer ones first."""
