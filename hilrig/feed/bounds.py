"""The one answer of every feed to a frame that it does not have."""

from hilrig.core.frame import FeedInfo


def require_index(index: int, info: FeedInfo) -> None:
    """Return if the feed has frame `index`.

    Raises:
        IndexError: there is no such frame; a caller that cycles through a pool has to do so itself.
    """
    if not 0 <= index < info.n_frames:
        raise IndexError(f"expected a frame index from 0 to {info.n_frames - 1}, found {index}")
