import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hilrig.app.rigs.files import RigFile, read_rigs
from hilrig.app.rigs.held import Held
from hilrig.app.rigs.link import RigLink
from hilrig.app.rigs.overview import ANSWER_S, ASK_S, SIDE_BY_SIDE, RigState, at_a_glance, overview, who_holds
from hilrig.app.rigs.reserve import reserve
from hilrig.core.errors import HilrigError, PreconditionError, RigBusyError, RigLostError, TrustError
from hilrig.core.rig import RigSpec
from local_rigs import local_rig, write_local_rig

pytestmark = pytest.mark.waiting

HELD = Held(holder="ada@desk", run_id="", note="", since_utc="2026-11-21T11:20:00Z", until_utc=None)


@pytest.fixture
def files(tmp_path: Path) -> tuple[RigFile, ...]:
    """Return one rig in service, one out of it, one with a mistake."""
    write_local_rig(tmp_path, "bench")
    write_local_rig(tmp_path, "repair", more="enabled: false\ndisabled_reason: fan is broken\n")
    write_local_rig(tmp_path, "typo", more="speed: 3\n")
    return read_rigs(tmp_path)


def test_without_asking(files: tuple[RigFile, ...]):
    """What the files say is told, what they cannot say is not guessed."""
    rows = overview(files, ask=None)
    assert [(row.name, row.state, row.detail) for row in rows] == [
        ("bench", RigState.NOT_ASKED, ""),
        ("repair", RigState.OUT_OF_SERVICE, "fan is broken"),
        ("typo", RigState.MISTAKES, "1 mistake in typo.yaml"),
    ]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RigBusyError("place is held by bob"), RigState.HELD),
        (RigLostError("no route to host"), RigState.UNREACHABLE),
        (TrustError("unknown host key"), RigState.NOT_USABLE),
        (PreconditionError("no python3"), RigState.NOT_USABLE),
    ],
)
def test_why_a_rig_cannot_be_had(files: tuple[RigFile, ...], error: HilrigError, state: RigState):
    """Each reason in the rig's own words; the others are asked all the same, one out of service never."""

    def ask(rig: RigSpec) -> Held | None:
        assert rig.name == "bench"
        raise error

    row = overview(files, ask=ask)[0]
    assert (row.state, row.detail) == (state, error.message)


def test_free_and_held(files: tuple[RigFile, ...]):
    """Who holds it comes with the row."""
    assert overview(files, ask=lambda _: None)[0].state is RigState.FREE
    row = overview(files, ask=lambda _: HELD)[0]
    assert (row.state, row.held) == (RigState.HELD, HELD)


def test_rigs_are_asked_side_by_side(tmp_path: Path):
    """As many as may be wait for each other: one after another none would ever answer."""
    for number in range(SIDE_BY_SIDE):
        write_local_rig(tmp_path, f"r{number}")
    together = threading.Barrier(SIDE_BY_SIDE)

    def ask(_: RigSpec) -> None:
        together.wait(timeout=60)

    rows = overview(read_rigs(tmp_path), ask=ask, deadline_s=120)
    assert {row.state for row in rows} == {RigState.FREE}


def test_a_rig_that_does_not_answer_holds_nobody_up(tmp_path: Path):
    """It is given its time; the others are told, and its answer may come when it likes."""
    for name in ("quick", "stuck"):
        write_local_rig(tmp_path, name)
    end = threading.Event()

    def ask(rig: RigSpec) -> None:
        if rig.name == "stuck":
            end.wait(timeout=30)

    try:
        quick, stuck = overview(read_rigs(tmp_path), ask=ask, deadline_s=0.1)
    finally:
        end.set()
    assert (quick.state, stuck.state) == (RigState.FREE, RigState.UNREACHABLE)
    assert stuck.detail == "no answer in 0.1 s"


def test_a_real_rig_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Free, then held by whoever reserved it."""
    monkeypatch.setenv("HILRIG_HOLDER", "ada@desk")
    rig = local_rig(tmp_path)
    assert who_holds(rig) is None
    reserve(rig, for_s=600, note="fan test")
    held = who_holds(rig)
    assert held is not None
    assert (held.holder, held.note, held.run_id) == ("ada@desk", "fan test", "")


def test_a_rig_that_was_reached_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A busy emulated one takes longer to say who holds it than a person waits for a table: it is no lost rig."""
    waits_s, stream = [], RigLink.stream

    def noted(link: RigLink, verb: str, *arguments: Any, silence_s: float, **options: Any) -> Iterator[Any]:
        waits_s.append(silence_s)
        return stream(link, verb, *arguments, silence_s=silence_s, **options)

    monkeypatch.setattr(RigLink, "stream", noted)
    rig = local_rig(tmp_path)
    assert (who_holds(rig), at_a_glance(rig)) == (None, None)
    assert waits_s == [ANSWER_S, ASK_S]
    assert ANSWER_S >= 4 * ASK_S


def test_a_rig_whose_home_is_gone_is_unreachable(tmp_path: Path):
    """As a disk that is not mounted."""
    write_local_rig(tmp_path)
    (tmp_path / "home-bench").rmdir()
    (row,) = overview(read_rigs(tmp_path), ask=at_a_glance)
    assert row.state is RigState.UNREACHABLE
    assert row.hint
