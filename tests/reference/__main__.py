"""Makes every page anew that is made from the code: `python -m reference FOLDER`. See `make reference`."""

import sys
from pathlib import Path

from reference.pages import pages


def main() -> None:
    """Write the pages that are not what the code says into a folder, and name them."""
    for page, text in pages().items():
        path = Path(sys.argv[1]) / page
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()
