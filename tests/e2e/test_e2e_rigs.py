"""`hilrig rigs enroll` as a person and a script call it, with a real sshd."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from sshd import running_sshd

pytestmark = pytest.mark.waiting


def write_ssh_rig(folder: Path, **options: object) -> None:
    """Write the rig file of a rig behind sshd."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "box.yaml").write_text(
        f"format: 1\nname: box\ntransport: ssh\ntransport_options: {json.dumps(options)}\n"
        f"device_class: x86-cpu\nwork_folder: work\npython: {sys.executable}\n"
    )


def enrolled_by_hand(bench, word: str) -> subprocess.CompletedProcess[str]:
    """Call `rigs enroll box` on a terminal and type a word."""
    near, far = pty.openpty()
    with os.fdopen(near, "r+b", buffering=0) as keyboard, os.fdopen(far, "rb", buffering=0) as terminal:
        keyboard.write(word.encode() + b"\n")
        command = [sys.executable, "-m", "hilrig", "rigs", "enroll", "box"]
        return subprocess.run(
            command,
            cwd=bench.folder,
            env=bench.environment(),
            stdin=terminal,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.long  # short: test_rig_host_keys
def test_a_host_key_is_accepted_by_a_person_or_by_its_fingerprint(bench, tmp_path: Path):
    """Never by itself: unasked 2, another fingerprint 30, the right one 0, a changed key 30 until replaced."""
    with running_sshd(tmp_path / "sshd") as sshd:
        known = bench.folder / "known"
        write_ssh_rig(bench.folder / "rigs", **{**sshd.options(), "known_hosts": str(known)})
        unasked = bench.call("rigs", "enroll", "box")
        assert unasked.code == 2, unasked
        assert "nobody is here to accept" in unasked.err
        assert not known.exists()
        wrong = bench.call("rigs", "enroll", "box", "--fingerprint", "SHA256:" + "A" * 43)
        assert wrong.code == 30, wrong
        assert enrolled_by_hand(bench, "n").returncode == 30
        assert not known.exists()
        offered = unasked.err.split("host key ")[1].split()[0]
        right = bench.call("rigs", "enroll", "box", "--fingerprint", offered, "--json")
        assert right.code == 0, right
        assert json.loads(right.out)["accepted_host_keys"][0]["fingerprint"] == offered
        assert bench.call("rigs", "list").out.endswith("free\n")
        sshd.change_host_key()
        changed = bench.call("rigs", "list")
        assert "not usable" in changed.out, changed
        new = bench.call("rigs", "enroll", "box").err.split("host key ")[1].split()[0]
        kept = bench.call("rigs", "enroll", "box", "--fingerprint", new)
        assert kept.code == 30, kept
        assert bench.call("rigs", "enroll", "box", "--fingerprint", new, "--replace").code == 0


def test_a_host_key_is_accepted_on_a_terminal(bench, tmp_path: Path):
    """A person who says yes gets both keys, and is not asked again."""
    with running_sshd(tmp_path / "sshd") as sshd:
        write_ssh_rig(bench.folder / "rigs", **{**sshd.options(), "known_hosts": str(bench.folder / "known")})
        accepted = enrolled_by_hand(bench, "y")
        assert accepted.returncode == 0, accepted
        assert "accepted host key SHA256:" in accepted.stdout
        assert (bench.folder / "home" / "keys" / "box.pub").exists()
        again = bench.call("rigs", "enroll", "box")
        assert again.code == 0, again
        assert "accepted host key" not in again.out
