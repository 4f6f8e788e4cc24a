"""The host key of a rig that is reached over ssh: shown, accepted, compared."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilrig.app.rigs.line import ssh_way
from hilrig.core.errors import TrustError
from hilrig.core.rig import RigSpec

if TYPE_CHECKING:
    from hilrig.rig.ssh.host_keys import HostKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKeys:
    """The keys of one rig.

    Args:
        offered: what it shows now; nobody has logged in for it.
        accepted: what was accepted before; empty: it has not been enrolled.
    """

    offered: "tuple[HostKey, ...]"
    accepted: "tuple[HostKey, ...]"

    @property
    def are_known(self) -> bool:
        """Return whether everything that it shows was accepted before."""
        before = {key.fingerprint for key in self.accepted}
        return bool(before) and all(key.fingerprint in before for key in self.offered)


def host_keys(rig: RigSpec) -> HostKeys | None:
    """Return a rig's host keys; None where no ssh is on the way, so that there is nothing to accept.

    Raises:
        RigLostError: nothing answers.
        PreconditionError: there is no ssh on this machine.
    """
    from hilrig.rig.ssh.host_keys import accepted_keys, offered_keys

    options = ssh_way(rig)
    if options is None:
        return None
    folder = Path(rig.folder)
    return HostKeys(offered=offered_keys(options, rig.name, folder), accepted=accepted_keys(options, folder))


def accept_host_key(
    rig: RigSpec, *, replace: bool, is_right: "Callable[[HostKey], bool]"
) -> "tuple[HostKey, ...]":
    """Ask for every key that the rig shows whether it is the right one, and write it down; return what was new.

    Raises:
        TrustError: a key is not the right one, or another was accepted before and `replace` is not asked for.
        PreconditionError: the file of accepted keys cannot be written.
    """
    from hilrig.rig.ssh.host_keys import accept

    keys, options = host_keys(rig), ssh_way(rig)
    if keys is None or options is None or keys.are_known:
        return ()
    for key in keys.offered:
        if not is_right(key):
            raise TrustError(
                f"the host key {key.fingerprint} of rig {rig.name} was not accepted",
                hint="compare it on the rig: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
            )
        accept(options, Path(rig.folder), key, replace=replace)
    return keys.offered
