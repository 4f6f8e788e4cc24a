"""Power controls of rigs that are not virtual."""

import stat
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState, RigSpec
from hilrig.rig.power import CommandPower, CommandPowerOptions, NoPower
from hilrig.rig.power_opening import open_power


def outlet(folder: Path, script: str) -> str:
    """Write a lab's own program; return its name as a rig file would have it."""
    path = folder / "outlet"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./outlet"


def control(folder: Path, script: str, *, state: bool = True, timeout_s: float = 10.0) -> CommandPower:
    program = outlet(folder, script)
    options = CommandPowerOptions(
        on=[program, "on"], off=[program, "off"], state=[program, "state"] if state else None, timeout_s=timeout_s
    )
    return CommandPower(options, "bench-1", folder)


SWITCH = """
case $1 in
  on) touch lit ;;
  off) rm -f lit ;;
  state) [ -e lit ] ;;
esac
"""


@pytest.mark.parametrize("action", ["on", "off"])
def test_without_control_nothing_is_switched(action, tmp_path):
    """A rig without power control refuses, names itself, and says what the rig file lacks."""
    spec = RigSpec(name="bench-1", transport="ssh", device_class="x86-cpu", folder=str(tmp_path))
    power = open_power(spec)
    assert isinstance(power, NoPower)
    with pytest.raises(PreconditionError, match="bench-1 has no power control") as caught:
        getattr(power, action)()
    assert "power_options" in caught.value.hint
    assert power.state() is PowerState.UNKNOWN


def test_programs_of_the_lab_switch_the_power(tmp_path):
    """On, off and state are three calls; they run in the folder of the rig file."""
    power = control(tmp_path, SWITCH)
    assert power.state() is PowerState.OFF
    power.on()
    assert (tmp_path / "lit").exists()
    assert power.state() is PowerState.ON
    power.off()
    assert power.state() is PowerState.OFF


@pytest.mark.parametrize("code", [2, 127, 255])
def test_a_state_that_is_not_told_is_unknown(code, tmp_path):
    """Any exit code but 0 and 1 means that the program failed: that is not off."""
    assert control(tmp_path, f"exit {code}").state() is PowerState.UNKNOWN


def test_without_a_state_program_the_state_is_unknown(tmp_path):
    """Nothing is guessed from what was switched last."""
    power = control(tmp_path, "exit 0", state=False)
    power.on()
    assert power.state() is PowerState.UNKNOWN


def test_arguments_arrive_as_they_are(tmp_path):
    """No shell looks at them."""
    program = outlet(tmp_path, 'printf "%s|" "$@" >said')
    words = ["a b", "$HOME", "; rm -rf /", "*", ""]
    CommandPower(CommandPowerOptions(on=[program, *words], off=["false"]), "bench-1", tmp_path).on()
    assert (tmp_path / "said").read_text() == "|".join(words) + "|"


def test_a_failed_switch_is_told_with_its_last_words(tmp_path):
    """The message has rig, command, exit code and the program's last line, without control characters."""
    power = control(tmp_path, "echo first; printf 'outlet 7: \\033[31mno such outlet\\n\\n' >&2; exit 3")
    with pytest.raises(RigLostError) as caught:
        power.off()
    message = caught.value.message
    assert "bench-1: ./outlet off ended with exit code 3: outlet 7:" in message
    assert "no such outlet" in message
    assert message.isprintable()


def test_a_program_that_hangs_is_given_up(tmp_path):
    """The limit is the rig file's; the message says that the power may be on or off."""
    power = control(tmp_path, "exec sleep 60", timeout_s=0.2)
    with pytest.raises(RigLostError, match=r"did not end within 0\.2 s") as caught:
        power.on()
    assert "on or off" in caught.value.hint


def test_a_program_that_is_not_there_is_named(tmp_path):
    """That is a matter of the rig file or of an installation, not of the rig."""
    power = CommandPower(CommandPowerOptions(on=["no-such-pdu"], off=["no-such-pdu"]), "bench-1", tmp_path)
    with pytest.raises(PreconditionError, match="no-such-pdu can't be started"):
        power.off()


@pytest.mark.parametrize(
    "options",
    [
        {"on": [], "off": ["x"]},
        {"on": ["x"], "off": [""]},
        {"on": ["x"], "off": ["x"], "state": []},
        {"on": ["x"], "off": ["x"], "timeout_s": 0},
        {"on": ["x"], "off": ["x"], "timeout_s": float("nan")},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options):
    """An empty command, or no time for it, is a mistake of the rig file."""
    with pytest.raises(ValueError, match="expected|within"):
        CommandPowerOptions(**options)
