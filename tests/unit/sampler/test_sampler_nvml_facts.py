import sys

from hilrig.sampler.nvml.facts import nvml_facts
from nvml_scripts import NO_PERMISSION, PID, add_discrete, discrete, injected, machine, orin


def test_driver_cuda_and_cards_are_named():
    """What a report must say of the machine's GPUs, as plain JSON."""
    with injected(add_discrete(discrete(), "second", who=f"pid {PID}")):
        facts = nvml_facts()
    card = {"vbios_version": "95.04.29.00.06", "persistence_mode": True}
    assert facts == {
        "driver_version": "580.65.06",
        "cuda_driver_version": "13.0",
        "gpus": [{"name": "NVIDIA RTX 4000 Ada Generation"} | card, {"name": "second"} | card],
    }


def test_a_fact_that_is_refused_is_unknown():
    """An Orin names itself and nothing else; a card may keep its firmware's version to itself."""
    with injected(orin()):
        assert nvml_facts()["gpus"] == [{"name": "Orin (nvgpu)", "vbios_version": None, "persistence_mode": None}]
    with injected(discrete().fail("nvmlDeviceGetVbiosVersion", NO_PERMISSION)):
        assert nvml_facts()["gpus"][0]["vbios_version"] is None


def test_without_a_driver_there_are_no_facts(monkeypatch):
    """No driver, or no package to ask it with: nothing to say."""
    with injected(machine().fail("nvmlInitWithFlags", 9)):
        assert nvml_facts() == {}
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml_facts() == {}
