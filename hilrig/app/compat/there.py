"""The smoke run as it is made on a rig, from a folder that was placed there.

The folder is removed afterwards.

`python3 -m hilrig.app.compat.there FOLDER CLASS`. It answers one line of JSON as the agent does. It needs hilrig's
dependencies on the rig, so it is no verb of the agent.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hilrig.app.compat.smoke import try_here
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import HilrigError, WrongClassError
from hilrig.rig.agent.answers import described
from hilrig.rig.device_class import device_classes
from hilrig.target.smoke_exchange import SmokeAsked

ASKED_FILE: Final = ".hilrig/asked.json"


def main() -> None:
    """Try what lies in the folder, answer, exit with 0 or 1."""
    folder = Path(sys.argv[1])
    try:
        answer: Mapping[str, Any] = {"ok": True, **tried_in(folder, sys.argv[2])}
    except (HilrigError, OSError) as error:
        answer = {"error": described(error)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(answer), flush=True)  # noqa: T201 - stdout is the channel to the client
    sys.exit(0 if "ok" in answer else 1)


def tried_in(folder: Path, device_class: str) -> dict[str, Any]:
    """Return what a smoke run of the model in a folder found on this machine, which must be of a class.

    Raises:
        WrongClassError: it is of another one: nothing was run.
        RecordError: the folder does not say what is asked.
    """
    classes = device_classes(Path("/"))
    if device_class not in classes:
        raise WrongClassError(
            f"this rig is of the class {' or '.join(classes) or 'unknown'}, not {device_class}",
            hint="name another rig in the device matrix",
        )
    asked = from_json(SmokeAsked, (folder / ASKED_FILE).read_bytes(), what=ASKED_FILE)
    return {"tried": json.loads(to_json(try_here(replace(asked, folder=str(folder)))))}


if __name__ == "__main__":
    main()
