"""The power-loss test put together: hilrig's node, the same over a wrong disk, what cannot run here."""

from dataclasses import replace

import pytest

from hilrig.app.power_loss import depths as power_loss_depths
from hilrig.app.power_loss.depths import why_not
from hilrig.app.power_loss.power_loss import PowerLossRequest, run_power_loss, why_not_here
from hilrig.app.power_loss.subject import make_releases, node_subject
from hilrig.core.errors import ConfigError, PreconditionError, UsageError
from hilrig.core.power_loss import Depth, PowerLossSpec
from hilrig.core.rig import RigSpec
from hilrig.faults import calibration
from hilrig.faults.calibration import wrong_store_subject
from hilrig.faults.file_calls import run_file_calls
from hilrig.faults.wrong_store import Kind
from hilrig.verdict.power_loss import measure_power_loss
from power_loss_subjects import node_on_wrong_disk, write_subject


def run(request, **options):
    return run_power_loss(
        request, started_at_utc="", progress=lambda *_: None, should_stop=lambda: False, **options
    )


def rig(power):
    return RigSpec(name="r", transport="local", device_class="auto", power=power)


@pytest.mark.parametrize(
    ("depth", "given", "words"),
    [
        (Depth.KILL, None, ""),
        (Depth.FILE_CALLS, None, ""),
        (Depth.VIRTUAL_RIG, None, "no rig is named"),
        (Depth.RIG, rig("none"), "power: none"),
        (Depth.RIG, rig("qemu"), "virtual_rig"),
        (Depth.VIRTUAL_RIG, rig("command"), "is no virtual rig"),
        (Depth.RIG, rig("command"), ""),
        (Depth.VIRTUAL_RIG, rig("qemu"), ""),
    ],
)
def test_what_cannot_run_here_says_why(depth, given, words):
    """Before anything is started."""
    reason = why_not(depth, wrong_store_subject(Kind.SOUND), given)
    assert words in reason
    assert bool(reason) == bool(words)


def test_a_foreign_program_needs_the_recorder(monkeypatch):
    """Without FUSE its file calls are not seen: the depth is refused with the extra to install."""
    monkeypatch.setattr(power_loss_depths, "why_not_fuse", lambda: "the module mfusepy is missing")
    foreign = replace(wrong_store_subject(Kind.SOUND), writes_trace=False)
    assert "mfusepy" in why_not(Depth.FILE_CALLS, foreign, None)
    assert why_not(Depth.FILE_CALLS, wrong_store_subject(Kind.SOUND), None) == ""


def test_a_rig_that_nobody_knows_is_a_mistake(tmp_path):
    """Found before the run, as is a missing subject file."""
    with pytest.raises(UsageError, match="there is no rig 'nowhere'"):
        list(why_not_here(PowerLossRequest(spec=PowerLossSpec(rig="nowhere"), folder=tmp_path, rigs=tmp_path)))
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        list(why_not_here(PowerLossRequest(spec=PowerLossSpec(subject_file="x.yaml"), folder=tmp_path)))


def test_every_required_depth_that_cannot_run_is_named(tmp_path):
    """Each with its reason."""
    spec = PowerLossSpec(depths=(Depth.KILL, Depth.RIG, Depth.VIRTUAL_RIG))
    lines = list(why_not_here(PowerLossRequest(spec=spec, folder=tmp_path)))
    assert [line.split(" cannot")[0] for line in lines] == [
        "power_loss: the depth rig",
        "power_loss: the depth virtual_rig",
    ]


def test_the_releases_are_the_same_every_time(tmp_path):
    """Only the key and its signatures differ, so that a result can be made again."""
    one, other = make_releases(tmp_path / "1"), make_releases(tmp_path / "2")
    assert one.sha256 == other.sha256
    assert one.gate_key.read_bytes() != other.gate_key.read_bytes()


@pytest.fixture
def uncalibrated(monkeypatch):
    """Leave out the known stores: each takes as long as the subject."""
    monkeypatch.setattr(calibration, "calibration_subjects", lambda depth: ())


