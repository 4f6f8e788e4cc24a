from pathlib import Path

import pytest

from hilrig.app.rigs.conditions import Asked, doubts_of, problems_of
from hilrig.app.rigs.upload import read_profile
from hilrig.core.rig import RigConditions, RigSpec
from hilrig.rig.agent.facts import NEEDED
from stations import write_station

NOW_NS = 1_795_285_524_000_000_000
GOOD = {
    "realtime_ns": NOW_NS,
    "free_mib": 5000.0,
    "temperatures": [{"name": "cpu", "cel": 41.0}, {"name": "gpu", "cel": 62.0}],
    "power_mode": "MAXN",
    "gpu_processes": [],
    "gpu_processes_complete": True,
    "packages": dict.fromkeys(NEEDED, "99.0"),
    "modules": {"cv2": True, "onnxruntime": True},
}
STRICT = RigConditions(max_temperature_c=65, power_mode="MAXN")


def found(conditions: RigConditions = STRICT, *, disabled: str = "", upload_mib: float = 0, **facts):
    """Return the conditions that a rig with these facts breaks, with their causes."""
    rig = RigSpec(
        name="orin", transport="ssh", device_class="x", work_folder="w", conditions=conditions, disabled=disabled
    )
    asked = Asked(facts={**GOOD, **facts}, middle_ns=NOW_NS, upload_mib=upload_mib)
    return {problem.condition: problem.cause for problem in problems_of(rig, asked, None)}


def test_a_rig_that_is_as_asked_has_no_problem():
    """Every condition is asked for, and holds."""
    assert found() == {}


@pytest.mark.parametrize(
    ("facts", "condition", "words"),
    [
        ({"free_mib": 1000.0}, "min_free_mib", "1000 MiB are free in its work folder, 1024 MiB"),
        ({"temperatures": [{"name": "gpu", "cel": 66.0}]}, "max_temperature_c", "gpu is at 66 degrees C"),
        ({"realtime_ns": 0}, "max_clock_offset_s", "1795285524 s behind"),
        ({"realtime_ns": NOW_NS + 61_000_000_000}, "max_clock_offset_s", "61 s ahead"),
        ({"power_mode": "15W"}, "power_mode", "its power mode is 15W, MAXN is asked for"),
        ({"gpu_processes": [{"pid": 7, "name": "blender"}]}, "no_foreign_gpu_processes", "blender (pid 7)"),
        ({"packages": {**GOOD["packages"], "pyarrow": None}}, "software", "lacks pyarrow"),
        (
            {"packages": {**GOOD["packages"], "pydantic": "1.10.4"}},
            "software",
            "has pydantic 1.10.4, this hilrig needs pydantic>=",
        ),
        ({"packages": {**GOOD["packages"], "numpy": "what?"}}, "software", "has numpy what?, this hilrig needs"),
    ],
)
def test_what_is_not_as_asked_is_named_with_its_number(facts, condition, words):
    """One problem, its cause in numbers: a person can act on it."""
    problems = found(**facts)
    assert list(problems) == [condition]
    assert words in problems[condition]


@pytest.mark.parametrize(
    ("name", "value", "condition"),
    [
        ("free_mib", None, "min_free_mib"),
        ("temperatures", [], "max_temperature_c"),
        ("temperatures", [{"name": "cpu", "cel": None}], "max_temperature_c"),
        ("temperatures", None, "max_temperature_c"),
        ("realtime_ns", None, "max_clock_offset_s"),
        ("realtime_ns", True, "max_clock_offset_s"),
        ("power_mode", None, "power_mode"),
        ("packages", None, "software"),
        ("gpu_processes", None, "no_foreign_gpu_processes"),
    ],
)
def test_what_was_asked_for_and_cannot_be_read_is_a_problem(name, value, condition):
    """Unknown is neither 0 nor good enough."""
    assert list(found(**{name: value})) == [condition]


def test_what_was_not_asked_for_may_be_unknown():
    """A rig without sensors and modes is fine when its file asks for neither."""
    conditions = RigConditions(max_clock_offset_s=None, no_foreign_gpu_processes=False)
    assert found(conditions, temperatures=[], power_mode=None, realtime_ns=None, gpu_processes=[{"pid": 1}]) == {}


def test_all_problems_come_at_once_and_the_upload_needs_room_too():
    """Nobody mends one thing after the other; 4100 MiB of model do not fit beside 1024 MiB that stay free."""
    problems = found(disabled="fan broken", upload_mib=4100, power_mode="15W")
    assert list(problems) == ["enabled", "min_free_mib", "power_mode"]
    assert "fan broken" in problems["enabled"]


def test_gpu_processes_of_others_that_cannot_be_seen_are_told_not_passed_over():
    """The login of a rig is seldom root: the run may go on, and says what nobody looked at."""
    rig = RigSpec(name="orin", transport="ssh", device_class="x")
    assert doubts_of(rig, {"gpu_processes_complete": True}) == []
    assert "cannot be seen" in doubts_of(rig, {"gpu_processes_complete": False})[0]


def test_a_profile_asks_for_the_modules_of_its_backend_and_its_pictures(tmp_path: Path):
    """JetPack's own cv2 and onnxruntime have no metadata: importable is what counts."""
    profile = read_profile(write_station(tmp_path / "station")).profile
    rig = RigSpec(name="orin", transport="ssh", device_class="x", work_folder="w")
    facts = {**GOOD, "modules": {"cv2": False, "onnxruntime": False}}
    (problem,) = problems_of(rig, Asked(facts=facts, middle_ns=NOW_NS), profile)
    assert "lacks cv2" in problem.cause
