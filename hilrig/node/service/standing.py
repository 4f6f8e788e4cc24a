"""Where the node stands, as JSON: what serves, what the store has beside it, how it has done."""

from collections.abc import Mapping
from typing import Any

from hilrig.node.service.serving import Serving


def status_json(serving: Serving, store: Mapping[str, Any]) -> dict[str, Any]:
    """Return `GET /node/status`: the store's own status, with `active` as what really serves at this moment."""
    release = serving.release if serving.is_ready else None
    active = None
    if release is not None:
        active = {
            "release_sha256": release.sha256,
            "name": release.manifest.name,
            "version": release.manifest.version,
            "sequence": release.manifest.sequence,
            "bundle_sha256": release.manifest.bundle_sha256,
        }
    late = "HR-203" if serving.error_code == "" and not serving.is_ready else ""
    return {**store, "ready": serving.is_ready, "error_code": serving.error_code or late, "active": active}


def window_json(serving: Serving) -> dict[str, Any]:
    """Return `GET /node/window`."""
    shadow = serving.shadow
    return {**serving.window.as_json(), "shadow": None if shadow is None else shadow.window.as_json()}
