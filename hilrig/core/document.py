"""What a view is rendered from: the result, the signature over it, the evidence that a page shows besides."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilrig.core.baseline import Baseline
from hilrig.core.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureInfo:
    """What a view says of the signature: the key's fingerprint and the envelope file, never "valid".

    Args:
        key_fingerprint: OpenSSH's `SHA256:` form; empty for an unsigned result.
        public_key_der: SubjectPublicKeyInfo of the key, so that a page can check the signature itself.
        envelope: the DSSE envelope, byte for byte.
        signed_result: result.json, byte for byte, as the envelope's statement names it.
    """

    key_fingerprint: str
    envelope_file: str
    envelope_sha256: str
    public_key_der: bytes = b""
    envelope: bytes = b""
    signed_result: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasuredFrames:
    """Every frame of the measured part, in the order in which they were due.

    Args:
        due_ns: int64, when each was due, after the start of the measured part.
        latency_ns: int64, from due to decided; -1 where there was no decision.
        outcome: uint8, `hilrig.core.frame.Outcome`.
    """

    due_ns: NDArray[np.int64]
    latency_ns: NDArray[np.int64]
    outcome: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small picture of one of the worst frames: `jpeg` is empty where there is none, `reason` says why."""

    frame_id: int
    width_px: int
    height_px: int
    jpeg: bytes
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a view is rendered from.

    Args:
        result: the verdict and all numbers.
        signature: over the result.
        profile_text: profile.yaml as it was judged by; empty where a view is made without the run directory.
        frames: the raw frames, for zooming; None leaves them out of the page.
        thumbnails: of the worst frames.
        baseline: the run that this one is shown beside.
    """

    result: Result
    signature: SignatureInfo
    profile_text: str = ""
    frames: MeasuredFrames | None = None
    thumbnails: tuple[Thumbnail, ...] = ()
    baseline: Baseline | None = None
