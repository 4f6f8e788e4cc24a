"""Which releases a store refuses to put on trial, whoever asks."""

from collections.abc import Mapping

from hilrig.core.errors import UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node.release_files import ReleaseFolder
from hilrig.node.safe_files import is_sha256
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


def refuse_barred(sha256: str, state: StoreState, allow_barred_by: int | None) -> None:
    """Refuse a release that failed here, unless a desired state newer than that moment asks for it again."""
    at = state.barred.get(sha256)
    if at is not None and (allow_barred_by is None or allow_barred_by <= at):
        raise StoreFault(
            f"the release {sha256[:12]} was rolled back on this node under the desired state {at}",
            code=RELEASE_REFUSED,
            hint="publish another, or a newer desired state that allows it again (--allow-again)",
        )


def refuse_senseless(sha256: str) -> None:
    """Refuse what is no release's digest: a state that names it could not be read again."""
    if not is_sha256(sha256):
        raise UsageError(f"{sha256!a:.80} is no sha256", hint="64 digits of lower-case hex")


def refuse_running(sha256: str, state: StoreState) -> None:
    """Refuse to bar what runs, or is to run at the next start."""
    if sha256 in {state.current, state.candidate}:
        raise UsageError(
            f"{sha256[:12]} runs on this node", hint=f"hilrig node rollback {sha256[:12]} --reason TEXT"
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
