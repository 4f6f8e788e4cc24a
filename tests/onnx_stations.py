"""Small stations that run a real model on the execution providers that a test names."""

from pathlib import Path

import onnx

from small_models import build_model
from stations import write_station


def write_onnx_station(folder: Path, *providers: str, more: str = "") -> Path:
    """Write a station whose backend is `onnx` on these providers, with its model; return the folder.

    `more` is appended to the backend's options.
    """
    write_station(folder)
    onnx.save(build_model(n_labels=4), str(folder / "model.onnx"))
    text = (folder / "profile.yaml").read_text()
    for old, new in (
        ("files: []", "files: [model.onnx]"),
        ("128", "8"),
        ("width_px: 8, height_px: 8}}", "width_px: 128, height_px: 128}}"),
        ('name: "null", options: {}', f"name: onnx, options: {{providers: [{', '.join(providers)}]{more}}}"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "profile.yaml").write_text(text)
    return folder
