"""What is refused before a run: one clear line, the next step, the right exit code, nothing left behind."""

import json
import shutil
import signal
import time
from pathlib import Path

import onnx
import pytest

from small_disks import mounted
from small_models import build_model

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_preflight, test_rig_lease

PROFILES = Path(__file__).parents[2] / "profiles"


def refused(bench, called, *, code, words):
    """Assert that nothing was started, and that the message has these words and a next step."""
    assert called.code == code, called
    for word in words:
        assert word in called.err, called
    assert "next: " in called.err or "help: " in called.err, called
    assert "Traceback" not in called.err, called
    assert bench.run_dirs() == []


def onnx_station(bench, **changes):
    """Write a station that runs a real model, with changes to its text; return its folder."""
    folder = bench.folder / bench.station(**changes)
    text = (folder / "profile.yaml").read_text()
    text = text.replace("files: []", "files: [model.onnx]").replace('name: "null"', "name: onnx")
    text = text.replace("[porosity, crack, undercut, spatter]", "[a, b]").replace("128", "8")
    text = text.replace("{porosity: 0.5, crack: 0.5, undercut: 0.5, spatter: 0.5}", "{a: 0.5, b: 0.5}").replace(
        "width_px: 8, height_px: 8}}", "width_px: 128, height_px: 128}}"
    )
    (folder / "profile.yaml").write_text(text)
    return folder


def test_every_mistake_of_a_profile_is_shown_at_once(bench):
    """Three mistakes, three places, each with its line and its remedy."""
    folder = bench.folder / bench.station()
    text = (folder / "profile.yaml").read_text()
    text = (
        text.replace("p99_max_ms", "p99_max_mss")
        .replace("depth: 64", "depth: no")
        .replace("description", "describtion")
    )
    (folder / "profile.yaml").write_text(text)
    called = bench.call("run", "station")
    assert called.code == 2, called
    assert "did you mean 'p99_max_ms'" in called.err
    assert "3 mistakes" in called.err
    assert called.err.count("profile.yaml:") >= 3
    assert bench.run_dirs() == []


def test_the_jetson_profile_is_refused_here_with_everything_that_is_missing(bench):
    """Class, GPU memory, GPU load, throttling, CUDA: all at once, before the first frame."""
    called = bench.call("run", str(PROFILES / "weld-station-orin"))
    refused(
        bench,
        called,
        code=22,
        words=[
            "jetson-orin-nx-16gb",
            "resources.gpu_memory_max_mb",
            "resources.gpu_util_sustained_max_pct",
            "resources.thermal_throttle_allowed",
            "CUDAExecutionProvider",
        ],
    )


@pytest.mark.parametrize(("content", "words"), [(b"", ["model.onnx", "empty"]), (b"\x00" * 99, ["model.onnx"])])
def test_a_model_file_that_is_none_is_refused(bench, content, words):
    """Empty and foreign files are named."""
    folder = onnx_station(bench)
    (folder / "model.onnx").write_bytes(content)
    refused(bench, bench.call("run", str(folder)), code=22, words=words)


def test_a_missing_model_is_a_mistake_of_the_profile(bench):
    """The line that names the file is shown."""
    folder = onnx_station(bench)
    refused(bench, bench.call("run", str(folder)), code=2, words=["profile.yaml:6:", "model.onnx"])


def test_another_model_than_the_pinned_one_is_refused(bench):
    """The pinned digest and the found one are both shown."""
    folder = onnx_station(bench)
    onnx.save(build_model(), str(folder / "model.onnx"))
    text = (folder / "profile.yaml").read_text()
    (folder / "profile.yaml").write_text(
        text.replace("files: [model.onnx]", f"files: [model.onnx]\n  bundle_sha256: {'f' * 64}")
    )
    refused(bench, bench.call("run", str(folder)), code=22, words=["bundle_sha256", "f" * 64])


def test_a_model_with_other_outputs_than_declared_is_refused(bench):
    """The profile's word on the model is held against the model."""
    folder = onnx_station(bench)
    onnx.save(build_model(n_labels=3), str(folder / "model.onnx"))
    refused(bench, bench.call("run", str(folder)), code=22, words=["[1, 2]", "[1, 3]"])


