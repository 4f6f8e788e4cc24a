"""Episodes: what stood beside the frames, cut to the measured part."""

from builders import (
    NS_PER_MS,
    NS_PER_S,
    T0_NS,
    Curve,
    edges_ns,
    make_capability,
    make_event,
    make_plan,
    make_record,
)
from hilrig.core.analysis import EpisodeKind
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, Reason
from hilrig.verdict.episodes import N_EPISODES_MAX, episodes
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut

PLAN = make_plan()  # a minute
START_NS, END_NS = edges_ns(PLAN)


def lengths(name, *begun_and_ms):
    """Return a channel of (ms after the start of the measured part, length in ms)."""
    points = tuple((START_NS + round(at * NS_PER_MS), ms * NS_PER_MS) for at, ms in begun_and_ms)
    return Curve(capability=make_capability(name, unit="ns"), points=points)


def episodes_of(*curves, events=(), plan=PLAN):
    record = make_record(plan, curves=curves, events=events)
    return episodes(Telemetry(record), cut(record), record.events)


def service(state, at_s, name="plc-logger"):
    return make_event("co_resident", START_NS + round(at_s * NS_PER_S), name=name, state=state)


def test_a_stall_is_an_episode_with_its_length() -> None:
    """Where it began, where it ended, and what it was, for a person."""
    (stall,) = episodes_of(lengths(HOST_STALL, (1000, 35.5)))
    assert (stall.kind, stall.text) == (EpisodeKind.HOST_STALL, "host stall of 35.5 ms")
    assert (stall.begin_s, stall.end_s) == (1.0, 1.0355)


def test_collections_below_a_millisecond_are_left_out() -> None:
    """They make no frame late; one of exactly a millisecond counts."""
    found = episodes_of(lengths(GC_PAUSE, (1000, 0.999999), (2000, 1), (3000, 12.25)))
    assert [one.text for one in found] == ["garbage collection of 1 ms", "garbage collection of 12.25 ms"]
    assert {one.kind for one in found} == {EpisodeKind.GARBAGE_COLLECTION}


def test_a_stall_at_an_edge_is_cut_but_keeps_its_length_in_words() -> None:
    """It reaches into the measured part from the warm-up, another one beyond its end."""
    found = episodes_of(lengths(HOST_STALL, (-80, 100), (59_990, 100)))
    assert [(one.begin_s, one.end_s) for one in found] == [(0.0, 0.02), (59.99, 60.0)]
    assert {one.text for one in found} == {"host stall of 100 ms"}


def test_what_lies_outside_the_measured_part_is_no_episode() -> None:
    """Before its start, after its end, and what ends exactly where it begins."""
    assert not episodes_of(lengths(HOST_STALL, (-100, 50), (-50, 50), (60_000, 50)))


def test_a_service_is_an_episode_for_as_long_as_it_was_at_work() -> None:
    """Its text has the time within the measured part."""
    (found,) = episodes_of(events=[service("start", 10), service("stop", 25)])
    assert (found.kind, found.begin_s, found.end_s) == (EpisodeKind.CO_RESIDENT, 10.0, 25.0)
    assert found.text == "co-resident plc-logger at work for 15 s"


def test_a_service_that_never_stopped_is_at_work_to_the_end() -> None:
    """Started in the warm-up, no stop on record: all of the measured part."""
    (found,) = episodes_of(events=[service("start", -1)])
    assert (found.begin_s, found.end_s) == (0.0, 60.0)
    assert found.text.endswith("1 min")


def test_a_foreign_name_stays_what_it_is() -> None:
    """Markup in a service's name is text for the page to escape, not ours to change."""
    (found,) = episodes_of(events=[service("start", 0, name="</script>")])
    assert found.text.startswith("co-resident </script> at work")


def test_the_longest_are_kept_in_the_order_of_time() -> None:
    """Of 1000 stalls the 300 longest; a collection among them when it is long enough."""
    stalls = lengths(HOST_STALL, *((50 * index, 5 + index % 10) for index in range(1000)))
    found = episodes_of(stalls, lengths(GC_PAUSE, (30, 1), (20_030, 20)))
    assert len(found) == N_EPISODES_MAX
    assert [one.begin_s for one in found] == sorted(one.begin_s for one in found)
    assert min(one.end_s - one.begin_s for one in found) > 0.0119
    assert [one.text for one in found if one.kind is EpisodeKind.GARBAGE_COLLECTION] == [
        "garbage collection of 20 ms"
    ]


def test_of_equally_long_ones_the_first_are_kept() -> None:
    """No sort decides otherwise on another machine."""
    found = episodes_of(lengths(HOST_STALL, *((50 * index, 5) for index in range(1000))))
    assert found[-1].begin_s == 50 * (N_EPISODES_MAX - 1) / 1000


def test_no_reading_is_no_episode() -> None:
    """Channels that answered nothing, or no such channel: nothing to show, nothing made up."""
    silent = Curve(capability=make_capability(HOST_STALL, unit="ns"), points=((T0_NS, Reason.LOST),))
    assert not episodes_of(silent)
    assert not episodes_of()


def test_without_frames_there_is_no_measured_part() -> None:
    """A stall beside nothing is no episode."""
    assert not episodes_of(lengths(HOST_STALL, (0, 50)), plan=make_plan(n_measured=0, n_warmup=0))
