"""One LoadGen test of a system that answers at once, in a process of its own; prints what came out as JSON.

`python -m bench.loadgen_child single SECONDS | server QPS SECONDS | memory QPS HOURS`
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import mlperf_loadgen as lg
import psutil

S_PER_HOUR = 3600
SINGLE_STREAM_EXPECTED_NS = 3000  # LoadGen plans its samples by this: what it takes here


def main() -> None:
    """Do the test that the arguments name."""
    kind, *numbers = sys.argv[1:]
    done = {"single": _single, "server": _server, "memory": _memory}[kind](*map(float, numbers))
    print(json.dumps(done))


def _single(seconds: float) -> dict[str, float]:
    settings = _settings(lg.TestScenario.SingleStream, seconds)
    settings.single_stream_expected_latency_ns = SINGLE_STREAM_EXPECTED_NS
    told = _run(settings, _answer)
    return {"period_us": 1e6 / told["QPS w/ loadgen overhead"]}


def _server(qps: float, seconds: float) -> dict[str, float]:
    told = _run(_server_settings(qps, seconds), _answer)
    return {
        "rate_fps": told["Completed samples per second"],
        "p50_us": told["50.00 percentile latency (ns)"] / 1000,
        "p99_us": told["99.00 percentile latency (ns)"] / 1000,
    }


def _memory(qps: float, hours: float) -> None:
    before = psutil.Process().memory_info().rss

    def report(samples: list[lg.QuerySample]) -> None:
        grown = psutil.Process().memory_info().rss - before
        print(json.dumps({"before_b": grown / (qps * hours * S_PER_HOUR)}), flush=True)
        os._exit(0)  # LoadGen cannot be asked to stop

    _run(_server_settings(qps, hours * S_PER_HOUR), report)


def _answer(samples: list[lg.QuerySample]) -> None:
    lg.QuerySamplesComplete([lg.QuerySampleResponse(sample.id, 0, 0) for sample in samples])


def _server_settings(qps: float, seconds: float) -> lg.TestSettings:
    settings = _settings(lg.TestScenario.Server, seconds)
    settings.server_target_qps = qps
    return settings


def _settings(scenario: lg.TestScenario, seconds: float) -> lg.TestSettings:
    settings = lg.TestSettings()
    settings.scenario = scenario
    settings.mode = lg.TestMode.PerformanceOnly
    settings.min_duration_ms = round(seconds * 1000)
    settings.min_query_count = 1
    return settings


def _run(settings: lg.TestSettings, issue: object) -> dict[str, float]:
    """Run a test; return the numbers of LoadGen's own summary by their names."""
    with tempfile.TemporaryDirectory() as folder:
        logs = lg.LogSettings()
        logs.log_output.outdir = folder
        logs.log_output.copy_summary_to_stdout = False
        sut = lg.ConstructSUT(issue, lambda: None)
        library = lg.ConstructQSL(1, 1, lambda indices: None, lambda indices: None)
        lg.StartTestWithLogSettings(sut, library, settings, logs, "")
        return _numbers((Path(folder) / "mlperf_log_summary.txt").read_text())


def _numbers(summary: str) -> dict[str, float]:
    pairs = (line.partition(" : ") for line in summary.splitlines())
    return {name.strip(): float(value) for name, _, value in pairs if value.strip().replace(".", "", 1).isdigit()}


if __name__ == "__main__":
    main()
