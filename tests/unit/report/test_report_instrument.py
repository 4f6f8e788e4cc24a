"""The page's sections on causes, on the instrument's floor and on runs judged again."""

from dataclasses import replace
from functools import partial

from pages import PNG
from report_documents import make_passing

from hilrig.core.floor import Floor
from hilrig.core.judged_from import JudgedFrom
from hilrig.core.verdict import Cause, CauseCount, ChangePoint, ProcessSetup
from hilrig.report.html import render_report
from hilrig.report.markdown import MarkdownSink

FLOOR = Floor(
    frame_rate_fps=30.0,
    n=300,
    lateness_p50_us=0.03,
    lateness_p99_us=12.0,
    hand_over_p50_us=120.0,
    hand_over_p99_us=400.0,
    latency_p50_us=141.0,
    latency_p99_us=431.0,
    latency_max_us=812.0,
    n_undecided=0,
    n_stalls=0,
    stall_max_ms=0.0,
)
SETUP = ProcessSetup(
    role="stall_sentinel",
    real_time_priority=50,
    is_memory_locked=False,
    cpus=(0, 1),
    timer_slack_ns=1,
    spin_us=None,
    refused=("locked memory: Cannot allocate memory",),
)

PAGE = partial(render_report, png=PNG)
MARKDOWN = MarkdownSink().render


def rendered(render, *, judged_from=None, **changes):
    document = make_passing()
    judgement = replace(document.result.judgement, **changes)
    result = replace(document.result, judgement=judgement, judged_from=judged_from)
    return render(replace(document, result=result)).decode()


def test_the_floor_stands_beside_the_numbers():
    """What a pipeline that does nothing takes is on the page, with its n."""
    page = rendered(PAGE, floor=FLOOR)
    assert "431 µs" in page
    assert "at 30 fps" in page
    assert "n 300" in page


def test_a_run_without_a_self_test_says_so():
    """A run of before the self-test has no floor: missing, not 0."""
    assert "not measured: this run was made without a self-test" in rendered(PAGE, floor=None)


def test_what_was_asked_of_the_system_is_shown_with_what_was_refused():
    """Priority, locked memory, CPUs; and why something was not given."""
    page = rendered(PAGE, processes=(SETUP,))
    assert "FIFO 50" in page
    assert "0, 1" in page
    assert "locked memory: Cannot allocate memory" in page


def test_causes_are_counted_and_the_unexplained_ones_too():
    """Each cause with its frames and its evidence; unexplained is a row like the others."""
    causes = (
        CauseCount(cause=Cause.RUN_QUEUE, n_frames=41, evidence="waited 38 ms of 40 ms for a CPU"),
        CauseCount(cause=Cause.UNEXPLAINED, n_frames=2, evidence="nothing recorded explains 31 ms"),
    )
    for view_of in (PAGE, MARKDOWN):
        view = rendered(view_of, causes=causes)
        assert "waited for a CPU" in view
        assert "41" in view
        assert "unexplained" in view


def test_change_points_say_what_happened_near_them():
    """A moment, before and after, and its neighbours."""
    change = ChangePoint(t_s=300.0, metric="latency p99", before_ms=20.0, after_ms=31.0, nearby=("throttled",))
    page = rendered(PAGE, change_points=(change,))
    assert ">5:00<" in page
    assert "31.000 ms" in page
    assert "throttled" in page


def test_foreign_text_in_evidence_is_no_markup():
    """Evidence may name a service: its name is text on the page."""
    cause = CauseCount(cause=Cause.CO_RESIDENT, n_frames=1, evidence="<script>alert(1)</script> | **x**")
    assert "<script>alert" not in rendered(PAGE, causes=(cause,))
    assert "\\|" in rendered(MARKDOWN, causes=(cause,))


def test_a_run_judged_again_says_whose_evidence_it_is():
    """Source run and the digest of the profile that it was measured under are in both views."""
    source = JudgedFrom(run_id="0badcafe", profile_sha256="ab" * 32, result_sha256="cd" * 32)
    for view_of in (PAGE, MARKDOWN):
        view = rendered(view_of, judged_from=source)
        assert "0badcafe" in view
        assert "ab" * 32 in view
