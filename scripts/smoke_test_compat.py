#!/usr/bin/env python3
"""Load and run a model for every class of a device matrix: the same as `hilrig compat check`.

    python scripts/smoke_test_compat.py --model m.onnx --device-matrix config/device_compatibility_matrix.yaml

Further arguments go to that command: `--device-class x86-cpu`, `--out compatibility.json`, `--rigs DIR`, `--json`.
Exit codes: 0 every class PASS, 10 a class FAILs, 11 a class could not be tried.
"""

import argparse
import sys

from hilrig.cli.main import main as hilrig


def main() -> None:
    """Hand the arguments on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--device-matrix", required=True)
    arguments, more = parser.parse_known_args()
    sys.argv = ["hilrig", "compat", "check", arguments.model, "--device-matrix", arguments.device_matrix, *more]
    hilrig()


if __name__ == "__main__":
    main()
