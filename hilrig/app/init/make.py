"""A first profile for a model: what its graph says is filled in, what only a person knows is marked."""

import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.init.label_names import LabelNames, label_names
from hilrig.app.init.model_file import copy_files, find_model, open_model, refuse_other_files, weights_beside
from hilrig.app.init.picture import Picture, picture_of
from hilrig.app.init.scores import Scores, ask_for_scores
from hilrig.config.profile import PROFILE_FILE, load_profile, parse_profile
from hilrig.config.template import FirstProfile, profile_template
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.profile import Profile
from hilrig.rig.device_class import device_classes

NAME_MAX: Final = 64
_GERMAN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InitRequest:
    """What a person says of a model. `size` is width and height in pixels; None: what the model says."""

    folder: Path
    model: Path
    output: str | None = None
    labels: Path | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new profile, with what was found out about its model."""

    profile: Profile
    file: Path
    picture: Picture
    scores: Scores
    labels: LabelNames

    @property
    def period_ms(self) -> float:
        """Return the time from frame to frame in the profile."""
        return float(1000 / self.profile.frame_rate_fps)


def init_profile(request: InitRequest) -> Made:
    """Make a profile's folder for an ONNX model: a copy of the model's files, a commented profile.yaml.

    Raises:
        UsageError: the folder has a profile already, or the model does not make one picture into scores.
        PreconditionError: the model cannot be loaded, or nothing may be written there.
    """
    folder = request.folder.expanduser()
    _refuse_folder(folder)
    model = find_model(request.model)
    names = (model.name, *weights_beside(model))
    refuse_other_files(model, names, folder)
    session = open_model(model)
    picture = picture_of(session.get_inputs(), model.name, size=request.size)
    scores = ask_for_scores(session, picture, model.name, output=request.output)
    labels = label_names(scores.n, request.labels, session.get_modelmeta().custom_metadata_map)
    text = profile_template(
        FirstProfile(
            name=profile_name(folder),
            device_class=device_classes(Path("/"))[-1],
            model_files=names,
            input_name=picture.name,
            input_shape=picture.shape,
            layout=picture.layout,
            dtype=picture.dtype,
            output_name=scores.name,
            labels=labels.names,
            is_share=scores.is_share,
        )
    )
    file = folder / PROFILE_FILE
    parse_profile(text.encode(), file=str(file), folder=str(folder))  # before anything is written
    copy_files(model, names, folder)
    file.write_text(text, encoding="utf-8")
    return Made(profile=load_profile(folder), file=file, picture=picture, scores=scores, labels=labels)


def profile_name(folder: Path) -> str:
    """Return a station's name from its folder's: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKC", folder.resolve().name).lower().translate(_GERMAN)
    letters = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:NAME_MAX].strip("-") or "station"


def _refuse_folder(folder: Path) -> None:
    """Refuse a folder that has a profile, or in which none can be written, before the model is looked at."""
    target = folder / PROFILE_FILE
    if target.exists():
        raise UsageError(
            f"{target} exists; it is never overwritten",
            hint=f"hilrig check {folder}, or move it away for a new one",
        )
    above = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not above.is_dir():
        raise UsageError(f"{above} is a file, expected a folder", hint="name another folder: hilrig init DIR ...")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PreconditionError(
            f"you may not write in {above}", hint="name a folder of your own: hilrig init ~/my-station ..."
        )
