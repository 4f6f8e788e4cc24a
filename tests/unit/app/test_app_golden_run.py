from functools import cache

import onnx
import pytest
from onnx import helper

from foreign_services import serving
from golden_stations import write_color_station
from hilrig.app.golden import run as subject
from hilrig.app.golden.run import GoldenRequest, read_golden, run_golden, write_golden
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.core.verdict import CheckStatus

AGAINST = (
    "  max_false_reject: 0.1",
    "  max_false_reject: 0.1\n  against_last: {precision_drop_max: 0.02, recall_drop_max: 0.02}",
)


@pytest.fixture(scope="module", autouse=True)
def inspected_once():
    """Look at this machine once: what is installed does not change between the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "inspect_local", cache(subject.inspect_local))
        yield


def golden(station, *, against=None, shown=lambda *_: None, clock=None):
    return run_golden(GoldenRequest(profile=station, against=against), clock=clock or ManualClock(), shown=shown)


def statuses(report):
    return {check.check_id: check.status for check in report.checks}


def test_a_pipeline_that_sees_right_passes(tmp_path):
    """Every frame of known truth is decided as it is, and the report says of which model, pipeline and set."""
    report = golden(write_color_station(tmp_path / "s"))
    assert report.status is CheckStatus.PASS
    assert set(statuses(report).values()) == {CheckStatus.PASS}
    assert [score.true_positives for score in report.labels] == [20, 20, 20]
    assert [score.true_negatives for score in report.labels] == [60, 60, 60]
    assert (report.n_frames, report.n_not_decided, report.against_sha256) == (80, 0, "")
    assert report.model_files_sha256 == {"model.onnx": sha256_hex((tmp_path / "s/model.onnx").read_bytes())}


def test_it_is_the_same_every_time(tmp_path):
    """Nothing but the time that it was made at comes from the machine."""
    station = write_color_station(tmp_path / "s")
    assert golden(station) == golden(station)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (("labels: [red, green, blue]", "labels: [green, red, blue]"), {"red", "green"}),
        (("color_order: rgb", "color_order: bgr"), {"red", "blue"}),
        (("thresholds: {red: 0.5,", "thresholds: {red: 0.95,"), {"red"}),
    ],
)
def test_a_silent_mistake_in_the_pipeline_fails_the_recall_of_what_it_blinds(tmp_path, change, wrong):
    """Two labels in each other's place, planes in the other order, a threshold nobody reaches: none crashes."""
    sound, broken = write_color_station(tmp_path / "a"), write_color_station(tmp_path / "b", change)
    report = golden(broken)
    assert report.status is CheckStatus.FAIL
    failed = {key for key, status in statuses(report).items() if status is CheckStatus.FAIL}
    assert {f"golden.{label}.min_recall" for label in wrong} <= failed
    assert not any(key.split(".")[1] not in wrong for key in failed)
    assert report.pipeline_sha256 != golden(sound).pipeline_sha256


def test_a_label_that_no_frame_has_is_not_measured(tmp_path):
    """Nobody knows whether blue would be found: that is not a pass."""
    report = golden(write_color_station(tmp_path / "s", forgotten="blue"))
    assert report.status is CheckStatus.NOT_MEASURED
    assert statuses(report)["golden.blue.min_recall"] is CheckStatus.NOT_MEASURED
    assert report.labels[2].recall is None


def test_a_model_that_gives_no_finite_score_decides_nothing(tmp_path):
    """NaN for every frame: each is a miss, and the check of undecided frames says how many."""
    station = write_color_station(tmp_path / "s")
    model = onnx.load(str(station / "model.onnx"))
    model.graph.node[0].output[0] = "mean"
    model.graph.node.append(helper.make_node("Neg", ["mean"], ["below"]))
    model.graph.node.append(helper.make_node("Log", ["below"], ["scores"]))
    onnx.save(model, str(station / "model.onnx"))
    report = golden(station)
    assert (report.n_not_decided, report.status) == (80, CheckStatus.FAIL)
    assert statuses(report)["golden.not_decided"] is CheckStatus.FAIL
    assert [score.recall.value for score in report.labels] == [0, 0, 0]


