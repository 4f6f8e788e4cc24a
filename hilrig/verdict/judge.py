"""From a record to a judgement."""

from dataclasses import replace

from hilrig.core.run import RunRecord
from hilrig.core.verdict import Check, CheckStatus, Judgement, RunStatus, SelfCheck
from hilrig.verdict.actuation import join_actuations, with_actuation
from hilrig.verdict.attribution.causes import attribute, count_causes
from hilrig.verdict.attribution.worst import worst_frames
from hilrig.verdict.budgets import budgets
from hilrig.verdict.change_points import change_points
from hilrig.verdict.checks import hold_all
from hilrig.verdict.companion_checks import covers, hold_companions
from hilrig.verdict.companions import check_companions, describe, find_beside
from hilrig.verdict.distribution import distribution
from hilrig.verdict.episodes import episodes
from hilrig.verdict.excuses import excuse
from hilrig.verdict.faults import drill, measure_faults
from hilrig.verdict.findings import find
from hilrig.verdict.latency_series import latency_series
from hilrig.verdict.nearby import Nearby
from hilrig.verdict.power_loss import measure_power_loss
from hilrig.verdict.processes import process_setups
from hilrig.verdict.queue_depth import queue_depth
from hilrig.verdict.self_checks.accelerator import check_accelerator
from hilrig.verdict.self_checks.actuation import check_actuation
from hilrig.verdict.self_checks.caching import check_caching
from hilrig.verdict.self_checks.devices import check_devices
from hilrig.verdict.self_checks.drill import check_drill
from hilrig.verdict.self_checks.feeder import check_feeder
from hilrig.verdict.self_checks.host import check_host
from hilrig.verdict.self_checks.plausible import check_plausible
from hilrig.verdict.self_checks.record import check_record
from hilrig.verdict.self_checks.rig import check_rig
from hilrig.verdict.self_checks.telemetry import check_telemetry
from hilrig.verdict.sentence import verdict_sentence
from hilrig.verdict.soak_bounds import log_volume, watchdog_resets
from hilrig.verdict.stage_shares import stage_shares
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.series import telemetry_series
from hilrig.verdict.telemetry.summary import summarise
from hilrig.verdict.throttling.windows import throttle_windows
from hilrig.verdict.window import cut


def judge(record: RunRecord) -> Judgement:
    """Return the judgement of a record: pure, so that equal records give equal judgements on every machine."""
    window = cut(record)
    drilled = drill(record)
    beside = find_beside(record, window)
    telemetry = Telemetry(record)
    actuated = join_actuations(record, window)
    attribution = attribute(window, telemetry, record.events)
    self_checks = (
        *check_feeder(window),
        *check_record(window, record.events),
        *check_telemetry(window, telemetry),
        check_plausible(window, telemetry),
        *check_host(window, telemetry, record.events),
        *check_devices(window, telemetry),
        check_rig(record.rig),
        *check_actuation(window, actuated),
        check_caching(window),
        check_accelerator(window, telemetry, record.events, proof=record.accelerator),
        *check_drill(record, drilled),
        *check_companions(beside, window),
    )
    findings = with_actuation(find(window, telemetry, record.truths), actuated)
    findings = replace(findings, by_check={**findings.by_check, **measure_faults(drilled)})
    recovered = measure_power_loss(record.power_loss, record.plan.power_loss)
    whole = (*findings.measurements, recovered, log_volume(telemetry, window), watchdog_resets(record.events))
    findings = replace(findings, measurements=whole, held=hold_companions(beside))
    held, behind = hold_all(findings)
    checks = tuple(excuse(check, self_checks, ended=window.ended) for check in held)
    status = run_status(checks, self_checks)
    return Judgement(
        status=status,
        sentence=verdict_sentence(status, checks, self_checks) + covers(record.plan.companions),
        checks=checks,
        self_checks=self_checks,
        measurements=(*findings.measurements, *behind),
        detection=findings.accuracy.labels,
        worst_frames=worst_frames(window, attribution, telemetry, record.truths),
        latency_series=latency_series(window),
        channels=summarise(telemetry, window),
        causes=count_causes(attribution),
        change_points=change_points(window, Nearby(window, telemetry, record.events)),
        processes=process_setups(record.events),
        floor=record.floor,
        telemetry_series=(*telemetry_series(telemetry, window), *queue_depth(window)),
        throttle_windows=throttle_windows(telemetry, window),
        accelerator=record.accelerator,
        budgets=budgets(window),
        distribution=distribution(window),
        stage_shares=stage_shares(window),
        episodes=episodes(telemetry, window, record.events),
        faults=drilled.faults,
        power_loss=record.power_loss,
        companions=describe(beside),
    )


def run_status(checks: tuple[Check, ...], self_checks: tuple[SelfCheck, ...]) -> RunStatus:
    """Return FAIL if any check fails; else INCONCLUSIVE if anything is open or nothing was checked; else PASS."""
    if any(check.status is CheckStatus.FAIL for check in checks):
        return RunStatus.FAIL
    all_pass = bool(checks) and all(check.status is CheckStatus.PASS for check in checks)
    return RunStatus.PASS if all_pass and all(one.ok for one in self_checks) else RunStatus.INCONCLUSIVE
