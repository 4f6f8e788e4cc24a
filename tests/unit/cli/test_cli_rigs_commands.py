import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hilrig.cli.main import main
from hilrig.cli.output import state
from local_rigs import write_local_rig


@dataclass
class Called:
    """What a call gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@dataclass
class Lab:
    """A folder of rigs, and the command line called in this process: a rig's own processes are real."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def call(self, *arguments: str, **environment: str) -> Called:
        """Call hilrig."""
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.setattr(sys, "argv", ["hilrig", *arguments])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Called(code, *self.capsys.readouterr())


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lab:
    """Return a lab with three rigs: one in service, one in repair, one that is not there."""
    monkeypatch.setenv("HILRIG_RIGS", str(tmp_path / "rigs"))
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HILRIG_HOLDER", "eve@lab")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(state, "wants_json", False)
    write_local_rig(tmp_path / "rigs", "bench", more="labels: {board: ipc}\nconditions: {min_free_mib: 1}\n")
    write_local_rig(tmp_path / "rigs", "repair", more="enabled: false\ndisabled_reason: fan is broken\n")
    write_local_rig(tmp_path / "rigs", "gone")
    (tmp_path / "rigs" / "home-gone").rmdir()
    return Lab(tmp_path / "rigs", monkeypatch, capsys)


def test_a_day_of_a_rig(lab: Lab):
    """Listed, reserved, refused to another, let go of: each with its exit code and the next step."""
    listed = lab.call("rigs", "list")
    assert listed.code == 0, listed
    assert "board=ipc  free" in listed.out
    assert "out of service: fan is broken" in listed.out
    assert "unreachable: rig 'gone'" in listed.out
    assert (
        lab.call("rigs", "reserve", "bench", "--for", "2h", "--note", "fan test", HILRIG_HOLDER="ada@desk").code
        == 0
    )
    refused = lab.call("rigs", "reserve", "bench", HILRIG_HOLDER="bob@lap")
    assert refused.code == 20, refused
    assert "ada@desk" in refused.err
    shown = json.loads(lab.call("rigs", "show", "bench", "--json").out)
    assert (shown["state"], shown["held"]["holder"], shown["held"]["note"]) == ("held", "ada@desk", "fan test")
    assert lab.call("rigs", "release", "bench", HILRIG_HOLDER="bob@lap").code == 20
    assert "held by ada@desk" in lab.call("rigs", "release", "bench", HILRIG_HOLDER="ada@desk").out
    assert lab.call("rigs", "reap", "bench").out == "bench: nothing to remove\n"


def test_what_cannot_be_had_has_its_exit_code(lab: Lab):
    """Unknown 2, out of service 22, unreachable 21, no power control 22; with --json one object says why."""
    codes = {
        ("show", "bensh"): 2,
        ("reserve", "repair"): 22,
        ("reserve", "gone"): 21,
        ("power", "bench", "off"): 22,
        ("enroll", "gone"): 21,
        ("check",): 0,
        ("check", "--ask"): 2,
    }
    for arguments, code in codes.items():
        called = lab.call("rigs", *arguments)
        assert called.code == code, called
    refused = lab.call("rigs", "reserve", "gone", "--json")
    assert json.loads(refused.out)["exit_code"] == 21
    lost = lab.call("rigs", "reap")
    assert (lost.code, "not tidied up: gone" in lost.err) == (21, True), lost
    assert lost.out.splitlines()[0] == "bench: nothing to remove"


def test_check_asks_a_rig(lab: Lab):
    """A rig that is fit is 0; one that is too hot, too full or too far in time is 22 with the remedy."""
    fit = lab.call("rigs", "check", "bench", "--ask", "--json")
    assert (fit.code, json.loads(fit.out)["fit"]) == (0, True), fit
    write_local_rig(lab.folder, "full", more="conditions: {min_free_mib: 1e12}\n".replace("1e12", "9" * 12))
    full = lab.call("rigs", "check", "full", "--ask")
    assert full.code == 22, full
    assert "min_free_mib: " in full.out
    assert "next: " in full.out


def test_check_finds_every_mistake_of_every_file(lab: Lab):
    """Of all files at once, each at its place."""
    for name in ("a", "b"):
        write_local_rig(lab.folder, name, more="speed: 3\nenabled: maybe\n")
    called = lab.call("rigs", "check")
    assert called.code == 2, called
    assert "4 mistakes" in called.err
    assert "a.yaml:8:1: unknown key 'speed'" in called.err
    listed = lab.call("rigs", "list", "--no-ask")
    assert "mistakes: 2 mistakes in a.yaml" in listed.out
