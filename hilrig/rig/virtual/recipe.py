"""What a virtual rig's image is made of. Its digest names the image: another recipe, another image."""

from pathlib import Path
from typing import Final

from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.rig.virtual import initramfs, site_packages

FILES: Final = Path(__file__).parent / "image"
SUITE: Final = "bookworm"
"""Debian 12: Python 3.11. hilrig's packages are taken for that Python."""

PACKAGES: Final = ("openssh-server", "iproute2", "python3", "kmod")
EXCLUDED: Final = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
DISK_SIZE: Final = "6G"
"""Seen by the guest; the file has holes and takes what is used: about 1 GiB."""

FORMAT: Final = 1
"""Raised when the steps of the build change in a way that its files and lists do not show."""


def recipe_sha256() -> str:
    """Return the digest over everything that decides what is in the image, but the Debian archive's own state."""
    scripts = {path.name: sha256_hex(path.read_bytes()) for path in sorted(FILES.iterdir()) if path.is_file()}
    return sha256_hex(
        canonical_json(
            {
                "format": FORMAT,
                "suite": SUITE,
                "packages": PACKAGES,
                "excluded": EXCLUDED,
                "disk_size": DISK_SIZE,
                "drivers": initramfs.DRIVERS,
                "python_packages": [*site_packages.required(), *site_packages.pins()],
                "scripts": scripts,
            }
        )
    )
