"""hilrig.cli.rigs.options: which rigs a command means; contradictions are refused before any rig is asked."""

import pytest
import typer

from hilrig.cli.rigs.options import choose_rigs
from hilrig.cli.rigs.run import refuse_for_several
from hilrig.core.errors import UsageError
from matrices import write_simulated_rig


@pytest.fixture
def folder(tmp_path):
    for name, hall in (("sim-a", "1"), ("sim-b", "2"), ("sim-c", "2")):
        write_simulated_rig(tmp_path / "rigs", name, work=tmp_path / "work", board="sim", hall=hall)
    return tmp_path / "rigs"


def names(choice):
    return [rig.name for rig, _ in choice.rigs]


def test_no_rig_is_this_machine(tmp_path):
    """Also where there is no folder of rig files at all."""
    choice = choose_rigs(None, None, every=False, folder=tmp_path / "none")
    assert (names(choice), choice.on_all) == ([], False)


def test_one_rig_is_an_ordinary_run(folder):
    """By its name or its file; the path is absolute, since another process in another folder reads it."""
    for asked in ("sim-a", str(folder / "sim-a.yaml")):
        choice = choose_rigs([asked], None, every=False, folder=folder)
        assert (names(choice), choice.on_all) == (["sim-a"], False)
        assert choice.rigs[0][1].is_absolute()


def test_several_rigs_are_all_of_them_in_the_order_given(folder):
    """The report has them in that order."""
    choice = choose_rigs(["sim-c", "sim-a"], None, every=False, folder=folder)
    assert (names(choice), choice.on_all) == (["sim-c", "sim-a"], True)


def test_labels_mean_the_first_free_one_unless_all_are_asked(folder):
    """All labels must match; --all of one rig is a report of one rig."""
    assert names(choose_rigs(None, ["board=sim"], every=False, folder=folder)) == ["sim-a", "sim-b", "sim-c"]
    assert not choose_rigs(None, ["board=sim"], every=False, folder=folder).on_all
    choice = choose_rigs(None, ["board=sim", "hall=1"], every=True, folder=folder)
    assert (names(choice), choice.on_all) == (["sim-a"], True)


@pytest.mark.parametrize(
    ("rigs", "labels", "every", "words"),
    [
        (["sim-a"], ["board=sim"], False, "give one of the two"),
        (["sim-a", "sim-a"], None, False, "named twice"),
        (None, None, True, "--all needs labels"),
        (["sim-a"], None, True, "--all needs labels"),
        (None, ["board=sim", "board=orin"], False, "no rig can have both"),
        (None, ["board=orin"], True, "no rig"),
        (["sim-x"], None, False, "no rig 'sim-x'"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder, rigs, labels, every, words):
    """A mistake is told with its words, and is never an empty choice."""
    with pytest.raises(UsageError, match=words):
        choose_rigs(rigs, labels, every=every, folder=folder)


@pytest.mark.parametrize("label", ["board", "=sim", ""])
def test_a_label_has_a_key_and_a_value(folder, label):
    """Anything else is told how to write it."""
    with pytest.raises(typer.BadParameter, match="key=value"):
        choose_rigs(None, [label], every=False, folder=folder)


def test_the_same_rig_by_name_and_by_file_is_named_twice(folder):
    """Its two runs would only wait for each other."""
    with pytest.raises(UsageError, match="named twice"):
        choose_rigs(["sim-a", str(folder / "sim-a.yaml")], None, every=False, folder=folder)


def test_options_about_one_run_are_refused_for_several():
    """By their name as it was typed; what was not given is not refused."""
    refuse_for_several(search=None, detach=False, metrics_port=None)
    with pytest.raises(UsageError, match="--metrics-port is about one run"):
        refuse_for_several(search=None, metrics_port=9100)
