"""What is deployed: code as an image, a model as a release, each with a version of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hilrig.attest.desired_state import DESIRED_FILE, DesiredState
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.release import RELEASE_FILE, ReleaseManifest
from hilrig.node.agent.download import read_small
from hilrig.node.agent.places import is_web, place_of_release

MANIFEST_BYTES_MAX: Final = 1 << 20
_IMAGE: Final = re.compile(r"[a-z0-9][A-Za-z0-9._:/-]{0,254}(@sha256:[0-9a-f]{64})?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that the files of a deployment are made of.

    Args:
        code_version: of hilrig inside the image.
        image: of the code; with a digest it is the same one everywhere.
        desired: what nodes are told.
        desired_file: its envelope, as it was signed.
        desired_url: where agents look for a newer one; empty: only the file that is deployed with them.
        manifest: of the release.
        keys: public keys in PEM by their path in a store, `keys/gate/NAME.pub` and `keys/desired/NAME.pub`.
        plc_url: of the PLC that gets every decision; empty for none.
    """

    code_version: str
    image: str
    desired: DesiredState
    desired_file: bytes
    desired_url: str
    manifest: ReleaseManifest
    keys: Mapping[str, bytes] = field(default_factory=dict)
    plc_url: str = ""

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise UsageError(f"'{self.image}' is no image", hint="registry/name:tag or registry/name@sha256:…")
        if not _TAG.fullmatch(self.code_version):
            raise UsageError(f"'{self.code_version}' can be no version of an image")
        if not self.desired_url and not is_web(self.desired.release_url):
            raise UsageError(
                f"the release is at '{self.desired.release_url}', which a container cannot reach",
                hint="say where the desired state is served: --desired-url https://…/" + DESIRED_FILE,
            )

    @property
    def needs_gpu(self) -> bool:
        """Return whether the device class has an accelerator."""
        return not self.desired.device_class.endswith("-cpu")

    def code_facts(self) -> dict[str, str]:
        """Return what is known of the code, by name."""
        return {"code-version": self.code_version, "image": self.image}

    def model_facts(self) -> dict[str, str]:
        """Return what is known of the model, by name: never part of anything that restarts a container."""
        return {
            "model-name": self.manifest.name,
            "model-version": self.manifest.version,
            "model-bundle-sha256": self.manifest.bundle_sha256,
            "release-sha256": self.desired.release_sha256,
            "desired-sequence": str(self.desired.sequence),
        }


def read_manifest(desired: DesiredState, *, found_at: Path) -> ReleaseManifest:
    """Return the manifest of the release that a desired state names, read where it says.

    Raises:
        TrustError: it is not the one that was signed for.
        DownloadError: it cannot be had.
    """
    place = place_of_release(desired.release_url, found_at=str(found_at))
    data = read_small(place, RELEASE_FILE, max_bytes=MANIFEST_BYTES_MAX)
    if sha256_hex(data) != desired.release_sha256:
        raise TrustError(
            f"{place}/{RELEASE_FILE} has the sha256 {sha256_hex(data)[:12]}…, "
            f"the desired state names {desired.release_sha256[:12]}…",
            hint="publish the release and its desired state again",
        )
    return from_json(ReleaseManifest, data, what=f"{place}/{RELEASE_FILE}")