def test_the_set_is_held_against_its_pin(tmp_path):
    """The digest over all pixels is the one that a profile pins; another set is refused, whatever comes out."""
    found = golden(write_color_station(tmp_path / "a")).set_sha256
    pinned = ("  min_precision: 0.8", f"  sha256: '{found}'\n  min_precision: 0.8")
    assert golden(write_color_station(tmp_path / "b", pinned)).set_sha256 == found
    with pytest.raises(PreconditionError, match="not the one that profile.yaml pins"):
        golden(write_color_station(tmp_path / "c", pinned, forgotten="red"))


def test_a_model_that_is_not_the_pinned_one_is_refused(tmp_path):
    """The file is hashed before it is loaded."""
    pin = ("files: [model.onnx]", f"files: [model.onnx]\n  bundle_sha256: {'a' * 64}")
    with pytest.raises(PreconditionError, match="bundle_sha256"):
        golden(write_color_station(tmp_path / "s", pin))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("pool_frames: 80", "pool_frames: 81"), "asks for 81 frames, the feed has 80"),
        ((", truth: golden/truth.csv", ""), "nobody knows what is in golden frame 0"),
        (("labels: [red, green, blue]", "labels: [rot, green, blue]"), "golden frame 0 has red, which is none of"),
        (("[x86-cpu, arm64-cpu]", "[jetson-orin-nx-16gb]"), "is for device class jetson-orin-nx-16gb"),
    ],
)
def test_a_set_that_proves_nothing_is_refused(tmp_path, change, why):
    """Too few frames, unknown truth, labels that the model lacks, another class of hardware."""
    rename = [("{red: 0.5", "{rot: 0.5")] if "rot" in change[1] else []
    with pytest.raises(PreconditionError, match=why):
        golden(write_color_station(tmp_path / "s", change, *rename))


def test_a_profile_without_a_golden_set_is_refused(tmp_path):
    """There is nothing to run: that is a mistake of the caller, never a pass."""
    station = write_color_station(tmp_path / "s")
    text = (station / "profile.yaml").read_text()
    (station / "profile.yaml").write_text(text[: text.index("golden:")] + text[text.index("hil_validation:") :])
    with pytest.raises(UsageError, match="no golden set"):
        golden(station)


def test_the_last_release_s_report_is_compared(tmp_path):
    """The same pipeline is as good; one that lost recall is not, also where absolute limits allow it."""
    last = tmp_path / "last.json"
    write_golden(last, golden(write_color_station(tmp_path / "a")))
    lax = ("min_recall: 0.8", "min_recall: 0")
    same = golden(write_color_station(tmp_path / "b", AGAINST, lax), against=last)
    assert (same.status, same.against_sha256) == (CheckStatus.PASS, sha256_hex(last.read_bytes()))
    blind = golden(
        write_color_station(tmp_path / "c", AGAINST, lax, ("thresholds: {red: 0.5,", "thresholds: {red: 0.95,")),
        against=last,
    )
    assert statuses(blind)["golden.red.recall_drop_max"] is CheckStatus.FAIL
    assert statuses(blind)["golden.green.recall_drop_max"] is CheckStatus.PASS


def test_a_report_over_another_set_is_refused(tmp_path):
    """An unequal set: no difference is computed."""
    last = tmp_path / "last.json"
    write_golden(last, golden(write_color_station(tmp_path / "a", forgotten="blue")))
    with pytest.raises(PreconditionError, match="over other frames"):
        golden(write_color_station(tmp_path / "b", AGAINST), against=last)


def test_a_report_without_limits_to_hold_it_to_is_refused(tmp_path):
    """--against that would change nothing is a mistake."""
    last = tmp_path / "last.json"
    station = write_color_station(tmp_path / "a")
    write_golden(last, golden(station))
    with pytest.raises(UsageError, match="no golden.against_last"):
        golden(station, against=last)


