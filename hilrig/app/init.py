"""A first profile for a model: what its graph says is filled in, what only a person knows is marked."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

from hilrig.config.profile import load_profile
from hilrig.config.template import profile_template
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.profile import Profile
from hilrig.rig.device_class import device_classes

N_LABELS_MAX: Final = 32


def init_profile(folder: Path, model: Path) -> Profile:
    """Make a profile folder for an ONNX model: the model's copy, a commented profile.yaml; return the profile.

    Raises:
        UsageError: the folder has a profile already, or the model does not take one picture.
        PreconditionError: the model cannot be loaded.
    """
    target = folder / "profile.yaml"
    if target.exists():
        raise UsageError(f"{target} exists; it is never overwritten", hint=f"hilrig check {folder}")
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "station"
    image, scores = _input_and_output(model)
    text = profile_template(
        name=name,
        device_class=device_classes(Path("/"))[-1],
        model_file=model.name,
        input_name=image.name,
        input_shape=[size if isinstance(size, int) else 1 for size in image.shape],
        output_name=scores.name,
        labels=[f"label-{index}" for index in range(_n_labels(model, scores.shape))],
    )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / model.name).exists():
        shutil.copyfile(model, folder / model.name)
    target.write_text(text)
    return load_profile(folder)


def _input_and_output(model: Path) -> tuple[Any, Any]:
    import onnxruntime as ort

    if not model.is_file():
        raise PreconditionError(f"model file {model} is missing", hint="give the path of an ONNX file")
    try:
        session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise PreconditionError(
            f"model file {model} does not load in ONNX Runtime {ort.__version__}: {str(error).splitlines()[0]}",
            hint="check the export: opset and IR version must be within what this runtime supports",
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1:
        names = ", ".join(item.name for item in inputs)
        raise UsageError(f"{model} has {len(inputs)} inputs ({names}), expected one picture")
    return inputs[0], outputs[0]


def _n_labels(model: Path, shape: list[Any]) -> int:
    n_labels = shape[-1] if shape and isinstance(shape[-1], int) else 0
    if not 1 <= n_labels <= N_LABELS_MAX:
        raise UsageError(
            f"{model} has an output of shape {shape}, expected [1, n] with 1 to {N_LABELS_MAX} labels",
            hint="hilrig decides by one score per label: export the model with its final scores",
        )
    return n_labels
