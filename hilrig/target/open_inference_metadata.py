"""What an inference server says of its model, held against the profile."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hilrig.core.errors import PreconditionError
from hilrig.core.profile import ModelSpec

SCORE_DATATYPES: Final = ("FP32", "FP16", "FP64")


def refuse_other_model(metadata: Mapping[str, Any], model: ModelSpec, *, datatype: str, at: str) -> None:
    """Refuse a model with other inputs or outputs than the profile's; a size of -1 on the server fits any number.

    Args:
        metadata: the protocol's model metadata.
        model: as the profile declares it.
        datatype: what preprocess makes, in the protocol's words.
        at: where the metadata came from, for messages.

    Raises:
        PreconditionError: with what was declared and what was found.
    """
    for what, declared, found in _differences(metadata, model, datatype):
        raise PreconditionError(
            f"{at}: the profile says {what} {declared}, the server has {found or 'none'}",
            hint="correct model and preprocess in profile.yaml, or load the right model into the server",
        )


def _differences(metadata: Mapping[str, Any], model: ModelSpec, datatype: str) -> Iterator[tuple[str, Any, Any]]:
    inputs, outputs = _by_name(metadata.get("inputs")), _by_name(metadata.get("outputs"))
    if set(inputs) != {model.input_name}:
        yield "input", model.input_name, ", ".join(inputs)
        return
    found = inputs[model.input_name]
    if not _fits(found.get("shape"), list(model.input_shape)):
        yield "input shape", list(model.input_shape), found.get("shape")
    if found.get("datatype") != datatype:
        yield "input type", datatype, found.get("datatype")
    if model.output_name not in outputs:
        yield "output", model.output_name, ", ".join(outputs)
        return
    scores = outputs[model.output_name]
    shape = scores.get("shape")
    if not isinstance(shape, list) or not _fits(shape[-1:], [len(model.labels)]):
        yield "output with one score per label", f"[1, {len(model.labels)}]", shape
    if scores.get("datatype") not in SCORE_DATATYPES:
        yield "output type one of", ", ".join(SCORE_DATATYPES), scores.get("datatype")


def _by_name(tensors: Any) -> dict[str, dict[str, Any]]:
    listed = tensors if isinstance(tensors, list) else []
    return {str(tensor["name"]): tensor for tensor in listed if isinstance(tensor, dict) and "name" in tensor}


def _fits(found: Any, declared: list[int]) -> bool:
    """Return whether the shapes agree."""
    return (
        isinstance(found, list)
        and len(found) == len(declared)
        and all(size in (-1, wanted) for size, wanted in zip(found, declared, strict=True))
    )