@pytest.mark.waiting
@pytest.mark.long  # short: test_the_node_survives, test_the_node_on_a_wrong_disk_does_not
@pytest.mark.parametrize(
    ("kind", "depths", "value"),
    [
        (Kind.SOUND, (Depth.FILE_CALLS, Depth.KILL), 1.0),
        (Kind.OVERWRITE_IN_PLACE, (Depth.KILL,), 0.0),
    ],
)
def test_a_user_s_update_is_tested_with_its_calibration(tmp_path, kind, depths, value):
    """A subject file from beginning to end: nothing is left in the work folder."""
    write_subject(tmp_path / "mine.yaml", kind)
    work = tmp_path / "work"
    work.mkdir()
    spec = PowerLossSpec(subject_file="mine.yaml", depths=depths)
    request = PowerLossRequest(spec=spec, folder=tmp_path, work=work)
    told = []
    result = run(request, on_depth=told.append)
    assert tuple(depth.depth for depth in told) == depths
    assert all(depth.calibrations for depth in result.depths)
    assert all(depth.is_evidence for depth in result.depths)
    assert measure_power_loss(result, None).value == value
    assert list(work.iterdir()) == []


@pytest.mark.waiting
@pytest.mark.usefixtures("uncalibrated")
def test_a_record_with_a_hole_makes_the_depth_no_evidence(tmp_path):
    """A program that says that it keeps a record and keeps none: the depth did not run, and says why."""
    write_subject(tmp_path / "mine.yaml", Kind.SOUND)
    text = (tmp_path / "mine.yaml").read_text().replace('"-I", "-S"', '"-I", "-S", "-c", "pass", "-x"', 0)
    text = text.replace('"run": ["', '"run": ["env", "-u", "HILRIG_DISK_TRACE", "')
    (tmp_path / "mine.yaml").write_text(text)
    spec = PowerLossSpec(depths=(Depth.FILE_CALLS,), subject_file="mine.yaml")
    result = run(PowerLossRequest(spec=spec, folder=tmp_path))
    assert not result.depths[0].ran
    assert "does not lead to what update left" in result.depths[0].reason
    assert measure_power_loss(result, None).value is None


@pytest.mark.waiting
@pytest.mark.usefixtures("uncalibrated")
def test_an_update_that_fails_uncut_ends_the_test(tmp_path):
    """Before anything is concluded from it."""
    write_subject(tmp_path / "mine.yaml", Kind.SOUND)
    text = (tmp_path / "mine.yaml").read_text().replace('"stage",', '"stagger",', 2)
    (tmp_path / "mine.yaml").write_text(text)
    spec = PowerLossSpec(depths=(Depth.KILL,), subject_file="mine.yaml")
    with pytest.raises(PreconditionError, match="although nothing was cut"):
        run(PowerLossRequest(spec=spec, folder=tmp_path))


@pytest.mark.waiting
def test_the_node_survives(tmp_path):
    """Staging and activation, states drawn: the whole of them is `hilrig powerloss`, a minute."""
    subject = node_subject(make_releases(tmp_path / "r"))
    update = {"update": subject.episodes["update"][:2]}
    assert _cut(replace(subject, episodes=update), tmp_path / "right").n_bad == 0


@pytest.mark.waiting
@pytest.mark.parametrize(
    "kind",
    [
        "no_folder_fsync",  # the hardest to find of the three; the calibration of every test finds its like
        pytest.param("no_fsync", marks=pytest.mark.nightly),
        pytest.param("overwrite_in_place", marks=pytest.mark.nightly),
    ],
)
def test_the_node_on_a_wrong_disk_does_not(tmp_path, kind):
    """The same states of the same update find a disk that leaves out what the node asks of it."""
    assert _cut(node_on_wrong_disk(kind, tmp_path / "r"), tmp_path / kind).n_bad > 0


def _cut(subject, work):
    work.mkdir()
    return run_file_calls(
        subject, seed=1, work=work, progress=lambda *_: None, should_stop=lambda: False, n_states_max=60
    )
