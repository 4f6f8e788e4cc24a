"""The worst frames as the page shows them: stamps, cause, what was in them, what stood at that moment."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from hilrig.core.analysis import MomentReading
from hilrig.core.channels import THROTTLE_STATE
from hilrig.core.document import Thumbnail
from hilrig.core.verdict import WorstFrame
from hilrig.report.channel_words import in_words, name_of, title_of
from hilrig.report.values import number, one_line
from hilrig.report.wording import cause_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A small picture of a frame as a data URI; `uri` is empty where there is none, `reason` says why."""

    uri: str
    width_px: int
    height_px: int
    alt: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstRow:
    """One frame.

    Args:
        content: what was really in it and what was decided; empty where neither is known.
        readings: channel, value, how long before the frame was due; empty where nothing was read.
        picture: None where the page was made without pictures.
    """

    frame: WorstFrame
    cause: str
    content: str
    readings: tuple[tuple[str, str, str], ...]
    picture: Picture | None


def worst_rows(frames: Sequence[WorstFrame], thumbnails: Sequence[Thumbnail]) -> list[WorstRow]:
    """Return a row for each of the worst frames, in their order."""
    pictures = {thumbnail.frame_id: thumbnail for thumbnail in thumbnails}
    return [
        WorstRow(
            frame=frame,
            cause=cause_text(frame),
            content=_content(frame),
            readings=tuple(map(_reading, frame.readings)),
            picture=_picture(frame, pictures.get(frame.frame_id)) if thumbnails else None,
        )
        for frame in frames
    ]


def _content(frame: WorstFrame) -> str:
    if frame.truth is None and frame.found is None:
        return ""
    truth = "nobody knows" if frame.truth is None else ", ".join(frame.truth) or "no defect"
    found = "no decision" if frame.found is None else ", ".join(frame.found) or "nothing"
    return one_line(f"in it: {truth}; found: {found}{_rightness(frame)}")


def _rightness(frame: WorstFrame) -> str:
    if frame.truth is None or frame.found is None:
        return ""
    return " (right)" if set(frame.truth) == set(frame.found) else " (wrong)"


def _reading(reading: MomentReading) -> tuple[str, str, str]:
    is_state = name_of(reading.key) == THROTTLE_STATE
    value = ("yes" if reading.value else "no") if is_state else in_words(reading.key, reading.unit, reading.value)
    return title_of(reading.key), value, f"{number(round(reading.age_ms))} ms before"


def _picture(frame: WorstFrame, thumbnail: Thumbnail | None) -> Picture:
    if thumbnail is None or not thumbnail.jpeg:
        return Picture(uri="", width_px=0, height_px=0, alt="", reason=_no_picture(thumbnail))
    return Picture(
        uri="data:image/jpeg;base64," + base64.b64encode(thumbnail.jpeg).decode(),
        width_px=thumbnail.width_px,
        height_px=thumbnail.height_px,
        alt=one_line(f"frame {frame.frame_id} as the camera showed it, {_content(frame) or 'content not known'}"),
        reason="",
    )


def _no_picture(thumbnail: Thumbnail | None) -> str:
    return f"no picture: {one_line(thumbnail.reason) if thumbnail and thumbnail.reason else 'none was kept'}"
