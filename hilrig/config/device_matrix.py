"""From `device_compatibility_matrix.yaml` to the supported device classes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from hilrig.config.block_reader import read_keys
from hilrig.config.document import Document, merge
from hilrig.config.document import Path as At
from hilrig.config.keys import Format, Keys, Name, Text
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.canonical import sha256_hex
from hilrig.core.compat import DeviceClassRow, DeviceMatrix
from hilrig.core.errors import ConfigError, Problem

CPU_PROVIDER: Final = "CPUExecutionProvider"
LIBRARIES_OF: Final = {
    "CUDAExecutionProvider": ("cuda",),
    "TensorrtExecutionProvider": ("cuda", "tensorrt"),
}
"""What a class has to state in its stack for a provider: without it nothing could be looked up."""

RELEASE_PATTERN: Final = r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$"
VERSION_PATTERN: Final = r"^[0-9]{1,4}(?:\.[0-9]{1,6}){0,4}$"
PROVIDER_PATTERN: Final = r"^[A-Za-z0-9]{1,64}ExecutionProvider$"

Release = Annotated[str, Field(pattern=RELEASE_PATTERN)]
Version = Annotated[str, Field(pattern=VERSION_PATTERN)]
Provider = Annotated[str, Field(pattern=PROVIDER_PATTERN)]


class StackKeys(Keys):
    """The versions that a class runs."""

    onnxruntime: Release = Field(description="Release of ONNX Runtime, all three parts: `1.17.3`.")
    cuda: Version | None = Field(default=None, description="CUDA, as far as it is fixed: `12.2`.")
    tensorrt: Version | None = Field(default=None, description="TensorRT: `8.6`.")
    cudnn: Version | None = Field(default=None, description="cuDNN: `8.9`.")
    jetpack: Version | None = Field(default=None, description="JetPack of a Jetson: `6.0`.")
    l4t: Version | None = Field(default=None, description="Jetson Linux: `36.3`.")
    driver: Version | None = Field(default=None, description="Driver of an NVIDIA card: `535.183`.")


class DeviceClassKeys(Keys):
    """One device class."""

    os: Text = Field(description="Operating system or JetPack, in words.")
    stack: StackKeys
    providers: Annotated[tuple[Provider, ...], Field(min_length=1, max_length=8)] = Field(
        description="Execution providers in the order they are asked for; the first must do the work."
    )
    rig: Text | None = Field(
        default=None, description="The rig, by name or file, that tries models for this class."
    )
    blocked: Text | None = Field(default=None, description="Why no model may go to this class.")


class DeviceMatrixKeys(Keys):
    """The device classes that models are released for."""

    format: Format = Field(description="Format of this file: 1.")
    device_classes: Annotated[dict[Name, DeviceClassKeys], Field(min_length=1, max_length=256)] = Field(
        description="By name, as profiles and rig files have it: `x86-cpu`, `jetson-orin-nx-8gb`."
    )


def load_device_matrix(path: Path) -> DeviceMatrix:
    """Return the device classes that a file states.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
    """
    if not path.is_file():
        beside = path if path.is_dir() else path.parent
        raise not_found(path, what="device matrix", known=sorted(file.name for file in beside.glob("*.yaml")))
    data = read_bytes(path)
    document = read_yaml(data, file=str(path))
    keys, key_problems = read_keys(document, DeviceMatrixKeys)
    problems = merge(document.problems, list(_broken_rules(document)), key_problems)
    if keys is None or problems:
        raise ConfigError(problems)
    rows = tuple(_row(name, row, document) for name, row in keys.device_classes.items())
    return DeviceMatrix(rows=rows, sha256=sha256_hex(data))


def _row(name: str, keys: DeviceClassKeys, document: Document) -> DeviceClassRow:
    mark = document.keys[("device_classes", name)]
    return DeviceClassRow(
        name=name,
        os=keys.os,
        stack=keys.stack.model_dump(exclude_none=True),
        providers=keys.providers,
        rig=keys.rig or "",
        blocked=keys.blocked or "",
        source=f"{document.file}:{mark.line}:{mark.column}",
    )


def _broken_rules(document: Document) -> Iterator[Problem]:
    classes = document.get(("device_classes",))
    if isinstance(classes, list):
        message = "expected one block for each device class, found a list"
        yield document.problem(
            ("device_classes",), "wrong_type", message, "write 'x86-cpu:' and its keys below it"
        )
    for name in classes if isinstance(classes, dict) else ():
        at: At = ("device_classes", name)
        yield from _unquoted_versions(document, at)
        yield from _impossible_providers(document, at)


def _unquoted_versions(document: Document, at: At) -> Iterator[Problem]:
    """Give the versions that YAML read as numbers: 1.20 is 1.2 by then, nobody can tell any more."""
    stack = document.get((*at, "stack"))
    for component, value in stack.items() if isinstance(stack, dict) else ():
        if isinstance(value, int | float) and not isinstance(value, bool):
            message = f"the version of {component} is read as the number {value!r}"
            hint = f'put it in quotes: {component}: "{_example(component, value)}"'
            yield document.problem((*at, "stack", component), "wrong_type", message, hint)


def _example(component: str, value: float) -> str:
    return f"{value}.N" if component == "onnxruntime" else str(value)


def _impossible_providers(document: Document, at: At) -> Iterator[Problem]:
    providers = document.get((*at, "providers"))
    if not isinstance(providers, list):
        return
    for index, name in enumerate(providers):
        if name in providers[:index]:
            message = f"{name} is named twice"
            yield document.problem((*at, "providers", index), "contradiction", message, "keep one")
        elif name == CPU_PROVIDER and index < len(providers) - 1:
            message = f"{CPU_PROVIDER} takes every node: what stands behind it is never used"
            yield document.problem((*at, "providers", index), "contradiction", message, "put it last")
        yield from _libraries_not_stated(document, at, index, name)


def _libraries_not_stated(document: Document, at: At, index: int, name: object) -> Iterator[Problem]:
    for component in LIBRARIES_OF.get(str(name), ()):
        if document.get((*at, "stack", component)) is None:
            message = f"{name} needs {component}, and the stack of this class has no version of it"
            hint = f'state it: stack: {{{component}: "..."}}'
            yield document.problem((*at, "providers", index), "missing", message, hint)
