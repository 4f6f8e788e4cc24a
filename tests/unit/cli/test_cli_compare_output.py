"""hilrig.cli.compare_output: a comparison as a technician reads it."""

import pytest

from hilrig.cli.compare_output import show_side_by_side
from hilrig.core.side_by_side import ComparedRun
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.many_runs.conditions import conditions_of_result
from hilrig.verdict.many_runs.side_by_side import side_by_side
from signed_runs import make_check, make_judgement, make_result


@pytest.fixture
def shown(capsys):
    """Return what is printed of runs with these judgements."""

    def show(*judgements, is_key_known=True, **changes):
        runs = [
            ComparedRun(
                label="AB"[index],
                path=f"reports/run{index}",
                run_id=str(index),
                started_at_utc="2026-11-20T21:00:04.000000Z",
                status=judgement.status,
                sentence="",
                ended="completed",
                result_sha256="",
                key_fingerprint="SHA256:abc",
                is_key_known=is_key_known,
                conditions=conditions_of_result(make_result(judgement, **changes)),
            )
            for index, judgement in enumerate(judgements)
        ]
        show_side_by_side(side_by_side(runs, judgements))
        return capsys.readouterr().out

    return show


def test_a_difference_has_its_word_only_where_there_are_bounds(shown):
    """p99 beyond, maximum bare."""
    lines = shown(make_judgement(p99_ms=20.0), make_judgement(p99_ms=30.0)).splitlines()
    (p99,) = [line for line in lines if "latency.p99_max_ms" in line]
    (maximum,) = [line for line in lines if "latency maximum" in line]
    assert " ".join(p99.split()) == ("latency.p99_max_ms <= 45 ms 20 ms (19..21) 30 ms (28.5..31.5) +10 ms beyond")
    assert maximum.endswith("+20 ms")


def test_other_limits_stand_with_their_numbers(shown):
    """45 ms for the one, 25 ms for the other, which it broke."""
    tight = make_judgement(
        status=RunStatus.FAIL, checks=(make_check(30.0, limit=25.0, status=CheckStatus.FAIL, lower=29.0),)
    )
    out = shown(make_judgement(), tight)
    assert "20 ms (19..21) <= 45 ms" in out
    assert "FAIL 30 ms (29..) <= 25 ms" in out


def test_numbers_that_no_run_has_take_no_line(shown):
    """Nobody measured power: it is on the page and in the JSON."""
    out = shown(make_judgement(), make_judgement())
    assert "mean power" not in out
    assert "host memory peak" in out


def test_equal_conditions_are_said(shown):
    """Not an empty table."""
    assert "nothing that is recorded differs" in shown(make_judgement(), make_judgement())


def test_what_nobody_checked_is_said_in_capitals(shown):
    """For each run of an unknown key."""
    assert shown(make_judgement(), make_judgement(), is_key_known=False).count("NOT CHECKED") == 2


def test_no_text_moves_the_cursor(shown):
    """A rig's name with escapes, a bell and a mark that turns the direction."""
    out = shown(make_judgement(), make_judgement(), rig="\x1b[2J\x07\u202ebench")
    assert "?[2J??bench" in out
    assert "\x1b" not in out
