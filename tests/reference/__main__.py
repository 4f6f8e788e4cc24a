"""Makes every page anew that is made from the code: `python -m reference`. See `make reference`."""

import sys

from reference.pages import ROOT, pages


def main() -> None:
    """Write the pages that are not what the code says, and name them."""
    for page, text in pages().items():
        path = ROOT / page
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()