def test_unreadable_frames_are_refused(bench):
    """A truncated picture in the feed's folder is named."""
    folder = bench.folder / bench.station()
    (folder / "frames").mkdir()
    (folder / "frames" / "one.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    text = (folder / "profile.yaml").read_text()
    feed = text[text.index("feed:") : text.index("queue:")]
    (folder / "profile.yaml").write_text(
        text.replace(feed, "feed: {source: folder, pool_frames: 1, options: {path: frames}}\n")
    )
    refused(bench, bench.call("run", str(folder)), code=22, words=["one.png"])


def test_a_key_that_others_can_read_is_refused(bench):
    """Mode 0644 is named with the command that mends it."""
    (bench.folder / "home" / "keys" / "rig.pem").chmod(0o644)
    refused(bench, bench.call("run", bench.station()), code=30, words=["0644", "chmod 600"])


def test_a_missing_key_is_refused_before_the_run(bench):
    """No key, no soak: it would end unsigned after eight hours."""
    shutil.rmtree(bench.folder / "home" / "keys")
    refused(bench, bench.call("run", bench.station()), code=30, words=["rig.pem"])


def test_a_wrong_passphrase_is_refused(bench):
    """A protected key with another passphrase signs nothing; test_e2e_run signs with the right one."""
    for name, text in (("right", "correct horse\n"), ("wrong", "battery staple\n")):
        (bench.folder / name).write_text(text)
        (bench.folder / name).chmod(0o600)
    assert bench.call("keys", "new", "locked", "--passphrase-file", "right").code == 0
    key = str(bench.folder / "home" / "keys" / "locked.pem")
    wrong = bench.call("run", bench.station(), "--key", key, "--passphrase-file", "wrong")
    refused(bench, wrong, code=30, words=["passphrase"])


def test_two_runs_at_once_on_one_rig_are_refused(bench):
    """The second one is told who holds the rig; the first is not disturbed."""
    first = bench.start("run", bench.station(duration_s=60))
    lock = bench.folder / "home" / "rig.lock"
    while not (lock.exists() and lock.read_text()):
        assert first.poll() is None
        time.sleep(0.02)
    second = bench.call("run", "station")
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)
    assert second.code == 20, second
    assert f"pid {json.loads(json.dumps(second.err)).split('pid ')[1].split(',')[0]}" in second.err
    assert "held by run" in second.err


def test_a_reports_folder_that_cannot_be_made_is_refused(bench):
    """A file where the folder should be is named."""
    (bench.folder / "taken").write_text("")
    called = bench.call("run", bench.station(), "--reports", "taken/reports")
    refused(bench, called, code=22, words=["taken/reports", "--reports"])


def test_a_read_only_reports_folder_is_refused(bench):
    """Nothing was measured that could not be written."""
    with mounted(bench.reports, "ro,size=1m"):
        called = bench.call("run", bench.station())
    refused(bench, called, code=22, words=[str(bench.reports)])


def test_too_little_room_is_refused(bench):
    """A disk that the evidence will not fit on is refused with both numbers."""
    with mounted(bench.reports, "size=8m"):
        called = bench.call("run", bench.station())
    refused(bench, called, code=22, words=["8 MiB free", "--reports"])


@pytest.mark.parametrize("duration", ["10", "1h-5m"])
def test_a_duration_without_a_unit_is_refused(bench, duration):
    """`--duration 10` could be seconds or minutes: it is asked for, not guessed."""
    called = bench.call("run", bench.station(), "--duration", duration)
    assert called.code == 2, called
    assert bench.run_dirs() == []


def test_a_missing_profile_is_named(bench):
    """A typing mistake in the path is a usage error."""
    called = bench.call("run", "statoin")
    assert called.code == 2, called
    assert "statoin" in called.err


def test_recover_leaves_a_foreign_folder_as_it_was(bench):
    """`hilrig recover ~` by mistake writes nothing into it."""
    (bench.folder / "photos").mkdir()
    (bench.folder / "photos" / "one.jpg").write_bytes(b"x")
    called = bench.call("recover", "photos")
    refused(bench, called, code=22, words=["photos", "no run offered a frame here"])
    assert [path.name for path in (bench.folder / "photos").iterdir()] == ["one.jpg"]


def test_a_passphrase_descriptor_that_is_not_open_is_refused(bench):
    """`--passphrase-fd 9` without `9<FILE` is a usage error."""
    refused(bench, bench.call("run", bench.station(), "--passphrase-fd", "9"), code=2, words=["descriptor 9"])


def test_a_refused_run_makes_no_folder(bench):
    """What cannot start leaves nothing behind, not even an empty reports folder."""
    station = bench.station(more="  resources: {gpu_memory_max_mb: 100}")
    refused(bench, bench.call("run", station), code=22, words=["gpu_memory_max_mb"])
    assert not bench.reports.exists()


def test_a_folder_without_runs_is_an_empty_list(bench):
    """Before the first run there is nothing to list, and the next step is shown."""
    called = bench.call("list")
    assert called.code == 0, called
    assert "hilrig demo" in called.out


def test_check_finds_a_model_that_is_not_the_declared_one(bench):
    """On hardware of the profile's class a mismatch is the profile's mistake, not an obstacle of the machine."""
    folder = onnx_station(bench)
    onnx.save(build_model(n_labels=3), str(folder / "model.onnx"))
    refused(bench, bench.call("check", str(folder)), code=22, words=["[1, 2]", "[1, 3]"])


def test_check_calls_a_profile_for_other_hardware_sound(bench):
    """The Jetson's profile can be checked here; what keeps this machine from running it is said beside."""
    called = bench.call("check", str(PROFILES / "weld-station-orin"), "--json")
    checked = json.loads(called.out)
    assert called.code == 0, called
    assert not checked["runs_here"]
    assert "jetson-orin-nx-16gb" in checked["obstacle"]
