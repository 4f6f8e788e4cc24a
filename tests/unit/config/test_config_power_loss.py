"""The keys of a power-loss test, and the file of a user's own update."""

import pytest

from hilrig.config.profile import load_profile
from hilrig.config.subject_file import load_subject
from hilrig.core.errors import ConfigError
from hilrig.core.power_loss import Depth, PowerLossSpec
from stations import write_station

REQUIRED = "  recovery: {power_loss_test: required}\n"
SUBJECT = """\
format: 1
name: my-updater
install: [updater, install, A, "{store}"]
episodes:
  update:
    - {name: switch, run: [updater, switch, B, "{store}"], may_run_during: [A, B], may_run_after: [B]}
ask: [updater, ask, "{store}"]
releases: {A: v1, B: v2}
"""


def spec(tmp_path, text):
    return load_profile(write_station(tmp_path, more=text)).power_loss


def mistakes(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        spec(tmp_path, text)
    return str(caught.value)


def test_required_without_a_block_takes_the_defaults(tmp_path):
    """Depths that run on every machine."""
    assert spec(tmp_path, REQUIRED) == PowerLossSpec()
    assert PowerLossSpec().depths == (Depth.FILE_CALLS, Depth.KILL)


@pytest.mark.parametrize("text", ["", "  recovery: {power_loss_test: not_required}\n"])
def test_where_it_is_not_required_there_is_none(tmp_path, text):
    """No run makes it then."""
    assert spec(tmp_path, text) is None


def test_a_block_says_how_it_is_made(tmp_path):
    """Every key."""
    (tmp_path / "x.yaml").write_text(SUBJECT)
    block = "power_loss: {depths: [block_log, virtual_rig], seed: 7, n_cuts: 3, subject_file: x.yaml, rig: vm}"
    assert spec(tmp_path, REQUIRED + block) == PowerLossSpec(
        depths=(Depth.BLOCK_LOG, Depth.VIRTUAL_RIG), seed=7, n_cuts=3, subject_file="x.yaml", rig="vm"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("power_loss: {}", "nothing requires it"),
        (REQUIRED + "power_loss: {depths: []}", "at least 1 item"),
        (REQUIRED + "power_loss: {depths: [kill, kill]}", "'kill' is there twice"),
        (REQUIRED + "power_loss: {depths: [blocklog]}", "expected 'file_calls'"),
        (REQUIRED + "power_loss: {depths: [rig]}", "'rig' cuts the power of a rig, and none is named"),
        (REQUIRED + "power_loss: {depths: kill}", "expected a list"),
        (REQUIRED + "power_loss: {n_cuts: 0}", "at least 1"),
        (REQUIRED + "power_loss: {seed: -1}", "at least 0"),
        (REQUIRED + "power_loss: {dephts: [kill]}", "did you mean 'depths'"),
        (REQUIRED + "power_loss: {subject_file: x.yaml}", "no file 'x.yaml'"),
    ],
)
def test_a_wrong_block_is_refused_at_its_place(tmp_path, text, words):
    """With its line, and before any run."""
    message = mistakes(tmp_path, text)
    assert words in message
    assert "profile.yaml:" in message


def test_mistakes_of_the_subject_file_are_shown_with_the_profile(tmp_path):
    """At their own place, all at once."""
    (tmp_path / "x.yaml").write_text(SUBJECT.replace("ask:", "asks:").replace("format: 1", "format: 2"))
    message = mistakes(tmp_path, REQUIRED + "power_loss: {subject_file: x.yaml}")
    assert "x.yaml:1:9" in message
    assert "did you mean 'ask'" in message


def test_a_subject_is_read_as_it_stands(tmp_path):
    """Commands word by word, nothing through a shell."""
    (tmp_path / "x.yaml").write_text(SUBJECT)
    subject = load_subject(tmp_path / "x.yaml")
    assert subject.name == "my-updater"
    assert subject.install == ("updater", "install", "A", "{store}")
    assert subject.episodes["update"][0].may_run_during == ("A", "B")
    assert (subject.ask_many, subject.writes_trace) == ((), False)
    assert subject.releases == {"A": "v1", "B": "v2"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('[updater, ask, "{store}"]', "[updater, ask]", "'ask' has no {store}"),
        ('[updater, switch, B, "{store}"]', "[updater, switch, B]", "'run' has no {store}"),
        ('[updater, install, A, "{store}"]', "[updater]", "'install' has no {store}"),
        ("B: v2", "B: v1", "A and B are the same"),
        ("may_run_after: [B]", "may_run_after: [C]", "expected 'A', 'B' or 'none'"),
        ("may_run_after: [B]", "may_run_after: []", "at least 1 item"),
        ("name: my-updater", "name: My Updater", "small letters"),
        ('ask: [updater, ask, "{store}"]', 'ask: updater ask "{store}"', "expected"),
        ("releases: {A: v1, B: v2}", "releases: {A: v1}", "missing key 'releases.B'"),
    ],
)
def test_a_wrong_subject_file_is_refused_at_its_place(tmp_path, old, new, words):
    """file:line:column, in words."""
    assert SUBJECT.count(old) == 1
    (tmp_path / "x.yaml").write_text(SUBJECT.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_subject(tmp_path / "x.yaml")
    assert words in str(caught.value)
    assert "x.yaml:" in str(caught.value)


def test_a_missing_subject_file_names_those_beside_it(tmp_path):
    """The next step is a name."""
    (tmp_path / "mine.yaml").write_text(SUBJECT)
    with pytest.raises(ConfigError) as caught:
        load_subject(tmp_path / "nine.yaml")
    assert "mine.yaml" in str(caught.value)
