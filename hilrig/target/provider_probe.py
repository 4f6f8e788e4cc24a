"""The probe of a model's providers, a process of its own: a crash, a hang or leaked device memory stays in it.

It reads one line of JSON (`ProbeAsked`) from stdin, which is also the sign to begin: until then it has not touched
the device. It prints one line of JSON (`ProbeFound`); what runtime and libraries print goes to stderr. It is never
strict: it shows what the runtime would really do with the providers that were asked for.
"""

import ctypes
import json
import os
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hilrig.target.onnx_options import CPU_PROVIDER, OnnxOptions
from hilrig.target.onnx_session import NUMPY_NAMES, first_line, open_session, session_settings
from hilrig.target.probe_exchange import ProbeAsked, ProbeFound
from hilrig.target.provider_profile import provider_shares

N_WARMUP: Final = 2
N_FRAMES: Final = 10

WORK_S: Final = 1.5
"""How long an accelerator is kept at work: NVML's utilisation is over up to 1 s, a short burst may not show."""

_RECORD_ASSIGNMENT: Final = "session.record_ep_graph_assignment_info"
"""Since ONNX Runtime 1.24; older ones pass over it."""

_WARNINGS_TOO: Final = 2  # why a provider did not come up is a warning
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def main() -> None:
    """Answer the one question that comes over stdin."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")  # that a provider is missing is in the answer
    line = sys.stdin.buffer.readline()
    if not line:
        sys.exit("nothing was asked")
    try:
        found = probe(ProbeAsked(**json.loads(line)), Path.cwd())
    except Exception as error:  # noqa: BLE001 - onnxruntime's own exceptions share no public base class
        sys.exit(first_line(error))
    os.write(answer_fd, json.dumps(asdict(found)).encode() + b"\n")


def probe(asked: ProbeAsked, folder: Path) -> ProbeFound:
    """Open the model, run it, and return which provider did what.

    Args:
        asked: what to open.
        folder: where the runtime's profile is written.

    Raises:
        Exception: the model does not load or run, or the runtime's profile cannot be read.
    """
    options = OnnxOptions(**asked.options)
    settings = session_settings(options)
    settings.log_severity_level = _WARNINGS_TOO
    settings.enable_profiling = True
    settings.profile_file_prefix = str(folder / "probe")
    settings.add_session_config_entry(_RECORD_ASSIGNMENT, "1")
    known = [name for name in options.providers if name in ort.get_all_providers()]  # others are an error to it
    session = open_session(Path(asked.model), options, settings, providers=known or [CPU_PROVIDER])
    feed = {asked.input_name: np.zeros(asked.input_shape, _input_dtype(session))}
    begin_s = time.monotonic()
    for _ in range(N_WARMUP + N_FRAMES):
        session.run(None, feed)
    shares = provider_shares(
        Path(session.end_profiling()).read_bytes(),
        n_warmup=N_WARMUP,
        n_frames=N_FRAMES,
        assigned=assigned_nodes(session),
    )
    if session.get_providers()[0] == options.accelerator:
        _keep_at_work(session, feed, until_s=begin_s + WORK_S)
    return ProbeFound(
        runtime_version=ort.__version__,
        available=tuple(ort.get_available_providers()),
        active=tuple(session.get_providers()),
        n_frames=N_FRAMES,
        shares=shares,
    )


def assigned_nodes(session: Any) -> Mapping[str, int] | None:
    """Return how many nodes each provider was given; None where this runtime does not tell (before 1.24)."""
    ask = getattr(session, "get_provider_graph_assignment_info", None)
    if ask is None:
        return None
    nodes: Counter[str] = Counter()
    for subgraph in ask():
        nodes[subgraph.ep_name] += len(subgraph.get_nodes())
    return nodes


def _input_dtype(session: ort.InferenceSession) -> str:
    found = session.get_inputs()[0].type
    if found not in NUMPY_NAMES:
        raise ValueError(f"the model's input is {found}, expected {', '.join(NUMPY_NAMES)}")
    return NUMPY_NAMES[found]


def _keep_at_work(session: ort.InferenceSession, feed: Mapping[str, NDArray[Any]], *, until_s: float) -> None:
    while time.monotonic() < until_s:
        session.run(None, feed)


if __name__ == "__main__":
    main()
