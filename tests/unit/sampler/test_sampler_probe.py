"""hilrig.sampler.probe: which named samplers read nothing here."""

import os
from pathlib import Path

import pytest

from hilrig.core.errors import UsageError
from hilrig.sampler.probe import silent


def test_a_sampler_that_answers_is_not_told():
    """On Linux the host sampler reads something."""
    assert list(silent(["host"], Path("/"), os.getpid())) == []


def test_a_sampler_without_its_hardware_is_told(tmp_path):
    """Where its files are not, it is not opened."""
    assert list(silent(["host"], tmp_path, 1)) == ["host: its hardware is not here"]


def test_a_sampler_none_of_whose_channels_answers_is_told_with_the_reason(tmp_path):
    """It is opened, but what it would read is not there: the reason of its first channel."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("nonsense\n")
    (line,) = silent(["host"], tmp_path, 1)
    assert line.startswith("host: ")
    assert str(tmp_path) in line


def test_a_sampler_without_channels_is_told():
    """The fake reads nothing without a script."""
    assert list(silent(["scripted"], Path("/"), 1)) == ["scripted: no channel answers"]


def test_an_unknown_sampler_is_a_mistake():
    """What is not installed can't be asked."""
    with pytest.raises(UsageError, match="unknown sampler 'thermocouple'"):
        list(silent(["thermocouple"], Path("/"), 1))
