import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.companion import ProbeSpec
from hilrig.faults.companion_journal import FAILED_US
from hilrig.faults.probing import Prober

NS_PER_MS = 1_000_000
SPEC = ProbeSpec(url="http://127.0.0.1/", period_ms=100, timeout_ms=1000)


class Service:
    """Answers after the given times in ms, one for each question, then at once; moves the clock meanwhile."""

    def __init__(self, clock, *took_ms):
        self.clock, self.took_ms, self.n_asked = clock, list(took_ms), 0

    def __call__(self, *, deadline_ns):
        self.n_asked += 1
        answer_ns = self.clock.now_ns + (self.took_ms.pop(0) if self.took_ms else 1) * NS_PER_MS
        self.clock.now_ns = min(answer_ns, deadline_ns)
        return answer_ns <= deadline_ns


def probe(n, *took_ms, t0_ms=0, is_over=lambda: False):
    clock = ManualClock(0)
    service = Service(clock, *took_ms)
    prober = Prober(SPEC, service, clock=clock, t0_ns=t0_ms * NS_PER_MS)
    return [prober.next(is_over) for _ in range(n)], service


def test_probes_are_due_on_a_grid():
    """Whatever the answers take, probe i is due at i periods."""
    probes, _ = probe(4, 5, 50, 7)
    assert [one.t_ns for one in probes] == [i * 100 * NS_PER_MS for i in range(4)]
    assert [one.answer_us for one in probes] == [5_000, 50_000, 7_000, 1_000]
    assert [one.late_us for one in probes] == [0, 0, 0, 0]


def test_a_hang_shows_in_every_probe_that_was_due_in_it():
    """No coordinated omission: half a second of silence is five slow probes, each timed from when it was due."""
    probes, _ = probe(7, 1, 500)
    assert [one.answer_us // 1000 for one in probes] == [1, 500, 401, 302, 203, 104, 5]
    assert {one.late_us for one in probes} == {0}  # the companion's fault, not the prober's


def test_an_answer_after_the_timeout_is_a_failed_probe():
    """One millisecond too late is too late; in time is in time."""
    (late, *_), _ = probe(1, 1001)
    (in_time, *_), _ = probe(1, 1000)
    assert (late.answer_us, in_time.answer_us) == (FAILED_US, 1_000_000)


def test_a_probe_whose_time_is_over_is_not_asked():
    """A companion that hung until their deadlines is not asked for answers that could only be late."""
    clock = ManualClock(0)
    service = Service(clock)
    prober = Prober(SPEC, service, clock=clock, t0_ns=0)
    clock.now_ns = 1_150 * NS_PER_MS
    answers = [prober.next(lambda: False).answer_us for _ in range(3)]
    assert answers[:2] == [FAILED_US, FAILED_US]
    assert answers[2] == 951_000
    assert service.n_asked == 1


def test_a_late_prober_says_so():
    """When the prober itself was kept from its work, that is told apart from a slow companion."""
    clock = ManualClock(0)
    prober = Prober(SPEC, Service(clock), clock=clock, t0_ns=0)
    prober.next(lambda: False)
    clock.now_ns = 130 * NS_PER_MS  # the probe of 100 ms is 30 ms late
    assert prober.next(lambda: False).late_us == 30_000


@pytest.mark.parametrize("t0_ms", [50, 5000])
def test_the_end_is_heeded_while_waiting(t0_ms):
    """A prober that waits for its next probe ends without making it."""
    probes, service = probe(1, t0_ms=t0_ms, is_over=lambda: True)
    assert probes == [None]
    assert service.n_asked == 0
