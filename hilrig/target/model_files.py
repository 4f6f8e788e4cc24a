"""The identity of a model: every file that its numbers come from, hashed.

A changed weights file leaves the graph's own hash unchanged, so the identity covers the external data too
(`reference/trust.md` B4: 299 of 300 flipped bits load and run; only a hash finds them).
"""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError
from hilrig.core.profile import ModelSpec


def hash_model_files(model: ModelSpec, folder: Path) -> dict[str, str]:
    """Return the sha256 of every file of the model, by its path in the profile.

    Raises:
        PreconditionError: a file is missing, empty, not a model, not the pinned one, or not listed.
    """
    digests = {name: _hash_file(folder / name) for name in model.files}
    if model.files and model.files[0].endswith(".onnx"):
        _refuse_unlisted_external_data(model, folder)
    _refuse_other_than_pinned(model, bundle_sha256(digests), folder)
    return digests


def bundle_sha256(files_sha256: Mapping[str, str]) -> str:
    r"""Return the model's one digest: sha256 over the sorted lines `<sha256>  <path>\n`."""
    lines = sorted(f"{digest}  {name}\n" for name, digest in files_sha256.items())
    return sha256_hex("".join(lines).encode())


def refuse_changed(expected_sha256: Mapping[str, str], loaded_sha256: Mapping[str, str]) -> None:
    """Refuse files that are no longer those that were checked before the run.

    Raises:
        PreconditionError: somebody changed a file between the check and the load.
    """
    changed = [name for name, digest in loaded_sha256.items() if expected_sha256.get(name) != digest]
    if changed:
        raise PreconditionError(
            f"{', '.join(changed)} changed between the check and the load", hint="start the run again"
        )


def _hash_file(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe waits for whoever writes to it
            raise PreconditionError(f"model file {path} is not a file", hint="copy or export the model again")
        data = path.read_bytes()
    except OSError as error:
        raise PreconditionError(
            f"model file {path} cannot be read: {error.strerror}",
            hint="put the file there, or correct model.files in profile.yaml",
        ) from error
    if not data:
        raise PreconditionError(f"model file {path} is empty (0 bytes)", hint="copy or export the model again")
    return sha256_hex(data)


def _refuse_other_than_pinned(model: ModelSpec, found: str, folder: Path) -> None:
    if model.bundle_sha256 is None or model.bundle_sha256 == found:
        return
    raise PreconditionError(
        f"the model in {folder} is not the one that profile.yaml pins: "
        f"expected bundle_sha256 {model.bundle_sha256}, found {found}",
        hint="restore the model file, or pin the found digest as model.bundle_sha256 on purpose",
    )


def _refuse_unlisted_external_data(model: ModelSpec, folder: Path) -> None:
    graph = model.files[0]
    listed = {str(Path(name)) for name in model.files[1:]}
    for location in sorted(set(_external_locations(folder / graph))):
        if Path(location).is_absolute() or ".." in Path(location).parts:
            raise PreconditionError(
                f"{folder / graph} reads weights from '{location}', outside of its own folder",
                hint="export the model again with its external data beside it",
            )
        if str(Path(graph).parent / location) not in listed:
            raise PreconditionError(
                f"{folder / graph} reads weights from '{location}', which profile.yaml does not list",
                hint=f"model.files: [{graph}, {Path(graph).parent / location}]",
            )


def _external_locations(path: Path) -> Iterator[str]:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise PreconditionError(
            f"model file {path} is not an ONNX model", hint="copy or export the model again"
        ) from error
    tensors = [*_tensors_of(model.graph)]
    for function in model.functions:
        for node in function.node:
            tensors.extend(_tensors_of_node(node))
    for tensor in tensors:
        if onnx.external_data_helper.uses_external_data(tensor):
            yield onnx.external_data_helper.ExternalDataInfo(tensor).location


def _tensors_of(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        yield from _tensors_of_node(node)


def _tensors_of_node(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        if attribute.HasField("g"):
            yield from _tensors_of(attribute.g)
        for graph in attribute.graphs:
            yield from _tensors_of(graph)