def test_a_report_comes_back_from_its_file(tmp_path):
    """Written and read it is the same; a changed number, another schema, no file, a link are refused."""
    report = golden(write_color_station(tmp_path / "s"))
    path = tmp_path / "golden.json"
    write_golden(path, report)
    assert read_golden(path)[0] == report
    text = path.read_text()
    for old, new in (('"true_positives":20', '"true_positives":19'), ("hilrig.golden/1", "hilrig.golden/9")):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(RecordError, match="cannot be a golden report|should have schema"):
            read_golden(path)
    (tmp_path / "link.json").symlink_to(path)
    for wrong in (tmp_path / "link.json", tmp_path / "none.json", tmp_path):
        with pytest.raises(RecordError):
            read_golden(wrong)
    with pytest.raises(UsageError, match="cannot be written"):
        write_golden(tmp_path / "no" / "golden.json", report)


def test_it_says_how_far_it_is(tmp_path):
    """Every five seconds: frames done, all of them, seconds left at this pace."""
    clock, told = ManualClock(), []
    read = clock.monotonic_ns

    def tick():
        clock.now_ns += 1_000_000_000
        return read()

    clock.monotonic_ns = tick
    golden(write_color_station(tmp_path / "s"), clock=clock, shown=lambda *said: told.append(said))
    assert told[0] == (5, 80, 75.0)
    assert len(told) == 15


def test_a_pipeline_of_the_user_s_own_is_asked_as_in_a_run(tmp_path):
    """The target python: its scores are decided by the profile's thresholds, what it prints goes to stderr."""
    station = write_color_station(
        tmp_path / "s",
        ("  decide:", "  target: python\n  target_options: {callable: 'pipeline:Mean'}\n  decide:"),
        ("  backend: {name: onnx, options: {providers: [CPUExecutionProvider], intra_op_threads: 1}}\n", ""),
    )
    text = (station / "profile.yaml").read_text()
    start = text.index("  preprocess:")
    (station / "profile.yaml").write_text(text[:start] + text[text.index("  target: python") :])
    (station / "pipeline.py").write_text(
        "class Mean:\n"
        "    def prepare(self, context): pass\n"
        "    def process(self, frame): return frame.mean(axis=(0, 1))[::-1] / 255\n"
        "    def close(self): pass\n"
    )
    report = golden(station)
    assert report.status is CheckStatus.PASS


def test_a_ring_cannot_be_asked_outside_of_a_run(tmp_path):
    """Said before anything is started."""
    station = write_color_station(tmp_path / "s")
    text = (station / "profile.yaml").read_text()
    start, end = text.index("  preprocess:"), text.index("  decide:")
    ring = "  target: ring\n  target_options: {command: ['true']}\n"
    (station / "profile.yaml").write_text(text[:start] + ring + text[end:])
    with pytest.raises(PreconditionError, match="outside of a run"):
        golden(station)


def test_a_frame_that_a_service_does_not_answer_is_not_decided(tmp_path):
    """An inference server that fails every eighth request: ten frames of eighty, and the run fails by them."""
    with serving(lambda n: "status_503" if n > 1 and n % 8 == 0 else "", n_labels=3) as service:
        target = (
            f"  target: open_inference\n  target_options: {{url: '{service.url}', model_name: weld}}\n  decide:"
        )
        station = write_color_station(
            tmp_path / "s",
            ("  backend: {name: onnx, options: {providers: [CPUExecutionProvider], intra_op_threads: 1}}\n", ""),
            ("  decide:", target),
        )
        report = golden(station)
    assert report.n_not_decided == 10
    assert statuses(report)["golden.not_decided"] is CheckStatus.FAIL
    assert report.bundle_sha256 == golden(write_color_station(tmp_path / "o")).bundle_sha256
