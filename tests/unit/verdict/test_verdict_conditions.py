"""hilrig.verdict.many_runs.conditions: what differs between runs, in full and in words."""

from dataclasses import replace
from fractions import Fraction

import pytest

from builders import make_plan
from hilrig.core.rig import RigInfo
from hilrig.verdict.many_runs.conditions import (
    changes,
    conditions_of_plan,
    conditions_of_result,
    differences,
    flat_facts,
)
from signed_runs import make_judgement, make_result

FIRST = conditions_of_result(make_result())


def test_equal_runs_differ_in_nothing():
    """The time of the run is no difference."""
    later = conditions_of_result(make_result(started_at_utc="2027-01-01T00:00:00Z", run_id="other"))
    assert differences([FIRST, later, FIRST]) == ()
    assert changes(FIRST, later) == ()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model_bundle_sha256": "ff" * 32}, "model"),
        ({"pipeline_sha256": "ff" * 32}, "pipeline"),
        ({"profile_name": "other"}, "profile"),
        ({"profile_sha256": "ff" * 32}, "profile digest"),
        ({"rig": "other"}, "rig"),
        ({"device_class": "jetson-orin-nx-16gb"}, "device class"),
        ({"stack_sha256": "ff" * 32}, "stack"),
        ({"hilrig_version": "0.2.0"}, "hilrig"),
        ({"feed": "folder"}, "feed"),
        ({"frame_rate_fps": 60.0}, "frame rate"),
        ({"duration_min": 480.0}, "measured"),
        ({"frame_rate_fps": None}, "frame rate"),
    ],
)
def test_each_condition_is_a_difference_of_its_own(change, what):
    """Only device class and frame rate make the numbers answer different questions."""
    (found,) = differences([FIRST, replace(FIRST, **change)])
    assert found.what == what
    assert found.texts[0] != found.texts[1]
    assert found.is_obstacle == (what in {"device class", "frame rate"})


def test_digests_that_begin_and_end_alike_differ():
    """Ten digits are shown, all of them are compared."""
    twin = FIRST.model_bundle_sha256[:30] + "0000" + FIRST.model_bundle_sha256[34:]
    (found,) = differences([FIRST, replace(FIRST, model_bundle_sha256=twin)])
    assert found.what == "model"


def test_a_changed_stack_is_told_by_its_facts():
    """From which version to which; what is gone is not known any more."""
    facts = {"os": "Debian 12", "packages": {"onnxruntime": "1.32.0"}, "kernel": "6.1"}
    after = replace(FIRST, stack_sha256="00" * 32, facts=flat_facts(facts))
    (text,) = changes(FIRST, after)
    assert text.startswith("stack 77777777..77 -> 00000000..00 (")
    assert "packages onnxruntime 1.31.1 -> 1.32.0" in text
    assert "kernel not known -> 6.1" in text


def test_many_changed_facts_are_counted():
    """Three by name, then how many more; long texts are cut."""
    after = replace(FIRST, stack_sha256="0" * 64, facts=flat_facts({f"fact_{n}": "x" * 500 for n in range(9)}))
    (text,) = changes(FIRST, after)
    assert "and 8 more" in text
    assert len(text) < 500


def test_a_plan_has_the_conditions_of_the_run_that_it_becomes():
    """Rate and duration come out alike, whether planned as a fraction or measured in minutes and frames."""
    plan = make_plan(n_measured=17982, fps=Fraction(30000, 1001))
    info = RigInfo(
        name="local",
        device_classes=("x86-cpu",),
        boot_id="",
        serial_sha256=None,
        facts={"os": "Debian 12", "packages": {"onnxruntime": "1.31.1"}},
        stack_sha256="77" * 32,
    )
    minutes = float(17982 * Fraction(1001, 30000) / 60)
    result = make_result(
        make_judgement(measured={"frames_offered": 17982.0, "duration_min": minutes}),
        profile_sha256=plan.profile_sha256,
        model_bundle_sha256=plan.model_bundle_sha256,
        pipeline_sha256=plan.pipeline_sha256,
    )
    assert changes(conditions_of_plan(plan, info), conditions_of_result(result)) == ()


def test_what_is_left_out_is_left_out():
    """A baseline's model is meant to be another one."""
    after = replace(FIRST, model_bundle_sha256="0" * 64, hilrig_version="0.2.0")
    assert changes(FIRST, after, but={"model"}) == ("hilrig 0.1.0 -> 0.2.0",)


def test_nothing_measured_is_not_a_rate_of_zero():
    """A run that ended before its first measured frame."""
    empty = make_judgement(measured={"frames_offered": 0.0, "duration_min": 0.0})
    assert conditions_of_result(make_result(empty)).frame_rate_fps is None
