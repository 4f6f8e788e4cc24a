"""A page that lies wherever the user wants it, with links to the pages of runs."""

import os
from pathlib import Path
from urllib.parse import quote

from hilrig.core import files
from hilrig.core.errors import UsageError
from hilrig.record.run_directory import write_atomic


def link_to_report(run_dir: Path, page: Path) -> str:
    """Return where a run's report lies as seen from `page`, as a relative URL; empty when there is none."""
    report = run_dir / files.REPORT_HTML
    if not report.is_file():
        return ""
    return quote(os.path.relpath(report, page.parent))  # a colon too: no folder's name becomes a URL's scheme


def write_page(page: Path, data: bytes) -> None:
    """Write a page, whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        write_atomic(page, data)
    except OSError as error:
        raise UsageError(
            f"{page} cannot be written: {error.strerror}",
            hint="give a file in a folder that is there: --html FILE",
        ) from error
