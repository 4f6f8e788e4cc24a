"""Preprocess to a 1x3x512x512 float32 tensor, beside the fastest known method and OpenCV's own."""

import time
from collections.abc import Callable, Mapping
from statistics import median

import cv2
import numpy as np

from bench.row import Bench, Row
from hilrig.core.profile import ColorOrder, Layout, PreprocessSpec
from hilrig.target.preprocess import Preprocessor

SIZE_PX = 512
N_CALLS = 300
SPEC = PreprocessSpec(
    width_px=SIZE_PX,
    height_px=SIZE_PX,
    color_order=ColorOrder.RGB,
    scale=1 / 255,
    mean=(0, 0, 0),
    std=(1, 1, 1),
    layout=Layout.NCHW,
    dtype="float32",
)
PIXELS = np.random.default_rng(1).integers(0, 256, (SIZE_PX, SIZE_PX, 3), np.uint8)
PLANES = [np.empty((SIZE_PX, SIZE_PX), np.uint8) for _ in range(3)]
TENSOR = np.empty((1, 3, SIZE_PX, SIZE_PX), np.float32)
SCALE = np.float32(1 / 255)
OURS = Preprocessor(SPEC, TENSOR)


def _ours(scale: float) -> Mapping[str, float]:
    return _timed(lambda: OURS(PIXELS), scale)


def _preallocated_split(scale: float) -> Mapping[str, float]:
    """Split into kept planes, multiply into the tensor in reverse order: the fastest of eight methods tried."""

    def call() -> None:
        cv2.split(PIXELS, PLANES)
        for plane, target in zip(PLANES, TENSOR[0, ::-1], strict=True):
            np.multiply(plane, SCALE, out=target)

    return _timed(call, scale)


def _blob(scale: float) -> Mapping[str, float]:
    return _timed(lambda: cv2.dnn.blobFromImage(PIXELS, 1 / 255, swapRB=True), scale)


def _timed(call: Callable[[], object], scale: float) -> Mapping[str, float]:
    cv2.setNumThreads(1)
    times_us = []
    for _ in range(round(N_CALLS * scale)):
        begin_ns = time.perf_counter_ns()
        call()
        times_us.append((time.perf_counter_ns() - begin_ns) / 1000)
    return {"us": median(times_us)}


def _bench(
    name: str, row_name: str, against: str, peer: Callable[[float], Mapping[str, float]], *goals: float
) -> Bench:
    reach, stretch = goals
    row = Row(name=row_name, against=against, key="us", unit="us", reach=reach, stretch=stretch)
    return Bench(name=name, rows=(row,), ours=_ours, peer=peer, n_rounds=9)


PREPROCESS = (
    _bench("preprocess", "preprocess 512x512", "a preallocated split", _preallocated_split, 1.15, 1.0),
    _bench("preprocess-blob", "the same preprocess", "cv2.dnn.blobFromImage", _blob, 0.7, 0.5),
)
