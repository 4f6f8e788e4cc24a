import hashlib

import pytest

from hilrig.app.rigs.upload import Meter, read_profile
from hilrig.core.errors import ConfigError, UsageError
from stations import PROFILE, write_station


def test_a_profile_goes_with_the_files_of_its_folder(tmp_path):
    """Every file with path, size and digest; hidden ones and caches stay here."""
    folder = write_station(tmp_path / "station")
    (folder / "golden").mkdir()
    (folder / "golden" / "one.png").write_bytes(b"picture")
    for name in (".git", "__pycache__"):
        (folder / name).mkdir()
        (folder / name / "junk").write_bytes(b"")

    sent = read_profile(folder)

    assert [file.path for file in sent.files] == ["golden/one.png", "profile.yaml"]
    assert sent.files[0].sha256 == hashlib.sha256(b"picture").hexdigest()
    assert (sent.files[0].size, sent.file_name) == (7, "profile.yaml")


def test_a_link_inside_the_folder_is_sent_as_the_file_it_leads_to(tmp_path):
    """`model.onnx -> model-v3.onnx` is how people name the newest."""
    folder = write_station(tmp_path / "station")
    (folder / "v3.bin").write_bytes(b"weights")
    (folder / "model.bin").symlink_to("v3.bin")
    by_path = {file.path: file for file in read_profile(folder).files}
    assert by_path["model.bin"].sha256 == by_path["v3.bin"].sha256


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path, target):
    """Only the profile's folder goes to a rig, not what somebody links to."""
    (tmp_path / "outside").write_text("private")
    folder = write_station(tmp_path / "station")
    (folder / "notes").symlink_to(target)
    with pytest.raises(UsageError, match="leads out of the profile's folder"):
        read_profile(folder)


def test_frames_outside_of_the_folder_are_refused_before_anything_is_sent(tmp_path):
    """A feed at `../frames` would not be there on the rig."""
    folder = tmp_path / "station"
    folder.mkdir()
    text = (write_station(folder) / "profile.yaml").read_text()
    changed = text.replace("source: synthetic", "source: folder").replace(
        "options: {seed: 1, width_px: 128, height_px: 128}", "options: {path: ../frames}"
    )
    assert changed != text
    (folder / "profile.yaml").write_text(changed)
    with pytest.raises(UsageError, match=r"feed.options.path \(../frames\) leads out"):
        read_profile(folder)


def test_mistakes_of_a_profile_are_said_here_with_their_places(tmp_path):
    """No rig is bothered with a profile that cannot be meant."""
    assert "p99_max_ms" in PROFILE
    folder = write_station(tmp_path / "station")
    (folder / "profile.yaml").write_text((folder / "profile.yaml").read_text().replace("warmup_s", "warmup"))
    with pytest.raises(ConfigError, match="profile.yaml:"):
        read_profile(folder)


def test_progress_has_no_time_left_before_anything_moved():
    """Unknown is None, and the end is 0 s."""
    told = []
    meter = Meter(2 << 20, told.append)
    meter.add(2 << 20)
    assert (told[0].left_s, told[0].done_mib) == (None, 0)
    assert (told[-1].left_s, told[-1].done_mib, told[-1].total_mib) == (0, 2, 2)
