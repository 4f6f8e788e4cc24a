"""`hilrig trust` and `hilrig gate approve` as people type them."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gate_facts import make_manifest, make_run
from hilrig.attest.trust_root import verify_root
from hilrig.cli.gate import trust_commands, trust_options
from hilrig.cli.gate.approve_command import approve
from hilrig.cli.output import state
from hilrig.config.noun_json import to_json
from hilrig.core.errors import HilrigError, TrustError, UsageError
from trust_roots import Roots

# A command of its own application: `main` turns errors into exit codes, here they come out as they are.
GATE = typer.Typer()
GATE.command()(approve)


@pytest.fixture
def keys(tmp_path) -> Roots:
    return Roots(tmp_path)


def call(app: typer.Typer, *words: str | Path, wants_json: bool = False):
    """Call a command; return its exit code and output, or raise what it raised."""
    state.wants_json = wants_json
    try:
        done = CliRunner().invoke(app, [str(word) for word in words])
    finally:
        state.wants_json = False
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def trust(*words: str | Path, **changes):
    return call(trust_commands.app, *words, **changes)


def private(keys: Roots, name: str) -> Path:
    return keys.signer(name).public_key.with_suffix(".pem")


def public(keys: Roots, name: str) -> Path:
    return keys.signer(name).public_key


def init(keys: Roots, *more: str | Path):
    return trust("init", keys.path, "--root-key", private(keys, "root"), *more)


def test_a_root_says_who_may_sign_what(keys):
    """The words of the command line stand in the root: classes, roles, owners from the files' names."""
    done = init(
        keys,
        *("--rig", f"{public(keys, 'rig')}:x86-cpu,x86-rtx4000"),
        *("--gate", public(keys, "gate")),
        *("--approver", f"{public(keys, 'ann')}:security,quality"),
        *("--publisher", public(keys, "brings")),
    )
    assert done.exit_code == 0
    assert "hilrig trust show" in done.output
    root = verify_root(keys.path.read_bytes(), previous=None)
    by_owner = {key.owner: key for key in root.keys.values()}
    assert by_owner["rig"].device_classes == ("x86-cpu", "x86-rtx4000")
    assert by_owner["gate"].device_classes == ("*",)
    assert by_owner["ann"].approver_roles == ("quality", "security")
    assert set(root.roles) == {"root", "rig", "gate", "approver", "publisher"}


def test_two_people_make_a_root_and_rotate_it(keys):
    """The first signs, the second signs, it counts; a key is revoked by both, and show says so."""
    done = init(keys, "--root", public(keys, "root2"), "--rig", public(keys, "rig"))
    assert "it does not count yet" in done.output
    assert trust("show", keys.path, "--waiting").exit_code == 30
    assert trust("sign", keys.path, "--root-key", private(keys, "root2")).exit_code == 0
    assert trust("show", keys.path).exit_code == 0
    both = ("--root-key", private(keys, "root"), "--root-key", private(keys, "root2"))
    assert trust("rotate", keys.path, *both, "--revoke", public(keys, "rig")).exit_code == 0
    shown = trust("show", keys.path)
    assert "version 2" in shown.output
    assert "REVOKED at" in shown.output


def test_show_as_json_is_one_object(keys):
    """With everything that the page says, and the exit code."""
    init(keys, "--rig", f"{public(keys, 'rig')}:x86-cpu")
    done = trust("show", keys.path, "--json", wants_json=True)
    shown = json.loads(done.stdout)
    assert (shown["version"], shown["exit_code"], shown["expired"], shown["lacks"]) == (1, 0, False, [])
    assert shown["signed_by"] == [keys.key("root").fingerprint]
    assert shown["keys"][keys.key("rig").fingerprint]["device_classes"] == ["x86-cpu"]


def test_a_key_is_named_by_its_file_or_its_fingerprint(keys):
    """The file of a stolen key may be gone: its fingerprint is enough."""
    init(keys, "--rig", public(keys, "rig"), "--gate", public(keys, "gate"))
    trust(
        *("rotate", keys.path, "--root-key", private(keys, "root")),
        *("--revoke", keys.key("rig").fingerprint, "--remove", public(keys, "gate")),
    )
    root = verify_root(keys.path.read_bytes(), previous=None)
    assert root.keys[keys.key("rig").fingerprint].revoked_at_utc
    assert "gate" not in root.roles


def test_keys_may_count_from_a_day_before(keys):
    """For runs that were made before the root was."""
    init(keys, "--rig", public(keys, "rig"), "--keys-from", "2026-01-01")
    root = verify_root(keys.path.read_bytes(), previous=None)
    assert root.keys[keys.key("rig").fingerprint].not_before_utc == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--approver", "ann"), "does not say as whom"),
        (("--root", "ann:x86-cpu"), "has no classes"),
        (("--rig", "root"), "it cannot be a rig key too"),
        (("--rig", "ann:"), "cannot be meant"),
        (("--rig", "ann:x86 cpu"), "cannot be meant"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused(keys, words, message):
    """With the reason, and no file is written."""
    option, text = words
    name, colon, rest = text.partition(":")
    with pytest.raises(HilrigError, match=message):
        init(keys, option, f"{public(keys, name)}{colon}{rest}")
    assert not keys.path.exists()


def test_a_private_key_is_never_named_as_a_public_one(keys):
    """`--rig KEY.pem` would ask for the half that stays on its machine."""
    with pytest.raises(TrustError, match="is a private key"):
        init(keys, "--rig", private(keys, "rig"))


def test_a_token_is_the_owner_of_its_key():
    """A key in a token has no file to be named after: the token's label and the key's id name it."""
    assert trust_options._owner(Path("hsm:2?label=plant+gate")) == "hsm 2 plant gate"
    assert trust_options._owner(Path("keys/ann.pub")) == "ann"


def test_without_a_root_key_nothing_is_made(keys):
    """Nobody signs: said with the option."""
    with pytest.raises(UsageError, match="no root key signs"):
        trust("init", keys.path, "--rig", public(keys, "rig"))


def test_a_release_is_approved(keys, tmp_path):
    """`gate approve RELEASE` writes the approval, says what was signed and what comes next."""
    release = tmp_path / "release"
    release.mkdir()
    manifest = make_manifest([make_run("reports/run-1")])
    (release / "release_manifest.json").write_bytes(to_json(manifest))
    words = ("--role", "quality", "--reason", "known", "--waive", "rollout-plan", "--key", private(keys, "ann"))
    done = call(GATE, release, *words)
    assert done.exit_code == 0
    assert "weld-station 1.4.0 for x86-cpu" in done.output
    assert "may stay open: rollout-plan" in done.output
    assert "hilrig gate check" in done.output
    answer = json.loads(call(GATE, release, *words, "--json", wants_json=True).stdout)
    assert answer["key_fingerprint"] == keys.key("ann").fingerprint
    assert Path(answer["approval"]).is_file()
