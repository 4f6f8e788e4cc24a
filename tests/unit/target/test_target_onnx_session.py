"""hilrig.target.onnx_session: real sessions, none of which leaves its accelerator in silence.

The package's AzureExecutionProvider is the one provider beside the CPU's that every ONNX Runtime has: it comes up
first in the list and takes no node, which is just what a broken accelerator does.
"""

import onnxruntime as ort
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.target.onnx_options import OnnxOptions
from hilrig.target.onnx_session import open_as_asked, open_session, session_settings

AZURE, CPU = "AzureExecutionProvider", "CPUExecutionProvider"


def test_without_the_cpu_in_the_list_no_node_may_run_on_it(model_folder):
    """ONNX Runtime alone would run all of the model on the CPU and say nothing."""
    with pytest.raises(PreconditionError, match="the CPU would have to run a part of the model") as caught:
        open_as_asked(model_folder / "model.onnx", OnnxOptions(providers=(AZURE,)))
    assert "CPUExecutionProvider at the end of providers" in caught.value.hint


def test_with_the_cpu_in_the_list_nodes_may_run_on_it(model_folder):
    """The two settings together are refused by the runtime, so strictness is for the list without the CPU."""
    session = open_as_asked(model_folder / "model.onnx", OnnxOptions(providers=(AZURE, CPU)))
    assert session.get_providers() == [AZURE, CPU]


def test_the_runtime_may_not_open_its_session_again_on_the_cpu(model_folder):
    """Its Python wrapper would, when a provider fails in the middle of a run; none here fails on demand."""
    assert not open_as_asked(model_folder / "model.onnx", OnnxOptions())._enable_fallback


def test_a_provider_that_is_not_there_is_refused(model_folder):
    """The runtime itself only warns."""
    with pytest.raises(
        PreconditionError, match="asks for ImaginaryExecutionProvider; this ONNX Runtime .* has only"
    ):
        open_as_asked(model_folder / "model.onnx", OnnxOptions(providers=("ImaginaryExecutionProvider", CPU)))


def test_options_of_a_provider_go_to_that_provider(model_folder, monkeypatch):
    """The runtime takes them by position; that they are in force can be seen only on an accelerator."""
    monkeypatch.setattr(ort, "InferenceSession", lambda _, **given: given)
    options = OnnxOptions(providers=(AZURE, CPU), provider_options={CPU: {"colour": "blue"}})
    given = open_session(
        model_folder / "model.onnx", options, session_settings(options), providers=options.providers
    )
    assert (given["providers"], given["provider_options"]) == ([AZURE, CPU], [{}, {"colour": "blue"}])
