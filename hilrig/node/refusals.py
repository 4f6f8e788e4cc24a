"""Which releases a store refuses to put on trial, whoever asks."""

from collections.abc import Mapping

from hilrig.core.errors import UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node.release_files import ReleaseFolder
from hilrig.node.store_fault import RELEASE_REFUSED, StoreFault
from hilrig.node.transitions import StoreState


def refuse_below(release: ReleaseFolder, state: StoreState) -> None:
    """Refuse a release that is older than the way back: mistakes that were mended must not return."""
    if release.manifest.sequence < state.min_sequence:
        raise StoreFault(
            f"{release} has the sequence {release.manifest.sequence}; this node takes {state.min_sequence} and up",
            code=RELEASE_REFUSED,
            hint="publish it anew with a higher sequence",
        )


def refuse_barred(release: ReleaseFolder, state: StoreState, allow_barred_by: int | None) -> None:
    """Refuse a release that was rolled back, unless a desired state newer than that moment asks for it again."""
    at = state.barred.get(release.sha256)
    if at is not None and (allow_barred_by is None or allow_barred_by <= at):
        raise StoreFault(
            f"{release} was rolled back on this node under the desired sequence {at}",
            code=RELEASE_REFUSED,
            hint="publish another, or a newer desired state that asks for this one again",
        )


def refuse_second(state: StoreState) -> None:
    """Refuse a second candidate while one is on trial."""
    if state.candidate is not None:
        raise StoreFault(
            f"{state.candidate[:12]} is on trial",
            code=RELEASE_REFUSED,
            hint="end that first: hilrig node confirm, or hilrig node rollback --reason TEXT",
        )


def find_release(releases: Mapping[str, ReleaseManifest], name: str) -> str:
    """Return the sha256 of the one release that `name` means: its first characters, or its model's name.

    Raises:
        UsageError: there is none, or more than one.
    """
    if name in releases:
        return name
    hits = [sha for sha, manifest in releases.items() if name and (sha.startswith(name) or manifest.name == name)]
    if len(hits) == 1:
        return hits[0]
    here = ", ".join(f"{sha[:12]} {manifest.name} {manifest.version}" for sha, manifest in releases.items())
    fits = f"{len(hits)} releases fit {name!a}" if hits else f"no release fits {name!a}"
    raise UsageError(f"{fits}; the store has: {here or 'none'}", hint="name it by its sha256")
