"""The commands over a node's model store, called in this process: store, keys and signatures are real."""

import json
import os
import signal
import subprocess
import sys

import pytest

from hilrig.app.power_loss.subject import DEVICE_CLASS, make_releases
from hilrig.attest.keys import create_key
from hilrig.cli.main import main
from hilrig.cli.output import state
from hilrig.core.exits import ExitCode


class Node:
    """A folder with a store in it, and the command line."""

    def __init__(self, folder, releases, monkeypatch, capsys):
        self.folder = folder
        self.releases = releases
        self.store = folder / "store"
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def call(self, *words):
        """Call `hilrig node`; return exit code, stdout, stderr."""
        self._monkeypatch.setattr(sys, "argv", ["hilrig", "node", *map(str, words), "--store", str(self.store)])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        return (code, *self._capsys.readouterr())

    def json(self, *words):
        """Call it with --json; return what it printed."""
        code, out, err = self.call(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    def init(self, *words):
        """Make the store."""
        key = ("--gate-key", self.releases.gate_key)
        return self.call("init", "--node-id", "press-7", "--device-class", DEVICE_CLASS, *key, *words)

    def install(self):
        """Make the store with release A confirmed."""
        assert self.init("--reserve-mib", 0)[0] == 0
        self.json("stage", self.releases.folders["A"])
        self.json("activate", DEVICE_CLASS)
        self.json("confirm")


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    return make_releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def node(tmp_path, releases, monkeypatch, capsys):
    yield Node(tmp_path, releases, monkeypatch, capsys)
    state.wants_json = False


def test_an_update_and_the_way_back(node, releases):
    """From an empty folder to a rolled-back update, by what a person types."""
    node.install()
    a, b = releases.sha256["A"], releases.sha256["B"]
    assert node.json("status")["active"]["release_sha256"] == a
    node.json("stage", releases.folders["B"])
    assert node.json("activate", b[:10], "--tries", 5)["tries_left"] == 5
    assert node.json("status")["candidate"]["release_sha256"] == b
    assert node.json("confirm")["current"] == b
    assert node.json("rollback", "--reason", "p95 over 30 ms") == {
        "rolled_back": b,
        "current": a,
        "reason": f"rolled back {b[:12]}: p95 over 30 ms",
    }
    assert node.json("collect")["releases"] == [b]


def test_each_command_names_the_next(node, releases):
    """A person is led from command to command."""
    for words, following in (
        (("init",), "hilrig node stage"),
        (("stage", releases.folders["A"]), "hilrig node activate"),
        (("activate", releases.sha256["A"][:8]), "hilrig node confirm"),
        (("confirm",), "hilrig node collect"),
    ):
        code, out, err = node.init("--reserve-mib", 0) if words == ("init",) else node.call(*words)
        assert code == 0, err
        assert f"next: {following}" in out


def test_a_status_is_read_at_a_glance(node):
    """What serves, what is the way back, and why."""
    node.install()
    code, out, _ = node.call("status")
    assert code == 0
    assert "ready      yes" in out
    assert f"active     {DEVICE_CLASS} A" in out


def test_a_status_of_a_store_that_is_not_safe_has_its_exit_code(node, releases):
    """A job that only looks at exit codes sees it: 40."""
    node.install()
    (node.store / "releases" / releases.sha256["A"] / "model" / "model.onnx").unlink()
    code, out, _ = node.call("status")
    assert code == ExitCode.STORE_UNSAFE
    assert "no, HR-101" in out
    assert "next: hilrig node stage" in out


@pytest.mark.parametrize(
    ("spoil", "code"),
    [("no_decision", ExitCode.NO_REPORT), ("foreign_key", ExitCode.TRUST), ("other_class", ExitCode.WRONG_CLASS)],
)
def test_there_is_no_way_around_the_gate(node, releases, tmp_path, spoil, code):
    """A release without a decision that counts here is refused, with the exit code that says why."""
    source = tmp_path / "spoiled"
    subprocess.run(["cp", "-a", str(releases.folders["A"]), str(source)], check=True)
    key, device_class = releases.gate_key, DEVICE_CLASS
    if spoil == "no_decision":
        (source / "gate.dsse.json").unlink()
    elif spoil == "foreign_key":
        key = create_key(tmp_path / "keys", "other", passphrase=None).public_path
    else:
        device_class = "x86-cpu"
    node.call("init", "--node-id", "n", "--device-class", device_class, "--gate-key", key, "--reserve-mib", 0)
    found, _, err = node.call("stage", source)
    assert (found, "next:" in err) == (code, True), err
    assert not any((node.store / "releases").iterdir())


def test_a_decision_is_asked_for_again_when_a_release_is_activated(node, releases):
    """A key that was taken away since the staging counts no more."""
    node.init("--reserve-mib", 0)
    node.json("stage", releases.folders["A"])
    for key in (node.store / "keys" / "gate").iterdir():
        key.unlink()
    assert node.call("activate", DEVICE_CLASS)[0] == ExitCode.TRUST


def test_points_are_lines_before_the_result(node, releases):
    """--events prints each point as JSON, then the result; a point that kills is the last line."""
    node.init("--reserve-mib", 0)
    _, out, _ = node.call("stage", releases.folders["A"], "--events", "--json")
    lines, result = out.split("\n{\n", 1)
    points = [json.loads(line)["event"] for line in lines.splitlines()]
    assert (points[0], points[-1]) == ("stage.begin", "stage.done")
    assert json.loads("{\n" + result)["release_sha256"] == releases.sha256["A"]


def test_a_kill_at_a_point_comes_after_its_line(node, releases):
    """HILRIG_CRASH_AT ends the real command by SIGKILL where it says, and the store goes on from there."""
    node.init("--reserve-mib", 0)
    words = ["node", "stage", str(releases.folders["A"]), "--store", str(node.store), "--events"]
    done = subprocess.run(
        [sys.executable, "-m", "hilrig", *words],
        env={**os.environ, "HILRIG_CRASH_AT": "stage.file:2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "stage.file"
    assert node.json("stage", releases.folders["A"])["release_sha256"] == releases.sha256["A"]


def test_a_key_that_is_none_is_refused(node, tmp_path):
    """A private key or a picture is no public key; nothing is made."""
    (tmp_path / "key.pub").write_bytes(b"not a key")
    code, _, err = node.call("init", "--node-id", "n", "--device-class", "c", "--gate-key", tmp_path / "key.pub")
    assert code == ExitCode.TRUST, err
    assert node.call("init", "--node-id", "n", "--gate-key", tmp_path / "none")[0] == ExitCode.USAGE
    assert not node.store.exists()


def test_two_keys_of_one_name_are_refused(node, releases, tmp_path):
    """One would silently take the place of the other."""
    other = create_key(tmp_path / "keys", "gate", passphrase=None).public_path
    code, _, err = node.init("--gate-key", other)
    assert code == ExitCode.USAGE
    assert "gate.pub" in err


def test_the_store_is_named_by_the_environment(node, monkeypatch, capsys):
    """HILRIG_STORE stands for --store."""
    node.install()
    monkeypatch.setenv("HILRIG_STORE", str(node.store))
    monkeypatch.setattr(sys, "argv", ["hilrig", "node", "status", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["ready"]


def test_the_class_of_this_machine_is_found(node):
    """Without --device-class the machine is looked at; its stack is written down either way."""
    assert node.call("init", "--node-id", "n")[0] == 0
    identity = json.loads((node.store / "node.json").read_bytes())
    assert identity["device_class"].endswith("cpu") or "-" in identity["device_class"]
    assert len(identity["stack_sha256"]) == 64


def test_the_commands_start_without_heavy_libraries(node):
    """A store is switched on a node that is short of memory: no tables, no runtime, no web server."""
    node.install()
    program = (
        "import sys; sys.argv = ['hilrig', 'node', 'status', '--store', sys.argv[1], '--json']\n"
        "from hilrig.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'pyarrow', 'onnxruntime', 'onnx', 'cv2', 'fastapi', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(node.store)], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == "[]"
