# ruff: noqa: INP001 - a script beside data, run by hand
"""Draw contact-sheet.png, what the synthetic weld camera can show.

python feeds/make_contact_sheet.py
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from hilrig.core.frame import Pixels
from hilrig.feed.synthetic import LABELS, SyntheticFeed, SyntheticOptions

TILE_WIDTH_PX, TILE_HEIGHT_PX, CAPTION_PX = 288, 166, 20
MARGIN_ROWS = 108  # of a 512-pixel frame, cut off above and below: plain plate
N_COLORS = 256  # a palette keeps the file small

CALM: dict[str, Any] = {"seed": 42, "defect_ratio": 0.0, "sensor_noise": 0.0, "illumination_drift": 0.0}
DARK, BRIGHT = 180, 60  # frames at the ends of the lamp's swing


def defective(label: str, severity: float) -> dict[str, Any]:
    """Return the options of parts that all have one defect."""
    return CALM | {"defect_ratio": 1.0, "labels": (label,), "severity_min": severity, "severity_max": severity}


SHEET: tuple[tuple[tuple[str, int, dict[str, Any]], ...], ...] = (
    tuple(("good part", index, CALM) for index in range(4)),
    tuple((f"{label}, severity 0.1", 4 + column, defective(label, 0.1)) for column, label in enumerate(LABELS)),
    tuple((f"{label}, severity 0.9", 8 + column, defective(label, 0.9)) for column, label in enumerate(LABELS)),
    (
        ("illumination_drift 0.4, darkest", DARK, CALM | {"illumination_drift": 0.4}),
        ("illumination_drift 0.4, brightest", BRIGHT, CALM | {"illumination_drift": 0.4}),
        ("motion_blur_px 16", 12, defective("porosity", 0.9) | {"motion_blur_px": 16}),
        ("sensor_noise 0.1", 13, defective("crack", 0.9) | {"sensor_noise": 0.1}),
    ),
)


def tile(caption: str, index: int, options: dict[str, Any]) -> Pixels:
    """Return one captioned picture of the sheet."""
    pixels = np.empty((512, 512, 3), np.uint8)
    SyntheticFeed(SyntheticOptions(**options), Path()).fill(index, pixels)
    seam = pixels[MARGIN_ROWS:-MARGIN_ROWS]
    picture = cv2.resize(seam, (TILE_WIDTH_PX, TILE_HEIGHT_PX), interpolation=cv2.INTER_AREA)
    strip = np.full((CAPTION_PX, TILE_WIDTH_PX, 3), 255, np.uint8)
    cv2.putText(strip, caption, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    framed = np.vstack([strip, picture])
    return np.pad(framed, ((0, 4), (0, 4), (0, 0)), constant_values=255)


def main() -> None:
    """Write the sheet beside this script."""
    sheet = np.vstack([np.hstack([tile(*entry) for entry in row]) for row in SHEET])
    picture = Image.fromarray(sheet[:, :, ::-1]).quantize(N_COLORS, dither=Image.Dither.NONE)
    picture.save(Path(__file__).with_name("contact-sheet.png"), optimize=True)


if __name__ == "__main__":
    main()
