"""Saved profiles."""

import pytest

from hilrig.app.web.profiles import Profiles
from hilrig.core.errors import UsageError
from stations import write_station


def test_profiles_are_listed_with_what_a_person_chooses_by(tmp_path):
    """Name, description, time, rate."""
    write_station(tmp_path / "weld", duration_s=90, fps=50)
    (one,) = Profiles(tmp_path).saved()
    assert (one.name, one.profile_name, one.duration_s, one.frame_rate_fps) == ("weld", "bench-station", 90, 50)
    assert one.mistakes == 0


def test_a_profile_with_mistakes_says_so(tmp_path):
    """It is listed, so that nobody looks for it, with the command that shows them."""
    write_station(tmp_path / "weld", more="  nonsense: 1\n  other: 2")
    (one,) = Profiles(tmp_path).saved()
    assert one.mistakes == 2
    assert "hilrig check weld" in one.description


def test_a_changed_profile_is_read_again(tmp_path):
    """A mistake that was mended is gone."""
    write_station(tmp_path / "weld", more="  nonsense: 1")
    profiles = Profiles(tmp_path)
    assert profiles.saved()[0].mistakes == 1
    write_station(tmp_path / "weld")
    assert profiles.saved()[0].mistakes == 0


@pytest.mark.parametrize("name", ["", ".", "..", "../profiles/weld", "/etc", "weld/", "link", "other", "no"])
def test_a_profile_is_found_by_its_listed_name_only(tmp_path, name):
    """No text of a client becomes a path; links and folders without a profile are none."""
    write_station(tmp_path / "weld")
    (tmp_path / "link").symlink_to(tmp_path / "weld")
    (tmp_path / "other").mkdir()
    (tmp_path / "no").mkdir()
    (tmp_path / "no" / "profile.yaml").symlink_to(tmp_path / "weld" / "profile.yaml")
    profiles = Profiles(tmp_path)
    assert profiles.find("weld") == tmp_path / "weld"
    with pytest.raises(UsageError, match="no such profile"):
        profiles.find(name)


def test_a_folder_that_is_gone_is_told(tmp_path):
    """Not an empty list: that would be a guess."""
    with pytest.raises(UsageError, match="cannot be read"):
        Profiles(tmp_path / "gone").saved()
