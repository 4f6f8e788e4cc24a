"""The readers of trust under atheris, coverage-guided: `python -m fuzz --seconds 60`. See `make fuzz`.

The first byte of an input chooses the reader; the corpus starts with what the writers wrote. A crash, or bytes
that are accepted and are not the writer's, ends it with exit code 77 and leaves the input in the folder.
"""

import argparse
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
ASIDE = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for name in ("faults", "feed", "node", "record", "target", "verdict")
    for path in (ROOT / "hilrig" / name).rglob("*.py")
]
"""No reader is in these; to instrument them would take longer than a short look."""

with atheris.instrument_imports(include=["hilrig", "json", "base64", "zipfile"], exclude=ASIDE):
    from evidence_readers import EVIDENCE_READERS
    from trust_readers import READERS, refuses_or_rewrites

TOKENS = (
    "NaN",
    "-Infinity",
    "1e999",
    "-0.0",
    "\\\\u0061",
    "\\\\ud800",
    "\\xd0\\xb0",
    '\\"a\\":1,\\"a\\":2',
    "[[[[[[[[",
)
ALL = (*READERS, *EVIDENCE_READERS)
MAX_LEN = 4_096
"""Longer than every seed; long inputs only make each try slower."""


def one_input(data: bytes) -> None:
    """Give one made-up document to the reader that its first byte names."""
    if data:
        refuses_or_rewrites(ALL[data[0] % len(ALL)], data[1:])


def _write_seeds(folder: Path) -> tuple[Path, Path]:
    """Return a corpus with what the writers wrote, and a dictionary of what readers disagree about."""
    corpus, dictionary = folder / "corpus", folder / "tokens.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    for index, reader in enumerate(ALL):
        for number, seed in enumerate(reader.seeds):
            (corpus / f"{reader.name}-{number}").write_bytes(bytes([index]) + seed)
    dictionary.write_text("".join(f'"{token}"\n' for token in TOKENS))
    return corpus, dictionary


def main() -> None:
    """Fuzz for a time; libFuzzer ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=-1, help="end after so many documents")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer's random numbers")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="of corpus and crashes, kept")
    asked = parser.parse_args()
    corpus, dictionary = _write_seeds(asked.folder)
    options = [f"-max_total_time={asked.seconds}", f"-runs={asked.runs}", f"-seed={asked.seed}"]
    options += [f"-max_len={MAX_LEN}", "-timeout=10", f"-dict={dictionary}", "-print_final_stats=1"]
    options += [f"-artifact_prefix={asked.folder}/"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
