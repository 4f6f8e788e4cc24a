"""Names of all that can be plugged in, feeds to powers, with the dotted path that each is loaded from.

A name that is not built in is looked for in the entry-point group `hilrig.<kind>`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final, Literal

from hilrig.core import plugins
from hilrig.core.errors import UsageError

Kind = Literal["feeds", "targets", "backends", "samplers", "sinks", "transports", "powers"]

BUILT_IN: Final[dict[Kind, dict[str, str]]] = {
    "feeds": {
        "synthetic": "hilrig.feed.synthetic:SyntheticFeed",
        "folder": "hilrig.feed.folder:FolderFeed",
        "video": "hilrig.feed.video:VideoFeed",
        "noise": "hilrig.feed.noise:NoiseFeed",
        "wedge": "hilrig.feed.wedge:WedgeFeed",
    },
    "targets": {
        "in_process": "hilrig.target.in_process:InProcessTarget",
        "no_op": "hilrig.target.no_op:NoOpTarget",
        "python": "hilrig.target.python_target:PythonTarget",
        "ring": "hilrig.target.ring_target:RingTarget",
        "infer_service": "hilrig.target.infer_service:InferServiceTarget",
        "open_inference": "hilrig.target.open_inference:OpenInferenceTarget",
    },
    "backends": {
        "onnx": "hilrig.target.onnx_backend:OnnxBackend",
        "null": "hilrig.target.null_backend:NullBackend",
    },
    "samplers": {
        "nvml": "hilrig.sampler.nvml.sampler:NvmlSampler",
        "jetson": "hilrig.sampler.jetson.sampler:JetsonSampler",
        "host": "hilrig.sampler.host:HostSampler",
        "tegrastats": "hilrig.sampler.jetson.tegrastats:TegrastatsSampler",
        "jtop": "hilrig.sampler.jetson.jtop:JtopSampler",
        "scripted": "hilrig.sampler.scripted:ScriptedSampler",
    },
    "sinks": {
        "html": "hilrig.report.html:HtmlSink",
        "junit": "hilrig.report.junit:JunitSink",
        "markdown": "hilrig.report.markdown:MarkdownSink",
        "png": "hilrig.report.png:PngSink",
    },
    "transports": {
        "local": "hilrig.rig.local_transport:LocalTransport",
        "ssh": "hilrig.rig.ssh.transport:SshTransport",
        "labgrid": "hilrig.rig.labgrid.transport:LabgridTransport",
    },
    "powers": {
        "none": "hilrig.rig.power:NoPower",
        "command": "hilrig.rig.power:CommandPower",
        "qemu": "hilrig.rig.qemu_power:QemuPower",
        "labgrid": "hilrig.rig.labgrid.power:LabgridPower",
    },
}

PORTS: Final[dict[Kind, str]] = {
    "feeds": "hilrig.core.ports:Feed",
    "targets": "hilrig.core.ports:Target",
    "backends": "hilrig.core.ports:Backend",
    "samplers": "hilrig.core.ports:Sampler",
    "sinks": "hilrig.core.sink:Sink",
    "transports": "hilrig.core.rig_ports:RigTransport",
    "powers": "hilrig.core.rig_ports:PowerControl",
}
"""What a plug-in of each kind is held against."""

EXTRA_FOR_MODULE: Final = {
    "cv2": "cpu",
    "fastapi": "node",
    "httptools": "node",
    "labgrid": "labgrid",
    "msgspec": "node",
    "onnx": "cpu",
    "onnxruntime": "cpu",
    "prometheus_client": "metrics",
    "pymodbus": "node",
    "pynvml": "gpu",
    "uvicorn": "node",
    "uvloop": "node",
}


def known(kind: Kind) -> list[str]:
    """Return the names that can be asked for, built-in ones and installed plug-ins, sorted.

    Raises:
        UsageError: a package takes a name that is built in, or another package's.
    """
    return sorted(BUILT_IN[kind].keys() | plugins.installed(kind, built_in=BUILT_IN[kind]).keys())


def load(kind: Kind, name: str) -> Callable[..., Any]:
    """Return the class registered under `name`.

    Raises:
        UsageError: the name is unknown, a library that it needs is not installed, or the plug-in is unsound.
    """
    try:
        path = BUILT_IN[kind].get(name)
        loaded: Callable[..., Any] = _plugin(kind, name) if path is None else _from(path)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        extra = EXTRA_FOR_MODULE.get(module)
        hint = f"pip install 'hilrig[{extra}]'" if extra else f"install the module {module}"
        what = _described(kind, name)
        raise UsageError(f"{what} needs the module {error.name}, which is missing", hint=hint) from error
    return loaded


def load_port(kind: Kind) -> type:
    """Return the protocol that every class of a kind satisfies."""
    port: type = _from(PORTS[kind])
    return port


def _plugin(kind: Kind, name: str) -> Any:
    point = plugins.installed(kind, built_in=BUILT_IN[kind]).get(name)
    if point is None:
        raise UsageError(f"unknown {kind[:-1]} '{name}'", hint=f"known: {', '.join(known(kind))}")
    return plugins.load_point(kind, point, load_port(kind))


def _from(path: str) -> Any:
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)


def _described(kind: Kind, name: str) -> str:
    """Return what is called `name` in a message; a plug-in with the package that brings it."""
    if name in BUILT_IN[kind]:
        return f"{kind[:-1]} '{name}'"
    return plugins.described(kind, plugins.installed(kind, built_in=BUILT_IN[kind])[name])
