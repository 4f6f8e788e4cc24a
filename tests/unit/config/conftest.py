import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from hilrig.config.profile import parse_profile
from hilrig.core import registry
from hilrig.core.errors import ConfigError, Problem

PROFILE = """\
format: 1
name: weld-station
description: Fillet weld
device_class: [x86-cpu, arm64-cpu]
model:
  files: [model.onnx]
  input: {name: image, shape: [1, 3, 512, 640]}
  output: {name: scores}
  labels: [porosity, crack, undercut, spatter]
pipeline:
  preprocess:
    width_px: 640
    height_px: 512
    color_order: rgb
    scale: 0.00392156862745098
    mean: [0, 0, 0]
    std: [1, 1, 1]
    layout: nchw
    dtype: float32
  backend: {name: onnx, options: {threads: 2}}
  decide: {thresholds: {porosity: 0.5, crack: 1}}
feed: {source: synthetic, pool_frames: 120, options: {seed: 7}}
queue: {depth: 4, on_full: drop_oldest}
hil_validation:
  latency:
    p99_max_ms: 45
    p95_max_ms: 30
    duration_minutes: 10
    frame_rate_fps: 30
  resources:
    gpu_memory_max_mb: 3072
    thermal_throttle_allowed: false
  recovery:
    power_loss_test: required
    expected_recovery_model: last_known_good
"""


@pytest.fixture
def profile_text() -> str:
    return PROFILE


@pytest.fixture
def problems() -> Callable[..., list[Problem]]:
    """Return what is wrong with the good profile after some replacements, each of which must apply."""

    def find(*changes: tuple[str, str], text: str = PROFILE) -> list[Problem]:
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        try:
            parse_profile(text.encode(), file="profile.yaml", folder="here")
        except ConfigError as error:
            return list(error.problems)
        return []

    return find


@dataclass(frozen=True, kw_only=True)
class FakeOptions:
    seed: int = 1
    ratio: float = 0.5
    kinds: tuple[str, ...] = ()
    threads: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"ratio must be within 0 to 1, found {self.ratio}")


@dataclass(frozen=True, kw_only=True)
class NeedyOptions:
    path: str


class FakePlugin:
    Options = FakeOptions


class NeedyPlugin:
    Options = NeedyOptions


class OptionlessPlugin:
    pass


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace feeds and backends by fakes: these tests are about options, not about what they do."""
    here = "hilrig_fake_plugins:"
    fakes = SimpleNamespace(FakePlugin=FakePlugin, NeedyPlugin=NeedyPlugin, OptionlessPlugin=OptionlessPlugin)
    monkeypatch.setitem(sys.modules, "hilrig_fake_plugins", fakes)
    feeds = {
        "synthetic": f"{here}FakePlugin",
        "folder": f"{here}NeedyPlugin",
        "optionless": f"{here}OptionlessPlugin",
        "gone": f"{here}NoSuchClass",
        "extra": "hilrig.config.no_such_module:Feed",
        "modern": "cv2_is_missing_here:Feed",
    }
    monkeypatch.setitem(registry.BUILT_IN, "feeds", feeds)
    monkeypatch.setitem(registry.BUILT_IN, "backends", {"onnx": f"{here}FakePlugin", "null": f"{here}FakePlugin"})
    monkeypatch.setitem(registry.EXTRA_FOR_MODULE, "cv2_is_missing_here", "cpu")
