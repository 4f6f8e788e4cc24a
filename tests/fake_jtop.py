"""A package `jtop` for our helper process to import: the client's face of jetson-stats 7.2.2, scripted."""

from pathlib import Path

NOT_ACTIVE = "The jtop.service is not active. Please run:\\nsudo jtop --install-service"
NO_ACCESS = "I can't access jtop.service.\\nPlease logout or reboot this board."
MISMATCH = (
    "Mismatch version jtop service: [4.2.0] and client: [7.2.2]. Please run:\\n\\nsudo jtop --install-service"
)
PYTHON_MISMATCH = "Mismatch of Python versions between library and service"
NO_KEY = "Authentication with jetson-stats server failed"

ORIN = {
    "gpu": {
        "gpu": {
            "type": "integrated",
            "status": {"railgate": False, "3d_scaling": True, "load": 63.4},
            "freq": {
                "governor": "nvhost_podgov",
                "cur": 621000,
                "max": 1020000,
                "min": 306000,
                "GPC": [621000, 0],
            },
            "power_control": "auto",
        }
    },
    "memory": {"RAM": {"tot": 7620000, "used": 100}, "EMC": {"cur": 2133000, "max": 2133000, "val": 43}},
    "temperature": {
        "cpu": {"temp": 53.968, "online": True},
        "CV0": {"temp": -256, "online": False},
        "tj": {"temp": 54.0, "online": True, "max": 99.0},
        "nvme Composite": {"temp": 41.85, "online": True},
    },
    "power": {
        "rail": {
            "VDD_SOC": {"volt": 5000, "curr": 563, "power": 2817, "online": True, "avg": 2800, "type": "INA3221"},
            "ucsi-1": {"volt": 0, "curr": 0, "power": 0, "online": False, "avg": 0, "type": "USB"},
        },
        "tot": {"volt": 5016, "curr": 2488, "power": 12479, "online": True, "avg": 12000, "name": "VDD_IN"},
    },
}

_PACKAGE = """
import os, sys, time
from datetime import timedelta

GO = os.path.join(os.path.dirname(__file__), "go")


class JtopException(Exception):
    def __init__(self, message, errors=""):
        super().__init__(message, errors)
        self.message = message

    def __str__(self):
        return str(self.message)


class jtop:
    def __init__(self, interval=1.0):
        self.n_calls = 0

    def __enter__(self):
        {enter}
        return self

    def __exit__(self, kind, value, trace):
        return trace is None

    def ok(self, spin=False):
        self.n_calls += 1
        n = self.n_calls
        {ok}

    uptime = property(lambda self: timedelta(seconds={uptime}))
    data = {data!r}
    gpu = property(lambda self: self.data["gpu"])
    memory = property(lambda self: self.data["memory"])
    temperature = property(lambda self: self.data["temperature"])
    power = property(lambda self: self.data["power"])


{top}
"""


def one_then(statement: str) -> str:
    """Return what `ok` does to give one snapshot and, once told to go on, run a statement."""
    return f"if n == 1: return True\n        while not os.path.exists(GO): time.sleep(0.01)\n        {statement}"


def go_on(folder: Path) -> None:
    """Let a package that waits in `one_then` go on."""
    (folder / "jtop/go").touch()


def write_jtop(
    folder: Path,
    data: object = None,
    *,
    enter: str = "pass",
    ok: str = "return n == 1 or time.sleep(600)",
    uptime: str = "self.n_calls",
    top: str = "",
) -> Path:
    """Write the package into `folder`.

    Args:
        folder: to be put on the helper's PYTHONPATH.
        data: what every snapshot says; `ORIN` by default.
        enter: a statement run on connecting.
        ok: a statement run by the n-th call of `ok`: one snapshot, then silence, by default.
        uptime: an expression, of the service's own uptime in seconds.
        top: statements run on importing.
    """
    text = _PACKAGE.format(data=ORIN if data is None else data, enter=enter, ok=ok, uptime=uptime, top=top)
    (folder / "jtop").mkdir(parents=True, exist_ok=True)
    (folder / "jtop/__init__.py").write_text(text)
    return folder
