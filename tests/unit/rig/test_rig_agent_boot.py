import ast
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

from agent_files import names
from hilrig.core import errors
from hilrig.rig.agent.boot import Refusal, boot, check_python
from hilrig.rig.agent.keeper_file import boot_id
from hilrig.rig.wheel import own_wheel
from other_users import as_nobody, open_to_all
from small_disks import mounted

pytestmark = pytest.mark.waiting

SOURCE = files("hilrig.rig.agent").joinpath("boot.py").read_text()


def zipped(**contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return file.getvalue()


WHEEL = zipped(**{"hilrig/__init__.py": "", "hilrig/a/b.py": "x = 1\n"})


def arguments_for(folder, data, *, install=True, **changed):
    digest = hashlib.sha256(data).hexdigest()
    return {"work_folder": str(folder), "wheel_sha256": digest, "install": install, "size": len(data), **changed}


def started(arguments, *, home, options=("-I", "-S")):
    """Start it as a client does: its source as an argument, in a Python that knows nothing of hilrig."""
    process = subprocess.Popen(
        [sys.executable, *options, "-c", SOURCE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(home)},
    )
    process.stdin.write(json.dumps(arguments).encode() + b"\n")
    return process


def answered(process, data=b""):
    out, err = process.communicate(data, timeout=60)
    assert err == b""
    return process.returncode, json.loads(out)


def called(arguments, data=b"", *, home, **options):
    return answered(started(arguments, home=home, **options), data)


def refusal(folder, data, *, sent=None, **changed):
    with pytest.raises(Refusal) as caught:
        boot(arguments_for(folder, data, **changed), io.BytesIO(data if sent is None else sent))
    return caught.value.error


def test_it_speaks_to_an_old_python():
    """Its syntax is that of Python 3.6, so that 3.6 to 3.9 answer with a sentence instead of a traceback."""
    ast.parse(SOURCE, feature_version=(3, 6))
    with pytest.raises(Refusal) as caught:
        check_python((3, 6, 9))
    assert "needs Python 3.10 or newer, found 3.6.9" in caught.value.error["message"]
    assert "python:" in caught.value.error["hint"]
    check_python((3, 10, 0))


@pytest.mark.parametrize("minor", [6, 7, 8, 9])
def test_an_old_python_answers_with_a_sentence(minor, tmp_path):
    """A real one, where this machine has it: an answer that the client understands, and no folder made."""
    python = _old_python(minor)
    if python is None:
        pytest.skip(f"hardware: Python 3.{minor} is not on this machine")
    arguments = json.dumps(arguments_for(tmp_path / "work", WHEEL)).encode() + b"\n"
    done = subprocess.run([python, "-c", SOURCE], input=arguments + WHEEL, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert f"needs Python 3.10 or newer, found 3.{minor}." in json.loads(done.stdout)["error"]["message"]
    assert names(tmp_path) == []


def _old_python(minor):
    managed = Path(sys.base_prefix).parent.glob(f"3.{minor}.*/bin/python3")  # as version managers lay them
    return next((path for path in (*managed, Path(f"/usr/bin/python3.{minor}")) if path.exists()), None)


def test_every_refusal_is_an_error_of_hilrig():
    """The client raises the class of that name: it has to exist."""
    tree = ast.parse(SOURCE)
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refusal"
    ]
    kinds = {node.args[0].value for node in calls}
    assert len(kinds) >= 4
    assert all(issubclass(getattr(errors, kind), errors.HilrigError) for kind in kinds)


def test_a_bare_rig_gets_hilrig_and_the_agent_starts(tmp_path):
    """The whole way: no wheel there, this hilrig's sent and unpacked, a verb answered without any package."""
    wheel = own_wheel()
    arguments = arguments_for("hilrig-work", wheel.data, install=False)
    status, answer = called(arguments, home=tmp_path)
    assert (status, answer["ok"], answer["has_wheel"]) == (0, True, False)
    status, answer = called({**arguments, "install": True}, wheel.data, home=tmp_path)
    work = tmp_path / "hilrig-work"
    assert answer == {
        "ok": True,
        "python": list(sys.version_info[:3]),
        "executable": answer["executable"],
        "work_folder": str(work),
        "has_wheel": True,
        "boot_id": boot_id(),
    }
    assert names(work / "hilrig") == [wheel.sha256]
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    agent = subprocess.run(
        [answer["executable"], "-S", "-s", "-m", "hilrig.rig.agent", "have"],
        input=json.dumps({"work_folder": str(work), "files": []}) + "\n",
        env={"PYTHONPATH": str(work / "hilrig" / wheel.sha256)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(agent.stdout) == {"ok": True, "missing": []}


def test_a_wheel_that_is_there_is_not_asked_for_again(tmp_path):
    """And is marked as used, so that tidying leaves it."""
    boot(arguments_for(tmp_path, WHEEL), io.BytesIO(WHEEL))
    wheel = next((tmp_path / "hilrig").iterdir())
    os.utime(wheel, (1_600_000_000, 1_600_000_000))
    assert boot(arguments_for(tmp_path, WHEEL, install=False), io.BytesIO())["has_wheel"]
    assert wheel.stat().st_mtime > 1_600_000_000


def test_boots_at_the_same_time_end_with_one_wheel(tmp_path):
    """Three clients at once, each with its process: all are answered alike, and no half stays."""
    data = zipped(**{f"hilrig/m{number}.py": "x = 1\n" * 1000 for number in range(100)})
    processes = [started(arguments_for(tmp_path / "work", data), home=tmp_path) for _ in range(3)]  # 2 would do
    answers = [answered(process, data) for process in processes]
    assert all((status, answer.get("has_wheel")) == (0, True) for status, answer in answers)
    digest = hashlib.sha256(data).hexdigest()
    assert names(tmp_path / "work/hilrig") == [digest]
    assert len(names(tmp_path / "work/hilrig" / digest / "hilrig")) == 100


@pytest.mark.parametrize(
    "name", ["../evil.py", "hilrig/../../evil.py", "/tmp/evil.py", "..", "hilrig\\..\\..\\evil.py", "a/.."]
)
def test_a_wheel_with_a_name_that_climbs_is_refused(tmp_path, name):
    """Before anything of it is unpacked; nothing is left."""
    data = zipped(**{"hilrig/__init__.py": "", name: "x"})
    error = refusal(tmp_path / "work", data)
    assert error["type"] == "RecordError"
    assert "unsafe name" in error["message"]
    assert names(tmp_path / "work/hilrig") == []
    assert names(tmp_path) == ["work"]


@pytest.mark.parametrize("n_bytes", [0, 1, len(WHEEL) - 1])
def test_a_wheel_that_breaks_off_leaves_nothing(tmp_path, n_bytes):
    """The link broke: said so with the numbers, and the next boot starts from nothing."""
    error = refusal(tmp_path, WHEEL, sent=WHEEL[:n_bytes])
    assert error["type"] == "RigLostError"
    assert f"{n_bytes} of {len(WHEEL)} bytes" in error["message"]
    assert names(tmp_path / "hilrig") == []


def test_a_wheel_that_changed_on_its_way_is_refused(tmp_path):
    """One bit is enough."""
    changed = bytes([WHEEL[0] ^ 1]) + WHEEL[1:]
    assert refusal(tmp_path, WHEEL, sent=changed)["type"] == "RecordError"
    assert names(tmp_path / "hilrig") == []


def test_only_the_announced_bytes_are_read(tmp_path):
    """What comes after them belongs to somebody else."""
    stream = io.BytesIO(WHEEL + b"rest")
    assert boot(arguments_for(tmp_path, WHEEL), stream)["has_wheel"]
    assert stream.read() == b"rest"


@pytest.mark.parametrize("digest", ["", "../../x", "a" * 63, "A" * 64, "a" * 64 + "/x"])
def test_a_digest_that_is_none_is_refused(tmp_path, digest):
    """It becomes a folder's name."""
    assert refusal(tmp_path, WHEEL, wheel_sha256=digest)["type"] == "UsageError"
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", ["hilrig-work", "~/hilrig-work", "./hilrig-work"])
def test_a_relative_work_folder_is_in_the_logins_home(tmp_path, monkeypatch, text):
    """Wherever the login's shell happens to start; the answer is the absolute path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    answer = boot(arguments_for(text, WHEEL, install=False), io.BytesIO())
    assert answer["work_folder"] == str(tmp_path / "hilrig-work")


def test_a_work_folder_behind_a_link_is_used_as_it_is_named(tmp_path):
    """A lab puts it on a larger disk by a link: that is theirs to do, and the path stays the one they know."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "disk")
    assert boot(arguments_for(tmp_path / "work", WHEEL), io.BytesIO(WHEEL))["work_folder"] == str(
        tmp_path / "work"
    )
    assert names(tmp_path / "disk") == ["hilrig"]


def test_a_work_folder_that_cannot_be_written_is_told(tmp_path):
    """Read-only, in the way, or full: folder and reason, no traceback."""
    (tmp_path / "file").write_text("x")
    assert "Not a directory" in refusal(tmp_path / "file" / "work", WHEEL)["message"]
    with mounted(tmp_path / "ro", "size=64k,ro") as folder:
        error = refusal(folder / "work", WHEEL)
    assert error["type"] == "PreconditionError"
    assert f"{folder}/work on the rig cannot be written: Read-only file system" in error["message"]
    large = zipped(**{"hilrig/__init__.py": "x" * 500_000})
    with mounted(tmp_path / "full", "size=64k") as folder:
        assert "No space left" in refusal(folder / "work", large)["message"]
        assert names(folder / "work/hilrig") == []


def test_another_users_folder_is_told(tmp_path):
    """Logged in as somebody who may not write there: told before anything is sent."""
    with mounted(tmp_path / "disk", "size=1m,mode=0755") as folder:
        open_to_all(folder)
        said = as_nobody(lambda: json.dumps(refusal(folder / "work", WHEEL)))
        assert "Permission denied" in json.loads(said)["message"]


def test_it_needs_nothing_but_the_standard_library():
    """No module of hilrig, and small enough for an argument of a command."""
    nodes = list(ast.walk(ast.parse(SOURCE)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported = plain | {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names
    assert len(SOURCE) < 16 << 10
