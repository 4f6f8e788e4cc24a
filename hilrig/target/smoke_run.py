"""One smoke run of a model, a process of its own: a crash, a hang or a leak stays in it.

It reads one line of JSON (`SmokeAsked`) from stdin and prints one (`SmokeFound`); what runtime and libraries print
goes to stderr. Providers are asked for as the class has them, and nothing falls back to the CPU in silence.
"""

import ctypes
import hashlib
import json
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.units import BYTES_PER_MIB
from hilrig.target.smoke_exchange import GOLDEN, RANDOM, ZEROS, GoldenInput, SmokeAsked, SmokeFound, SmokeOutput

NO_RUNTIME: Final = 3
"""Exit status: this Python has no ONNX Runtime, so nothing can be said about the model."""

VALUES_KEPT: Final = 4096
"""Numbers per input: enough for every classifier; of a map of pixels, the first rows."""

SEED: Final = 20_261_121
N_FRAMES: Final = 3
"""Inferences per input: the first ones allocate and compile, the shares are taken from the last."""

_NO_CPU_NODES: Final = "session.disable_cpu_ep_fallback"
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_CHUNK_BYTES: Final = 1 << 20
_DTYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
_ELEMENTS_MAX: Final = 1 << 28  # of a made-up input: 1 GiB of float32


def main() -> None:
    """Answer the one question that comes over stdin."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    answer_fd = os.dup(1)
    os.dup2(2, 1)
    given = json.loads(sys.stdin.buffer.readline())
    golden = given.pop("golden")
    asked = SmokeAsked(**given, golden=None if golden is None else GoldenInput(**golden))
    limit(asked.memory_mib)
    try:
        import onnxruntime  # noqa: F401 - only whether it is there
    except ImportError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the last words that the parent reads
        sys.exit(NO_RUNTIME)
    os.write(answer_fd, json.dumps(asdict(smoke_run(asked, Path.cwd()))).encode() + b"\n")


def limit(memory_mib: int) -> None:
    """Bound what this process may allocate, and keep it from leaving a core file.

    The bound is on private writable memory (RLIMIT_DATA): one on addresses would refuse every CUDA device, whose
    driver reserves far more addresses than it uses. An outer bound that is lower stays.
    """
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = memory_mib * BYTES_PER_MIB
    bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def smoke_run(asked: SmokeAsked, folder: Path) -> SmokeFound:
    """Load a model as it is asked, run it, and return what came of it; `folder` takes the runtime's profile."""
    import onnxruntime as ort

    from hilrig.target.onnx_session import first_line

    known = {
        "runtime_version": ort.__version__,
        "available": tuple(ort.get_available_providers()),
        "files_sha256": {name: _sha256(Path(asked.folder) / name) for name in asked.files},
    }
    found: dict[str, Any] = {}
    try:
        _try(asked, folder, found)
    except Exception as error:  # noqa: BLE001 - onnxruntime's own exceptions share no public base class
        found["refused"] = _refused(first_line(error), asked.memory_mib)
    return SmokeFound(**known, **found)


def _refused(words: str, memory_mib: int) -> str:
    is_memory = "alloc" in words.lower() or "memory" in words.lower()
    return f"{words} (it may have {memory_mib} MiB here)" if is_memory else words


def _try(asked: SmokeAsked, folder: Path, found: dict[str, Any]) -> None:
    from hilrig.target.provider_profile import provider_shares

    session = _session(asked, folder)
    found["active"] = tuple(session.get_providers())
    outputs = []
    for shown, feed in _inputs(asked, session):
        names = [asked.output_name] if asked.output_name else None
        for _ in range(N_FRAMES):
            given = session.run(names, feed)
        outputs.append(_output(shown, given))
        found["outputs"] = tuple(outputs)
    profile = Path(session.end_profiling()).read_bytes()
    n_all = N_FRAMES * len(outputs)
    found["shares"] = provider_shares(profile, n_warmup=n_all - 1, n_frames=1, assigned=None)


def _session(asked: SmokeAsked, folder: Path) -> Any:
    from hilrig.target.onnx_options import CPU_PROVIDER, OnnxOptions
    from hilrig.target.onnx_session import open_session, session_settings

    options = OnnxOptions(**asked.options)
    settings = session_settings(options)
    settings.enable_profiling = True
    settings.profile_file_prefix = str(folder / "smoke")
    if CPU_PROVIDER not in options.providers:
        settings.add_session_config_entry(_NO_CPU_NODES, "1")
    return open_session(Path(asked.folder) / asked.files[0], options, settings, providers=options.providers)


def _inputs(asked: SmokeAsked, session: Any) -> Iterator[tuple[str, Mapping[str, NDArray[Any]]]]:
    """Give what the model is shown: what a pipeline made of a frame, else what fits its inputs."""
    if asked.golden is not None:
        data = (Path(asked.folder) / asked.golden.file).read_bytes()
        dtype = np.dtype(asked.golden.dtype).newbyteorder("<")
        tensor = np.frombuffer(data, dtype).reshape(asked.golden.shape)
        yield GOLDEN, {asked.golden.name: np.ascontiguousarray(tensor, np.dtype(asked.golden.dtype))}
        return
    sizes = {item.name: (_shape(item), _dtype(item)) for item in session.get_inputs()}
    yield ZEROS, {name: np.zeros(shape, dtype) for name, (shape, dtype) in sizes.items()}
    random = np.random.default_rng(SEED)
    yield RANDOM, {name: random.random(shape).astype(dtype) for name, (shape, dtype) in sizes.items()}


def _shape(item: Any) -> tuple[int, ...]:
    shape = tuple(size if isinstance(size, int) and size > 0 else 1 for size in item.shape)
    if math.prod(shape) > _ELEMENTS_MAX:
        raise ValueError(f"input {item.name} is too large to be made up: {shape}")
    return shape


def _dtype(item: Any) -> str:
    if item.type not in _DTYPES:
        raise ValueError(f"input {item.name} is {item.type}, which cannot be made up: try it with a profile")
    return _DTYPES[item.type]


def _output(shown: str, given: list[Any]) -> SmokeOutput:
    numbers = [np.asarray(one) for one in given]
    flat = [one.astype(np.float64).reshape(-1) for one in numbers if one.dtype.kind in "fiub"]
    values = np.concatenate(flat) if flat else np.zeros(0)
    return SmokeOutput(
        shown=shown,
        n_values=values.size,
        n_not_finite=int(np.count_nonzero(~np.isfinite(values))),
        values=tuple(float(one) if math.isfinite(one) else None for one in values[:VALUES_KEPT]),
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    main()
