"""Compatibility of a model with device classes: what each class runs, what was found out about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from hilrig.core.verdict import CheckStatus

COMPAT_SCHEMA = "hilrig.compat/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClassRow:
    """One device class of `device_compatibility_matrix.yaml`.

    Args:
        name: of the class, as in profiles and rig files.
        os: operating system or JetPack, in words.
        stack: version by component: `onnxruntime` always; `cuda`, `tensorrt`, `cudnn`, `jetpack`, `l4t`, `driver`
            where there is one.
        providers: execution providers in the order they are asked for; the first must do the work.
        rig: name of the rig that the smoke run goes to; empty: only a machine of this class can make it.
        blocked: why no model may go to this class; empty: it may.
        source: where the row is written, `matrix.yaml:4:3`.
    """

    name: str
    os: str
    stack: Mapping[str, str]
    providers: tuple[str, ...]
    rig: str = ""
    blocked: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMatrix:
    """The supported device classes, and the digest of the file that names them."""

    rows: tuple[DeviceClassRow, ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFormat:
    """What an ONNX file asks of a runtime.

    Args:
        ir_version: of the file.
        opsets: version by operator domain; the domain of ONNX itself is the empty text.
    """

    ir_version: int
    opsets: Mapping[str, int]


class CompatStep(str, Enum):
    """How a finding came about: by the table of versions, or by loading and running the model."""

    TABLE = "table"
    SMOKE = "smoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatFinding:
    """What one step found out for one class. NOT_MEASURED: nobody could try; it is not a PASS."""

    device_class: str
    step: CompatStep
    status: CheckStatus
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatReport:
    """What `compatibility.json` holds: one model against every class of a matrix.

    Args:
        model_files_sha256: by path; `bundle_sha256` is over all of them.
        matrix_sha256: of the matrix file.
        classes: all of the matrix; `blocked` are those of them that no model may go to, with the reason.
    """

    schema: str = COMPAT_SCHEMA
    hilrig_version: str
    made_at_utc: str
    bundle_sha256: str
    model_files_sha256: Mapping[str, str]
    model_format: ModelFormat
    matrix_sha256: str
    classes: tuple[str, ...]
    blocked: Mapping[str, str]
    findings: tuple[CompatFinding, ...]
