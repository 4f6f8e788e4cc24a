"""hilrig.app.live.metrics: the live state for monitoring systems."""

import socket
import urllib.request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from hilrig.app.live.metrics import LOOPBACK, live_metrics
from hilrig.core.errors import PreconditionError, UsageError

STANDARD = {
    "load_time_ms": 812.5,
    "p50_ms": 9.1,
    "p95_ms": 11.4,
    "peak_ram_mb": 312.0,
}
STATUS = {
    "run_id": "1a2b3c4d",
    "phase": "measure",
    "profile_name": "weld-station",
    "model_hash": "ab" * 32,
    "config_version": "cd" * 32,
    "runtime_version": "onnxruntime 1.23.2",
    "delegate_active": "CPUExecutionProvider",
    "load_time_ms": 812.5,
    "elapsed_s": 61.0,
    "n_offered": 1800,
    "n_decided": 1797,
    "n_dropped": 3,
    "n_failed": 0,
    "recent_p50_ms": 9.1,
    "recent_p95_ms": 11.4,
    "recent_p99_ms": 13.0,
    "peak_ram_mb": 312.0,
    "thermal_state": "nominal",
    "telemetry": {'hw.temperature{hw.id=a "quoted" name}': {"value": 51.5, "unit": "Cel"}},
}


def samples(families):
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples
    }


def numbers(found):
    return {name.removeprefix("hilrig_"): value for (name, labels), value in found.items() if not labels}


def identity(found):
    return next(dict(labels) for (name, labels), _ in found.items() if name == "hilrig_run_info")


@pytest.mark.parametrize(("name", "parse"), [("live.txt", parse_openmetrics), ("live.prom", parse_prometheus)])
def test_the_file_has_every_standard_key(tmp_path, name, parse):
    """An independent parser of the format finds all keys that incident playbooks rest on."""
    file = tmp_path / name
    with live_metrics(file=file, port=None) as live:
        live.show(STATUS)
        live.end(11)
    found = samples(parse(file.read_text()))
    assert numbers(found).items() >= {**STANDARD, "dropped_frames_total": 3.0, "error_code": 11.0}.items()
    assert (
        identity(found).items()
        >= {
            key: STATUS[key] for key in ("model_hash", "config_version", "runtime_version", "delegate_active")
        }.items()
    )
    assert found["hilrig_thermal_state", (("hilrig_thermal_state", "nominal"),)] == 1
    assert found["hilrig_thermal_state", (("hilrig_thermal_state", "throttled"),)] == 0
    channel = (("channel", 'hw.temperature{hw.id=a "quoted" name}'), ("unit", "Cel"))
    assert found["hilrig_telemetry", channel] == 51.5


def test_a_target_that_decides_nothing_is_infinitely_late(tmp_path):
    """With frames and without decisions the percentile is +Inf, so that an alert on it fires."""
    file = tmp_path / "live.txt"
    with live_metrics(file=file, port=None) as live:
        live.show(STATUS | {"recent_n": 1800, "recent_p99_ms": None})
    assert numbers(samples(parse_openmetrics(file.read_text())))["p99_ms"] == float("inf")


def test_what_is_not_known_is_left_out(tmp_path):
    """Before the first decision there is no percentile, and while the run goes on no exit code."""
    file = tmp_path / "live.txt"
    with live_metrics(file=file, port=None) as live:
        live.show({"phase": "loading", "recent_p50_ms": None, "n_dropped": 0})
    found = samples(parse_openmetrics(file.read_text()))
    assert numbers(found) == {"dropped_frames_total": 0.0}
    assert found["hilrig_thermal_state", (("hilrig_thermal_state", "unknown"),)] == 1


def test_the_endpoint_says_what_the_newest_status_says():
    """A scrape gets the state as it is when it asks, and the port is free again afterwards."""
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    with live_metrics(file=None, port=port) as live:
        live.show(STATUS)
        live.show({**STATUS, "n_dropped": 4})
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=60) as answer:
            found = samples(parse_prometheus(answer.read().decode()))
    assert found["hilrig_dropped_frames_total", ()] == 4
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the scrape's own connection lingers
        again.bind((LOOPBACK, port))


def test_a_run_that_was_refused_leaves_its_exit_code(tmp_path):
    """An error inside the block goes on, and monitoring sees its code."""
    file = tmp_path / "live.txt"
    with pytest.raises(PreconditionError), live_metrics(file=file, port=None):
        raise PreconditionError("no such rig")
    assert numbers(samples(parse_openmetrics(file.read_text())))["error_code"] == 22


def test_a_taken_port_is_refused_with_its_number():
    """Two runs on one port: the second says which port it wanted."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=str(port)), live_metrics(file=None, port=port):
            pass


def test_a_file_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    """A folder that is not there is found at once, and so is a name that is a folder."""
    for file in (tmp_path / "missing" / "live.txt", tmp_path):
        with pytest.raises(PreconditionError, match="cannot be written"), live_metrics(file=file, port=None):
            pass


def test_a_disk_that_fills_up_does_not_end_the_run(tmp_path):
    """Monitoring is beside the run: when its folder goes, the run goes on and nothing half-written is left."""
    folder = tmp_path / "gone"
    folder.mkdir()
    with live_metrics(file=folder / "live.txt", port=None) as live:
        folder.rmdir()
        live.show(STATUS)
    assert list(tmp_path.iterdir()) == []


def test_without_file_and_port_nothing_is_loaded_or_written(tmp_path, monkeypatch):
    """Runs without metrics do not need the library."""
    monkeypatch.setattr("hilrig.app.live.metrics.find_spec", lambda name: None)
    with live_metrics(file=None, port=None) as live:
        live.show(STATUS)
    with pytest.raises(UsageError, match="prometheus_client"), live_metrics(file=tmp_path / "x.txt", port=None):
        pass
