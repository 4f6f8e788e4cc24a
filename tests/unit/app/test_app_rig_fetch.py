import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.app.finished.conclude import conclude
from hilrig.app.rigs.fetch import INCOMING, accept, fetch
from hilrig.attest.keys import create_key, load_signer
from hilrig.core.errors import PreconditionError, TrustError
from hilrig.core.rig import RigSpec
from hilrig.record.remote import RemoteRun, read_remote, write_remote
from hilrig.rig.agent_call import LinkBrokenError

GOLDEN = Path(__file__).parents[2] / "golden" / "run_format_1"


def spec(name: str = "bench") -> RigSpec:
    return RigSpec(name=name, transport="ssh", device_class="x86-cpu", work_folder="work")


class LyingLink:
    """A link to a rig that lists and sends what a test says: `files` are what it sends by path."""

    def __init__(self, files: dict[str, bytes], listed: list | None = None) -> None:
        self.spec = spec()
        self.files = files
        self.listed = [self.entry(path) for path in files] if listed is None else listed
        self.asked: list[dict] = []
        self.breaks_after: int | None = None

    def entry(self, path: str) -> dict:
        data = self.files[path]
        return {"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def call(self, verb, arguments, **options):
        return {"ok": True, "run_dir": "x", "files": self.listed}

    def stream(self, verb, arguments, **options):
        for one in arguments["paths"]:
            self.asked.append(one)
            data = self.files[one["path"]]
            yield {"path": one["path"], "size": len(data), "at": one["at"]}
            if self.breaks_after is not None:
                yield data[one["at"] : self.breaks_after]
                raise LinkBrokenError("cut")
            yield data[one["at"] :]
        yield {"ok": True}


def fetched(link: LyingLink, run_dir: Path) -> dict[str, str]:
    return fetch(link, run_dir, "r1", on_progress=lambda progress: None)


def test_files_arrive_whole_and_wait_until_all_of_them_hold(tmp_path):
    """Nothing is in the run directory itself before the signature was looked at."""
    link = LyingLink({"result.json": b"{}", "sub/a.bin": b"12345", "empty": b""})
    digests = fetched(link, tmp_path)
    assert digests == {entry["path"]: entry["sha256"] for entry in link.listed}
    assert (tmp_path / INCOMING / "sub" / "a.bin").read_bytes() == b"12345"
    assert [path.name for path in tmp_path.iterdir()] == [INCOMING]


def test_a_broken_download_is_gone_on_with(tmp_path):
    """The second try asks for the bytes that are missing, and for nothing twice."""
    link = LyingLink({"a.bin": b"0123456789"})
    link.breaks_after = 4
    with pytest.raises(LinkBrokenError):
        fetched(link, tmp_path)
    link.breaks_after = None
    fetched(link, tmp_path)
    assert [one["at"] for one in link.asked] == [0, 4]
    assert (tmp_path / INCOMING / "a.bin").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    "path",
    [
        "../up",
        "/etc/cron.d/x",
        "a/../../b",
        "a\\..\\b",
        "",
        ".",
        "a//b",
        "a\nb",
        "\x1b[2J",
        7,
        None,
        ".incoming/x",
    ],
)
def test_a_name_that_climbs_is_refused_before_anything_is_written(tmp_path, path):
    """A rig cannot choose a file outside of the run's directory."""
    listed = [{"path": path, "size": 1, "sha256": "0" * 64}]
    with pytest.raises(TrustError, match="lists files as no rig does"):
        fetched(LyingLink({}, listed), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "listed",
    [
        [{"path": "a", "size": -1, "sha256": "0" * 64}],
        [{"path": "a", "size": True, "sha256": "0" * 64}],
        [{"path": "a", "size": 1, "sha256": "../../x"}],
        [{"path": "a", "size": 1}],
        ["a"],
        7,
        [{"path": "a", "size": 1, "sha256": "0" * 64}, {"path": "A", "size": 1, "sha256": "0" * 64}],
        [{"path": "remote.json", "size": 1, "sha256": "0" * 64}],
        [{"path": f"f{number}", "size": 0, "sha256": "0" * 64} for number in range(10_001)],
    ],
)
def test_a_list_that_no_rig_makes_is_refused(tmp_path, listed):
    """Sizes, digests, doubles, our own file, too many: nothing is written."""
    with pytest.raises(TrustError):
        fetched(LyingLink({}, listed), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_does_not_fit_on_this_disk_is_refused(tmp_path):
    """A rig that lists 8 EiB fills no disk."""
    listed = [{"path": "a", "size": 1 << 63, "sha256": "0" * 64}]
    with pytest.raises(PreconditionError, match="MiB free"):
        fetched(LyingLink({}, listed), tmp_path)


def test_a_file_that_changed_on_its_way_is_named_and_kept_apart(tmp_path):
    """It stays as .part, which nothing presents as finished; the next try fetches it anew."""
    link = LyingLink({"a.bin": b"good", "b.bin": b"good"})
    link.files["b.bin"] = b"evil"
    with pytest.raises(TrustError, match="b.bin from rig bench is not what the rig listed"):
        fetched(link, tmp_path)
    assert (tmp_path / INCOMING / "b.bin.part").read_bytes() == b"evil"
    link.files["b.bin"] = b"good"
    fetched(link, tmp_path)
    assert [one["path"] for one in link.asked] == ["a.bin", "b.bin", "b.bin"]


def test_another_file_than_asked_for_is_refused(tmp_path):
    """A rig that answers with another size or name is not listened to."""
    link = LyingLink({"a.bin": b"good"})
    link.files["a.bin"] = b"longer than listed"
    with pytest.raises(TrustError, match="was asked for"):
        fetched(link, tmp_path)


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    """Return a run that was judged and signed with all its views, and the public key."""
    folder = tmp_path_factory.mktemp("signed")
    key = create_key(folder / "keys", "rig", passphrase=None)
    shutil.copytree(GOLDEN, folder / "run")
    (folder / "run" / "result.json").unlink()
    conclude(folder / "run", load_signer(key.private_path, passphrase=None))
    return folder / "run", key.public_path


@pytest.fixture
def waiting(tmp_path, signed):
    """Return a mirror with a fetched run in it, and what it is expected to be."""
    run_dir = tmp_path / "run"
    shutil.copytree(signed[0], run_dir / INCOMING)
    result = json.loads((signed[0] / "result.json").read_text())
    remote = RemoteRun(
        rig=spec(result["rig"]), run_id=result["run_id"], boot_id="b", profile_sha256=result["profile_sha256"]
    )
    write_remote(run_dir, remote)
    (run_dir / "stop.json").write_text("{}")  # a request that came too late
    return run_dir, remote


def digests_of(run_dir: Path) -> dict[str, str]:
    folder = run_dir / INCOMING
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_an_accepted_run_is_the_directory_and_nothing_else_is_in_it(waiting, signed):
    """After the check the mirror is the run: no remote.json, no late request, every file of the rig."""
    run_dir, remote = waiting
    digests = digests_of(run_dir)
    exit_code = accept(run_dir, digests, remote, signed[1])
    assert exit_code == json.loads((run_dir / "result.json").read_text())["exit_code"]
    assert {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()} == set(digests)
    assert read_remote(run_dir) is None


@pytest.mark.parametrize("name", ["result.json", "frames.arrows", "report.html", "attestation.dsse.json"])
def test_a_run_with_one_changed_byte_is_not_accepted_even_when_the_rig_lists_it_so(waiting, signed, name):
    """The list says nothing about who made a file: the signature does."""
    run_dir, remote = waiting
    path = run_dir / INCOMING / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrustError, match="is not what its key signed"):
        accept(run_dir, digests_of(run_dir), remote, signed[1])
    assert not (run_dir / "result.json").exists()


def test_a_run_signed_by_another_key_is_not_accepted(waiting, tmp_path):
    """Only the key that a person accepted for this rig counts."""
    run_dir, remote = waiting
    other = create_key(tmp_path / "keys", "other", passphrase=None).public_path
    with pytest.raises(TrustError, match="is not what its key signed"):
        accept(run_dir, digests_of(run_dir), remote, other)


@pytest.mark.parametrize("change", [{"run_id": "other"}, {"profile_sha256": "0" * 64}, {"rig": spec("other")}])
def test_a_good_run_that_is_not_the_one_that_was_sent_is_not_accepted(waiting, signed, change):
    """An old PASS of the same rig, well signed, does not stand for this run."""
    run_dir, remote = waiting
    with pytest.raises(TrustError, match="not the one that was sent"):
        accept(run_dir, digests_of(run_dir), replace(remote, **change), signed[1])
    assert not (run_dir / "result.json").exists()
