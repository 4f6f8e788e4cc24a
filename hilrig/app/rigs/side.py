"""What the whole hilrig does on a rig beside runs.

It shows the rig's key, and it rescues a run whose keeper is gone.

`python3 -m hilrig.app.rigs.side key | recover RUN_ID`, with HILRIG_HOME in the work folder. It answers one line
of JSON as the agent does. It needs hilrig's dependencies, so it is no verb of the agent.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hilrig.app.folders import keys_folder
from hilrig.core.errors import HilrigError, UsageError
from hilrig.rig.agent.answers import described
from hilrig.rig.agent.layout import RunFolder, WorkFolder

KEY_NAME: Final = "rig"


def main() -> None:
    """Do what the arguments ask for, answer, exit with 0 or 1."""
    try:
        answer: Mapping[str, Any] = {"ok": True, **_done(sys.argv[1:])}
    except (HilrigError, OSError) as error:
        answer = {"error": described(error)}
    print(json.dumps(answer), flush=True)  # noqa: T201 - stdout is the channel to the client
    sys.exit(0 if "ok" in answer else 1)


def key() -> dict[str, Any]:
    """Return the public key of this rig, made when there is none: nobody is there to type a passphrase."""
    folder = keys_folder()
    public = folder / f"{KEY_NAME}.pub"
    if not public.is_file():
        from hilrig.attest.keys import create_key

        create_key(folder, KEY_NAME, passphrase=None)
    return {"public_pem": public.read_text(encoding="ascii")}


def recover(run_id: str) -> dict[str, Any]:
    """Recover, judge and sign a run unless it is finished; return the name of its directory, empty without one.

    Raises:
        RecordError: it is still being written, or offered no frame.
    """
    run = WorkFolder(keys_folder().parents[1]).run(run_id)
    run_dir = _run_dir_of(run)
    if run_dir is None:
        return {"run_dir": ""}
    if not (run_dir / "result.json").is_file():
        _recover(run_dir)
    run.manifest.unlink(missing_ok=True)  # made before; it is made anew when somebody asks
    return {"run_dir": run_dir.name}


def _recover(run_dir: Path) -> None:
    from hilrig.app.finished.recover import recover as rescue
    from hilrig.attest.keys import load_signer
    from hilrig.core.clock import SystemClock

    rescue(run_dir, load_signer(keys_folder() / f"{KEY_NAME}.pem", passphrase=None), clock=SystemClock())


def _run_dir_of(run: RunFolder) -> Path | None:
    found = [path for path in run.reports.glob("[!.]*") if path.is_dir() and not path.is_symlink()]
    return found[0] if len(found) == 1 else None


def _done(arguments: list[str]) -> dict[str, Any]:
    match arguments:
        case ["key"]:
            return key()
        case ["recover", run_id]:
            return recover(run_id)
    raise UsageError(f"expected `key` or `recover RUN_ID`, found {' '.join(arguments)[:100]!r}")


if __name__ == "__main__":
    main()
