"""Switching a rig's power as a use case."""

import pytest

from hilrig.app.rigs.power import power_cycle, power_off, power_on, power_state, refuse_without_power
from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.exits import ExitCode
from hilrig.core.rig import PowerState, RigSpec

OUTLET = 'echo "$0" >>log; case $0 in on) touch lit ;; off) rm -f lit ;; *) [ -e lit ] ;; esac'


def rig(folder, script=OUTLET):
    """Return a rig whose outlet is a shell script that keeps a log."""
    options = {action: ["sh", "-c", script, action] for action in ("on", "off", "state")}
    return RigSpec(
        name="bench-1",
        transport="ssh",
        device_class="x86-cpu",
        power="command",
        power_options=options,
        folder=str(folder),
    )


def test_each_call_says_how_the_rig_is_afterwards(tmp_path):
    """The state is asked for anew, not taken from what was ordered."""
    spec = rig(tmp_path)
    assert power_state(spec) is PowerState.OFF
    assert power_on(spec) is PowerState.ON
    assert power_off(spec) is PowerState.OFF


def test_a_cycle_waits_for_the_rails_between_off_and_on(tmp_path):
    """The pause comes after the cut and before the power returns."""
    log = tmp_path / "log"
    seen = []
    power_on(rig(tmp_path))
    assert (
        power_cycle(rig(tmp_path), drain_s=8, sleep=lambda s: seen.append((s, log.read_text()))) is PowerState.ON
    )
    ((pause_s, before),) = seen
    assert pause_s == 8
    assert before.split()[-2:] == ["off", "state"]
    assert log.read_text().split()[-2:] == ["on", "state"]


def test_an_outlet_that_stays_on_is_told(tmp_path):
    """Else a power test would pass on a rig that never lost its power."""
    spec = rig(tmp_path, "exit 0")
    with pytest.raises(RigLostError, match="says on, after it was told to switch off"):
        power_cycle(spec, sleep=lambda _: pytest.fail("it must not go on"))


def test_a_power_test_without_power_control_is_refused(tmp_path):
    """Refused with exit code 22 and the name of the rig, never skipped."""
    without = RigSpec(name="bench-2", transport="ssh", device_class="x86-cpu")
    with pytest.raises(PreconditionError, match="bench-2 has no power control") as caught:
        refuse_without_power(without)
    assert caught.value.exit_code is ExitCode.PRECONDITION
    refuse_without_power(rig(tmp_path))
