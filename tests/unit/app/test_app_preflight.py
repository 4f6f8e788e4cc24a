"""hilrig.app.soak.preflight: everything that is missing, at once."""

import pytest

from hilrig.app.soak import preflight as app_preflight
from hilrig.app.soak.preflight import load_rig_in_place, preflight
from hilrig.core.errors import PreconditionError, UsageError
from stations import write_station

LOCAL = load_rig_in_place(None)


def test_a_sound_station_is_ready(tmp_path):
    """Class, feed and model are known before the run."""
    ready = preflight(write_station(tmp_path), LOCAL)
    assert ready.device_class in {"x86-cpu", "arm64-cpu"}
    assert (ready.feed_info.width_px, ready.feed_info.height_px) == (128, 128)


def test_a_limit_that_cannot_be_measured_is_refused_with_its_line(tmp_path):
    """GPU memory on a machine without a GPU: the check, its place in the profile, the reason."""
    station = write_station(tmp_path, more="  resources: {gpu_memory_max_mb: 100}")
    with pytest.raises(PreconditionError, match=r"resources.gpu_memory_max_mb \(profile.yaml:20:15\).*ABSENT"):
        preflight(station, LOCAL)


def test_a_rig_of_another_class_than_found_is_refused(tmp_path):
    """What a rig file says of its class is held against the hardware."""
    from dataclasses import replace

    station = write_station(tmp_path)
    with pytest.raises(PreconditionError, match="the rig file says device class x86-rtx4000"):
        preflight(station, replace(LOCAL, device_class="x86-rtx4000"))


def test_all_problems_are_listed_together(tmp_path):
    """Two things missing are two lines, not two runs."""
    limits = "  resources: {gpu_memory_max_mb: 100}\n  recovery: {power_loss_test: required}"
    station = write_station(tmp_path, more=f"{limits}\npower_loss: {{depths: [rig], rig: nowhere}}")
    with pytest.raises(PreconditionError) as caught:
        preflight(station, LOCAL)
    assert caught.value.message.count("\n  - ") == 2
    assert "power_loss: there is no rig" in caught.value.message


def test_a_pool_that_does_not_fit_the_memory_is_refused(tmp_path, monkeypatch):
    """Frames are held in memory: more than half of what is free is refused before it is filled."""
    import psutil

    class Memory:
        available = 100_000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    with pytest.raises(PreconditionError, match="lower feed.pool_frames"):
        preflight(write_station(tmp_path), LOCAL)


def test_a_rig_elsewhere_is_not_answered_for_by_this_machine(tmp_path):
    """What looks at this machine refuses a rig that is reached over a line, and says what to do."""
    file = tmp_path / "away.yaml"
    file.write_text("format: 1\nname: away\ntransport: local\nwork_folder: /srv/away\ndevice_class: x86-cpu\n")
    with pytest.raises(UsageError, match="rig away is elsewhere") as caught:
        load_rig_in_place(file)
    assert "--rig away" in caught.value.hint


def test_a_rig_out_of_service_is_refused_with_its_reason(tmp_path):
    """Also the one that a person sits at."""
    file = tmp_path / "here.yaml"
    file.write_text(
        "format: 1\nname: here\ntransport: local\ndevice_class: auto\nenabled: false\n"
        'disabled_reason: "the fan is broken"\n'
    )
    with pytest.raises(PreconditionError, match="out of service: the fan is broken"):
        load_rig_in_place(file)


def test_a_clock_that_may_not_be_set_is_refused_at_its_fault(tmp_path, monkeypatch):
    """Without CAP_SYS_TIME, with file, line and column; with it the station is ready."""
    fault = "{name: hour, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, step_s: 60"
    station = write_station(tmp_path, more=f"faults:\n  - {fault}, may_step_clock: true}}")
    monkeypatch.setattr(app_preflight, "why_no_step", lambda: "Operation not permitted (it needs CAP_SYS_TIME)")
    with pytest.raises(PreconditionError, match=r"the fault hour \(profile.yaml:21:61\).*CAP_SYS_TIME"):
        preflight(station, LOCAL)
    monkeypatch.setattr(app_preflight, "why_no_step", str)
    assert preflight(station, LOCAL).profile.faults
