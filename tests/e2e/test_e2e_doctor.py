"""`hilrig doctor`: what this machine is, and what hilrig itself takes on it."""

import json
import tarfile

import pytest

pytestmark = pytest.mark.waiting  # the same outcome however long it takes: no timing is judged


@pytest.mark.long  # short: test_app_self_test
def test_the_self_test_takes_rate_and_size_from_the_profile(bench):
    """With a profile the floor is that of its frame rate; the numbers are in the JSON."""
    called = bench.call("doctor", bench.station(fps=50), "--json")
    found = json.loads(called.out)
    assert found["floor"]["frame_rate_fps"] == 50, called
    assert found["floor"]["n"] + found["floor"]["n_undecided"] == 10  # 0.2 s


def test_a_quick_look_measures_nothing(bench):
    """With --quick there is no floor, and nobody waits ten seconds."""
    called = bench.call("doctor", "--quick", "--json")
    assert json.loads(called.out)["floor"] is None, called


def test_a_cpu_that_is_not_there_is_named_before_the_run(bench):
    """Affinity to a CPU that this machine lacks: exit 22, with the key and the CPUs that there are."""
    station = bench.station()
    path = bench.folder / station / "profile.yaml"
    path.write_text(path.read_text().replace("warmup_s", "worker_cpus: [4095], warmup_s"))
    called = bench.call("run", station)
    assert called.code == 22, called
    assert "run.worker_cpus: no CPU 4095 here" in called.err


def test_the_table_says_what_can_be_measured_and_which_limits_hold(bench):
    """Questions with their channels, a step for each gap, and the limits, within 100 columns."""
    called = bench.call("doctor", "--quick", COLUMNS="100")
    assert called.code == 0, called
    assert "system.cpu.time x8" in called.out
    assert "limits that this machine can hold" in called.out
    assert "latency.p99_max_ms" in called.out
    table = called.out[called.out.index("CPU (") :]
    assert [line for line in table.splitlines() if len(line) > 100] == []
    assert "\x1b" not in called.out


def test_the_json_has_every_channel_with_reason_and_fix(bench):
    """A machine reads what a person sees: each channel by question, its reason by name, its fix."""
    found = json.loads(bench.call("doctor", "--quick", "--json").out)
    rows = [row for section in found["capabilities"] for row in section["rows"]]
    assert {row["channel"]["name"] for row in rows} >= {"system.cpu.time", "hw.temperature"}
    assert all(bool(row["reason"]) == bool(row["fix"]) for row in rows)
    assert {limit["key"] for limit in found["limits"]} >= {"latency.p99_max_ms", "resources.gpu_memory_max_mb"}


def test_a_recording_is_written_once(bench):
    """--record writes one file and says what is in it; a second time it is refused and stays."""
    called = bench.call("doctor", "--record", "board.tar.gz")
    assert called.code == 0, called
    assert "no serial numbers" in called.out
    assert "tar -tzf board.tar.gz" in called.out
    with tarfile.open(bench.folder / "board.tar.gz") as archive:
        assert {"recording.json", "samples.jsonl", "root/proc/stat"} <= set(archive.getnames())
    again = bench.call("doctor", "--record", "board.tar.gz")
    assert again.code == 2
    assert "board.tar.gz exists" in again.err
