"""Looking at a trust root without believing it: what it says, who signed it, what it lacks."""

from dataclasses import dataclass
from pathlib import Path

from hilrig.app.trust.floor import read_floor
from hilrig.app.trust.making import waiting_path
from hilrig.app.trust.trust import floor_path, read_root_file
from hilrig.attest.trust_root import RootSignatures, inspect_root, root_validity, verify_root
from hilrig.core.errors import UsageError
from hilrig.core.exits import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class RootLook:
    """A trust root that was looked at; `older_than`: a newer version was seen here; 0: none."""

    path: Path
    signatures: RootSignatures
    is_over: bool
    older_than: int

    @property
    def exit_code(self) -> ExitCode:
        """Return what its use would come to."""
        if self.signatures.lacks or self.older_than:
            return ExitCode.TRUST
        return ExitCode.EXPIRED if self.is_over else ExitCode.OK

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return why it does not hold; nothing when it does."""
        lacks = tuple(f"it does not count yet: it {sentence}" for sentence in self.signatures.lacks)
        older = (f"a newer root was seen here, version {self.older_than}",) if self.older_than else ()
        over = ("it is over: hilrig trust rotate",) if self.is_over else ()
        return lacks + older + over


def look_at(path: Path, *, waiting: bool, now_ns: int, floor: Path | None = None) -> RootLook:
    """Return what the root at `path` says, or the next version that waits beside it.

    Raises:
        UsageError: none waits.
        TrustError: it is malformed, or a signature does not hold.
    """
    previous = None
    if waiting:
        if not waiting_path(path).exists():
            raise UsageError(f"no root waits for signatures beside {path}", hint=f"hilrig trust show {path}")
        previous = verify_root(read_root_file(path), previous=None, name=str(path)) if path.exists() else None
        path = waiting_path(path)
    signatures = inspect_root(read_root_file(path), previous=previous, name=str(path))
    seen = read_floor(floor or floor_path())
    newest = seen.root.version if seen else 0
    return RootLook(
        path=path,
        signatures=signatures,
        is_over=now_ns >= root_validity(signatures.root).expires_ns,
        older_than=newest if newest > signatures.root.version else 0,
    )
