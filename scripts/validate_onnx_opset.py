#!/usr/bin/env python3
"""Check a model's operator sets and IR version against one release of ONNX Runtime.

    python scripts/validate_onnx_opset.py --model defect-detector.onnx --target-ort-version 1.17.3

Exit codes: 0 the release takes the model, 10 it does not, 2 a mistake in the arguments, 22 the file is no model.
`hilrig compat check` does the same for every class of a device matrix, and runs the model as well.
"""

import argparse
import sys
from pathlib import Path

from hilrig.app.compat.model import staged_model
from hilrig.core.compat import DeviceClassRow
from hilrig.core.errors import HilrigError
from hilrig.core.exits import ExitCode
from hilrig.core.verdict import CheckStatus
from hilrig.gate.compat import table_finding
from hilrig.gate.ort_table import shipped_tables


def main() -> ExitCode:
    """Do what the arguments ask for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--target-ort-version", required=True, metavar="RELEASE")
    arguments = parser.parse_args()
    release = arguments.target_ort_version
    row = DeviceClassRow(
        name=f"onnxruntime-{release}", os="", stack={"onnxruntime": release}, providers=("CPUExecutionProvider",)
    )
    try:
        with staged_model(arguments.model) as model:
            finding = table_finding(row, model.model_format, shipped_tables())
    except HilrigError as error:
        print(f"error: {error.message}\nnext: {error.hint}", file=sys.stderr)
        return error.exit_code
    print(f"{finding.status.value}: {arguments.model}: {finding.sentence}")
    if finding.hint:
        print(f"next: {finding.hint}")
    return ExitCode.OK if finding.status is CheckStatus.PASS else ExitCode.FAIL


if __name__ == "__main__":
    sys.exit(main())
