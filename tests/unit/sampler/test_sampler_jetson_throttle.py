import pytest
from hypothesis import given
from hypothesis import strategies as st

from board_parts import THERMAL, over_current, throttle, time_in_state, trans_table
from boards import agx_orin, build, build_orin, thor
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jetson.throttle import throttle_sources

GPU = "gpu-throttle-alert"
STATE = throttle("state", "thermal", GPU, "cooling_device")
TIME = throttle("time", "thermal", GPU, "cooling_device_stats")
EVENTS = throttle("events", "thermal", GPU, "cooling_device_stats")


def read(root):
    found = {}
    for source in throttle_sources(root):
        for channel, value in zip(source.channels, source.read(), strict=True):
            found[channel.key] = value
        source.close()
    return found


def write(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{content}\n")


def alert(root, file_name, content):
    """Write a file of the only alert under `root`."""
    write(root, {f"{THERMAL}/cooling_device7/type": GPU, f"{THERMAL}/cooling_device7/{file_name}": content})
    return read(root)


@pytest.mark.parametrize(("state", "value"), [("0", 0.0), ("1", 1.0), ("2", 1.0), ("-1", Reason.ERROR)])
def test_any_state_over_0_is_throttling(tmp_path, state, value):
    """An alert is on or off, however many states its device has."""
    assert alert(tmp_path, "cur_state", state)[STATE] == value


def test_only_alerts_of_throttling_are_throttling(tmp_path):
    """A fan, a capped clock and a hot housing are at work on every warm board: none of them is throttling."""
    kinds = ["pwm-fan", "cpufreq-cpu0", "devfreq-17000000.gpu", "hot-surface-alert", GPU]
    for number, kind in enumerate(kinds):
        folder = f"{THERMAL}/cooling_device{number}"
        write(tmp_path, {f"{folder}/type": kind, f"{folder}/cur_state": 0 if kind == GPU else 1})
    states = {key: value for key, value in read(tmp_path).items() if ".state{" in key}
    assert states == {STATE: 0.0}


def test_the_time_is_that_of_all_states_but_the_first(tmp_path):
    """Milliseconds in states 1 and 2 add up to nanoseconds; those in state 0 are not throttling."""
    assert (
        alert(tmp_path, "stats/time_in_state_ms", "state0\t3605000\nstate1\t733\nstate2\t7")[TIME] == 740_000_000
    )


@pytest.mark.parametrize(
    "content",
    ["", "state0\t-5", "state1\t5", "state0\t1\nstate2\t5", "state0\t1\nstate1", "state0\t1\nstate1\t5 ms", "733"],
)
def test_times_of_states_that_are_not_all_there_are_an_error(tmp_path, content):
    """A table that lacks a state, or has another unit, gives no time: a part of it would be too little."""
    assert alert(tmp_path, "stats/time_in_state_ms", content)[TIME] is Reason.ERROR


def test_an_episode_counts_once_from_its_beginning(tmp_path):
    """Three episodes begun, two of them ended: three, not the five changes of state."""
    assert alert(tmp_path, "stats/trans_table", trans_table(3, 2))[EVENTS] == 3


def test_a_table_without_the_row_is_an_error(tmp_path):
    """Where the transitions out of state 0 are cut off, nobody knows their number."""
    assert alert(tmp_path, "stats/trans_table", " From  :    To\n")[EVENTS] is Reason.ERROR
    assert alert(tmp_path, "stats/trans_table", "state 0:       4")[EVENTS] is Reason.ERROR


@given(walk=st.lists(st.integers(min_value=0, max_value=2), max_size=30))
def test_episodes_are_counted_whatever_the_states_between(tmp_path_factory, walk):
    """For every path through the states the count is that of its ways out of state 0."""
    cells, state, episodes = [[0] * 3 for _ in range(3)], 0, 0
    for following in walk:
        if following != state:
            cells[state][following] += 1
            episodes += state == 0
        state = following
    rows = [f"state{number:2}:" + "".join(f"{cell:8} " for cell in row) for number, row in enumerate(cells)]
    root = tmp_path_factory.mktemp("walk")
    content = "\n".join([" From  :    To", "       : state 0  state 1  state 2  ", *rows])
    assert alert(root, "stats/trans_table", content)[EVENTS] == episodes


def test_without_statistics_only_the_state_answers(tmp_path):
    """A kernel without CONFIG_THERMAL_STATISTICS: time and episodes are ABSENT, not 0."""
    found = read(build_orin(tmp_path, with_statistics=False).root)
    assert (found[STATE], found[TIME], found[EVENTS]) == (0.0, Reason.ABSENT, Reason.ABSENT)


def test_an_episode_between_two_looks_at_the_state_is_in_the_statistics(tmp_path):
    """The state is 0 before and after: only time and count know that it throttled."""
    board = build_orin(tmp_path)
    folder = board.path_of("cur_state", type=GPU).removesuffix("cur_state")
    write(
        board.root,
        {f"{folder}stats/time_in_state_ms": time_in_state(9, 20), f"{folder}stats/trans_table": trans_table(1)},
    )
    found = read(board.root)
    assert (found[STATE], found[TIME], found[EVENTS]) == (0.0, 20_000_000, 1)


def test_two_alerts_of_one_type_are_two(tmp_path):
    """Equal types are told apart by a number; neither hides the other."""
    for number in (3, 11):
        folder = f"{THERMAL}/cooling_device{number}"
        write(tmp_path, {f"{folder}/type": GPU, f"{folder}/cur_state": int(number == 11)})
    found = read(tmp_path)
    assert found[STATE] == 0.0
    assert found[throttle("state", "thermal", f"{GPU} #2", "cooling_device")] == 1.0


def test_a_device_without_a_type_might_be_an_alert(tmp_path):
    """What it is cannot be read, so nobody can say that it does not throttle: a channel with a reason."""
    write(tmp_path, {f"{THERMAL}/cooling_device0/cur_state": 0})
    assert read(tmp_path)[throttle("state", "thermal", "cooling_device0", "cooling_device")] is Reason.ERROR


def test_a_board_without_alerts_says_so(tmp_path):
    """No alert at all is a channel that is ABSENT: thermal throttling is not watched on this board."""
    write(tmp_path, {f"{THERMAL}/cooling_device0/type": "pwm-fan"})
    assert read(tmp_path)[throttle("state", "thermal", "soc", "cooling_device")] is Reason.ABSENT


def test_the_three_counters_of_an_orin_have_three_causes(tmp_path):
    """Under-voltage, average over-current, peaks of current: 27390 peaks are no under-voltage."""
    found = read(build(tmp_path, agx_orin()).root)
    assert [found[over_current(number)] for number in (1, 2, 3)] == [0, 0, 27_390]


def test_armed_is_not_active(tmp_path):
    """`oc*_throt_en` stands at 1 on every sound board, and no state is made of it."""
    found = read(build(tmp_path, agx_orin()).root)
    assert not [key for key in found if ".state{" in key and "thermal" not in key]


def test_another_chips_counters_have_no_known_cause(tmp_path):
    """What Thor counts as oc1 is not settled: its counters are there, under-voltage is NOT_SUPPORTED."""
    found = read(build(tmp_path, thor()).root)
    assert [found[over_current(number, "unknown")] for number in (1, 2, 3)] == [0, 8, 813]
    assert {found[over_current(number)] for number in (1, 2, 3)} == {Reason.NOT_SUPPORTED}


def test_a_kernel_without_the_chip_does_not_count(tmp_path):
    """JetPack 5 has no soctherm_oc: ABSENT, which is not the same as no event."""
    found = read(tmp_path)
    assert {found[over_current(number)] for number in (1, 2, 3)} == {Reason.ABSENT}


def test_the_chip_is_known_by_its_name(tmp_path):
    """Whichever number it has after this boot."""
    board = build_orin(tmp_path)
    (board.root / "sys/class/hwmon/hwmon3").rename(board.root / "sys/class/hwmon/hwmon14")
    write(board.root, {"sys/class/hwmon/hwmon3/name": "nvme", "sys/class/hwmon/hwmon14/oc1_event_cnt": 5})
    assert read(board.root)[over_current(1)] == 5


def test_states_are_read_fast_and_counters_slowly(tmp_path):
    """A state is worth as much as it is read often; a counter loses nothing between two reads."""
    sources = throttle_sources(build_orin(tmp_path).root)
    tiers = {(channel.name, channel.tier) for source in sources for channel in source.channels}
    for source in sources:
        source.close()
    assert tiers == {
        ("hilrig.hw.throttle.state", Tier.FAST),
        ("hilrig.hw.throttle.time", Tier.SLOW),
        ("hilrig.hw.throttle.events", Tier.SLOW),
    }
