import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.rig.device_class import card_slug, device_classes

X86 = "processor : 0\nmodel name\t: Intel(R) Core(TM) i7\nflags\t\t: fpu lm sse2\n"
ARM = "processor : 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd42\n"


def machine(root, cpuinfo, *, memory_kib=None, cards=(), compatible=(), model=None):
    (root / "proc/device-tree").mkdir(parents=True)
    (root / "proc/cpuinfo").write_text(cpuinfo)
    if memory_kib is not None:
        (root / "proc/meminfo").write_text(f"MemTotal:       {memory_kib} kB\nMemFree: 1 kB\n")
    for number, card in enumerate(cards):
        folder = root / f"proc/driver/nvidia/gpus/0000:{number:02x}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t {card}\nIRQ:   \t\t 0\nGPU UUID: \t GPU-1\n")
    if compatible:
        (root / "proc/device-tree/compatible").write_text("\0".join(compatible) + "\0")
    if model is not None:
        (root / "proc/device-tree/model").write_text(model + "\0")
    return root


def test_an_x86_machine_without_a_card(tmp_path):
    """Without an accelerator the CPU's kind is the class."""
    assert device_classes(machine(tmp_path, X86)) == ("x86-cpu",)


def test_an_arm_machine_without_a_card(tmp_path):
    """A 64-bit ARM board that is no Jetson is arm64-cpu, whatever its device tree says."""
    root = machine(tmp_path, ARM, memory_kib=8_000_000, compatible=["raspberrypi,5-model-b", "brcm,bcm2712"])
    assert device_classes(root) == ("arm64-cpu",)


@pytest.mark.parametrize("cpuinfo", ["", "flags : fpu sse2\n", "CPU architecture: 7\n", "\xff\0"])
def test_an_unknown_cpu_has_no_class(tmp_path, cpuinfo):
    """A 32-bit, foreign or unreadable CPU is not taken for one that we know."""
    assert device_classes(machine(tmp_path, cpuinfo, cards=["NVIDIA T4"])) == ()


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        ("NVIDIA RTX 4000 Ada Generation", "rtx4000-ada"),
        ("NVIDIA RTX 4000 SFF Ada Generation", "rtx4000-sff-ada"),
        ("Quadro RTX 4000", "rtx4000"),
        ("NVIDIA RTX A4000", "rtx-a4000"),
        ("NVIDIA GeForce RTX 4070 Ti", "rtx4070-ti"),
        ("NVIDIA GeForce GTX 1080", "gtx1080"),
        ("Tesla T4", "t4"),
        ("NVIDIA H100 80GB HBM3", "h100-80gb-hbm3"),
    ],
)
def test_cards_are_named_by_model(tmp_path, model, slug):
    """A card's class is its model without the vendor's words; two generations never share a class."""
    assert device_classes(machine(tmp_path, X86, cards=[model])) == (f"x86-{slug}", "x86-cpu")


def test_equal_cards_are_one_class_and_different_ones_are_two(tmp_path):
    """Classes come in the order of the cards, each once, the CPU last."""
    root = machine(tmp_path, X86, cards=["Tesla T4", "NVIDIA L4", "Tesla T4"])
    assert device_classes(root) == ("x86-t4", "x86-l4", "x86-cpu")


def test_a_card_without_a_name_of_its_own_has_no_class(tmp_path):
    """A model line of nothing but the vendor's words names no class."""
    assert device_classes(machine(tmp_path, X86, cards=["NVIDIA Graphics"])) == ("x86-cpu",)


@pytest.mark.parametrize(
    ("module", "memory_kib", "expected"),
    [
        ("nvidia,p3767-0000", 16_031_000, "jetson-orin-nx-16gb"),
        ("nvidia,p3767-0001", 7_802_000, "jetson-orin-nx-8gb"),
        ("nvidia,p3767-0005", 7_802_880, "jetson-orin-nano-8gb"),
        ("nvidia,p3767-0004", 3_600_000, "jetson-orin-nano-4gb"),
        ("nvidia,p3701-0005", 64_324_608, "jetson-agx-orin-64gb"),
        ("nvidia,p3701-0004", 31_300_000, "jetson-agx-orin-32gb"),
        ("nvidia,p3834-0008", 128_700_000, "jetson-agx-thor-128gb"),
    ],
)
def test_jetsons_are_named_by_module_and_memory(tmp_path, module, memory_kib, expected):
    """The part number in the device tree names the module, the usable memory rounded up its size."""
    root = machine(
        tmp_path,
        ARM,
        memory_kib=memory_kib,
        compatible=[f"nvidia,p3768-0000+{module.removeprefix('nvidia,')}", module, "nvidia,tegra234"],
        model="A carrier vendor's own name",
    )
    assert device_classes(root) == (expected, "arm64-cpu")


def test_a_jetson_without_a_part_number_is_named_by_its_model_line(tmp_path):
    """The model line is the second source."""
    root = machine(
        tmp_path,
        ARM,
        memory_kib=16_031_000,
        compatible=["nvidia,tegra234"],
        model="NVIDIA Jetson Orin NX Engineering Reference Developer Kit",
    )
    assert device_classes(root) == ("jetson-orin-nx-16gb", "arm64-cpu")


def test_the_part_number_wins_over_the_model_line(tmp_path):
    """An Orin NX on the carrier board of the Orin Nano kit is an Orin NX."""
    root = machine(
        tmp_path,
        ARM,
        memory_kib=16_031_000,
        compatible=["nvidia,p3767-0000", "nvidia,tegra234"],
        model="NVIDIA Jetson Orin Nano Developer Kit",
    )
    assert device_classes(root)[0] == "jetson-orin-nx-16gb"


@pytest.mark.parametrize(
    ("memory_kib", "module"), [(None, "nvidia,p3767-0000"), (16_031_000, "nvidia,p9999-0000")]
)
def test_a_jetson_that_is_not_certain_has_no_class_of_its_own(tmp_path, memory_kib, module):
    """Without its memory, or of an unknown module, it is only what is certain."""
    root = machine(tmp_path, ARM, memory_kib=memory_kib, compatible=[module, "nvidia,tegra234"])
    assert device_classes(root) == ("arm64-cpu",)


@given(st.text(max_size=60))
def test_a_slug_is_safe_in_paths_and_yaml(model):
    """Whatever a driver calls its card, a slug has only lower-case letters, digits and single dashes."""
    slug = card_slug(model)
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert "--" not in slug
