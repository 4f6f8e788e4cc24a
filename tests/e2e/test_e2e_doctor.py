"""`hilrig doctor`: what this machine is, and what hilrig itself takes on it."""

import json


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
