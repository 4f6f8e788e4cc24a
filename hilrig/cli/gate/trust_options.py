"""What people type to name the keys of a trust root.

Here are the options of the commands that make trust roots, and what reads the keys named in them.
"""

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.core.errors import UsageError
from hilrig.core.trust import ANY_CLASS, TOKEN_SCHEME, Role
from hilrig.core.units import NS_PER_S

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from hilrig.app.trust.making import NewKey

CLASSES = "FILE.pub[:CLASS,...]"

Trust = Annotated[Path, typer.Argument(help="The trust root.")]
RootKeys = Annotated[
    list[Path] | None,
    typer.Option(
        "--root-key", help="A root's private key, which signs: a file, or hsm:ID?label=TOKEN; may be given again."
    ),
]
Roots = Annotated[
    list[str] | None,
    typer.Option("--root", metavar="FILE.pub", help="A root key whose owner signs elsewhere: hilrig trust sign."),
]
Rigs = Annotated[
    list[str] | None, typer.Option("--rig", metavar=CLASSES, help="A rig's key, and for which device classes.")
]
Gates = Annotated[
    list[str] | None, typer.Option("--gate", metavar=CLASSES, help="A gate's key, and for which device classes.")
]
Approvers = Annotated[
    list[str] | None,
    typer.Option("--approver", metavar="FILE.pub:ROLE,...", help="A person's key, and as whom they may approve."),
]
Publishers = Annotated[
    list[str] | None,
    typer.Option("--publisher", metavar=CLASSES, help="A key of desired states, and for which device classes."),
]
Threshold = Annotated[
    int | None,
    typer.Option(
        min=1, help="How many root keys must sign the next root. [default: as before; first 2, or 1 of 1]"
    ),
]
ExpiresDays = Annotated[float, typer.Option(min=0.01, max=3660, help="How long the trust root holds.")]
KeyDays = Annotated[float, typer.Option(min=0.01, max=7320, help="How long an added key counts.")]
Remove = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE.pub|SHA256:...", help="A key that is forgotten: what it signed no longer verifies."
    ),
]
Revoke = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.pub|SHA256:...", help="A key that was lost or stolen: nothing it signed counts."),
]
KeysFrom = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"],
        help="From when an added key counts, in UTC. [default: now]",
        show_default=False,
    ),
]


def root_signers(paths: Sequence[Path], passphrase: bytes | None) -> list["Signer"]:
    """Return the signers of root keys. The passphrase is of all that have one.

    Raises:
        UsageError: there is none.
    """
    from hilrig.attest.keys import load_signer

    if not paths:
        raise UsageError("no root key signs", hint="--root-key KEY.pem")
    return [load_signer(path, passphrase=passphrase) for path in paths]


def signing_root_keys(
    signers: Sequence["Signer"], paths: Sequence[Path], keys_from: datetime | None
) -> list["NewKey"]:
    """Return the public halves of the first root's signers; each owner is named as the key's file or token."""
    from hilrig.app.trust.making import NewKey
    from hilrig.attest.public_key import public_key_of_signer

    return [
        NewKey(
            role=Role.ROOT,
            public_key=public_key_of_signer(signer),
            owner=_owner(path),
            not_before_ns=_ns(keys_from),
        )
        for signer, path in zip(signers, paths, strict=True)
    ]


def named_keys(
    *,
    root: Sequence[str] | None,
    rig: Sequence[str] | None,
    gate: Sequence[str] | None,
    approver: Sequence[str] | None,
    publisher: Sequence[str] | None,
    keys_from: datetime | None,
) -> list["NewKey"]:
    """Return the keys that a person named: `FILE.pub`, `FILE.pub:CLASS,...`, of an approver `FILE.pub:ROLE,...`.

    Raises:
        UsageError: an approver's key has no role, or a root's key a class.
        TrustError: a file is no public key.
    """
    given = {
        Role.ROOT: root,
        Role.RIG: rig,
        Role.GATE: gate,
        Role.APPROVER: approver,
        Role.PUBLISHER: publisher,
    }
    return [_new_key(role, text, _ns(keys_from)) for role, texts in given.items() for text in texts or ()]


def fingerprints(texts: Sequence[str] | None) -> frozenset[str]:
    """Return the keys that a person named by file or by fingerprint."""
    from hilrig.attest.keys import load_public_keys

    named = {text for text in texts or () if text.startswith("SHA256:")}
    files = [Path(text) for text in texts or () if text not in named]
    return frozenset(named | {key.fingerprint for key in load_public_keys(files)})


def _new_key(role: Role, text: str, not_before_ns: int | None) -> "NewKey":
    from hilrig.app.trust.making import NewKey
    from hilrig.attest.keys import load_public_keys

    path, words = _split(text)
    if role is Role.APPROVER and not words:
        raise UsageError(f"--approver {text} does not say as whom", hint=f"--approver {text}:security")
    if role is Role.ROOT and words:
        raise UsageError(f"--root {text}: a root's key has no classes", hint=f"--root {path}")
    (key,) = load_public_keys([path])
    return NewKey(
        role=role,
        public_key=key,
        owner=_owner(path),
        device_classes=(ANY_CLASS,) if role is Role.APPROVER or not words else words,
        approver_roles=words if role is Role.APPROVER else (),
        not_before_ns=not_before_ns,
    )


def _split(text: str) -> tuple[Path, tuple[str, ...]]:
    """Return file and words; what stands behind the last colon are words unless a path goes on there."""
    file, separator, words = text.rpartition(":")
    if not separator or "/" in words:
        return Path(text), ()
    return Path(file), tuple(words.split(","))


def _owner(path: Path) -> str:
    """Return what a key's owner is called: its file's name, or the token with its key."""
    if str(path).startswith(TOKEN_SCHEME):
        return " ".join(str(path).replace("?label=", " ").split(":")).replace("+", " ")
    return path.stem


def _ns(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.replace(tzinfo=timezone.utc).timestamp()) * NS_PER_S
