"""hilrig.core.registry: names to classes, with an error that helps."""

import pytest

from hilrig.core import registry
from hilrig.core.errors import UsageError
from hilrig.target.null_backend import NullBackend


def test_a_built_in_name_is_loaded():
    """`null` is the null backend."""
    assert registry.load("backends", "null") is NullBackend


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_every_built_in_path_exists(kind):
    """No name of the table leads nowhere."""
    for name in registry.BUILT_IN[kind]:
        assert callable(registry.load(kind, name))


def test_an_unknown_name_is_answered_with_the_known_ones():
    """A typing mistake shows what could have been meant."""
    with pytest.raises(UsageError, match="unknown backend 'onx'") as caught:
        registry.load("backends", "onx")
    assert caught.value.hint == "known: null, onnx"


def test_a_missing_library_is_answered_with_its_extra(monkeypatch):
    """Without ONNX Runtime the message names the extra that brings it."""
    monkeypatch.setitem(registry.BUILT_IN["backends"], "onnx", "onnxruntime_that_is_missing:X")
    monkeypatch.setitem(registry.EXTRA_FOR_MODULE, "onnxruntime_that_is_missing", "cpu")
    with pytest.raises(UsageError, match="needs the module onnxruntime_that_is_missing") as caught:
        registry.load("backends", "onnx")
    assert caught.value.hint == "pip install 'hilrig[cpu]'"
