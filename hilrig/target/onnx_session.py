"""A session of ONNX Runtime on no other providers than were asked for.

Two ways by which the runtime leaves an accelerator in silence are shut here. Its Python wrapper opens the session
again on the CPU when a provider fails, while loading and even in the middle of a run (`enable_fallback`). And
nodes that no listed provider can run go to the CPU, listed or not (`session.disable_cpu_ep_fallback`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import onnxruntime as ort

from hilrig.core.errors import PreconditionError
from hilrig.target.onnx_options import CPU_PROVIDER, OnnxOptions

NUMPY_NAMES: Final = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}

_NO_CPU_NODES: Final = "session.disable_cpu_ep_fallback"
"""Source: onnxruntime_session_options_config_keys.h. Refused by the runtime when the CPU's provider is listed."""

_ERRORS_ONLY: Final = 3  # warnings would go to the run's log for every session


def open_as_asked(path: Path, options: OnnxOptions) -> ort.InferenceSession:
    """Return a session whose first provider is the one asked for; strict when the CPU's is not listed.

    Raises:
        PreconditionError: a provider is missing or did not come up, or the model does not load on them.
    """
    _refuse_missing(options)
    settings = session_settings(options)
    if CPU_PROVIDER not in options.providers:
        settings.add_session_config_entry(_NO_CPU_NODES, "1")
    try:
        session = open_session(path, options, settings, providers=options.providers)
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise _does_not_load(path, options, first_line(error)) from error
    active = session.get_providers()[0]
    if active != options.providers[0]:
        raise PreconditionError(
            f"the profile asks for {options.providers[0]} first, ONNX Runtime came up on {active}",
            hint="hilrig doctor",
        )
    return session


def session_settings(options: OnnxOptions) -> ort.SessionOptions:
    """Return the runtime's settings for these options."""
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.intra_op_threads
    settings.inter_op_num_threads = options.inter_op_threads
    settings.log_severity_level = _ERRORS_ONLY
    return settings


def open_session(
    path: Path, options: OnnxOptions, settings: ort.SessionOptions, *, providers: Sequence[str]
) -> ort.InferenceSession:
    """Return a session on whatever the runtime makes of `providers`: `get_providers` says what that is."""
    return ort.InferenceSession(
        str(path),
        sess_options=settings,
        providers=list(providers),
        provider_options=[dict(options.provider_options.get(name, {})) for name in providers],
        enable_fallback=0,
    )


def first_line(error: Exception) -> str:
    """Return what an error says first; its class when it says nothing."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _refuse_missing(options: OnnxOptions) -> None:
    available = ort.get_available_providers()
    missing = [name for name in options.providers if name not in available]
    if missing:
        raise PreconditionError(
            f"the profile asks for {', '.join(missing)}; this ONNX Runtime {ort.__version__} has only "
            f"{', '.join(available)}",
            hint="run on a rig of the profile's class, or install the matching onnxruntime: hilrig doctor",
        )


def _does_not_load(path: Path, options: OnnxOptions, words: str) -> PreconditionError:
    if "default CPU EP" in words:
        return PreconditionError(
            f"{path}: the CPU would have to run a part of the model, the profile asks for "
            f"{', '.join(options.providers)} alone: {words}",
            hint=f"export the model for {options.providers[0]}, or allow {CPU_PROVIDER} at the end of providers",
        )
    return PreconditionError(
        f"model file {path} does not load in ONNX Runtime {ort.__version__}: {words}",
        hint="check the export: opset and IR version must be within what this runtime supports",
    )
