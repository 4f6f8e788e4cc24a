"""Names of all that can be plugged in, feeds to powers, with the dotted path that each is loaded from.

A name that is not built in is looked for in the entry-point group `hilrig.<kind>`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Kind = Literal["feeds", "targets", "backends", "samplers", "sinks", "transports", "powers"]

BUILT_IN: Final[dict[Kind, dict[str, str]]] = {
    "feeds": {
        "synthetic": "hilrig.feed.synthetic:SyntheticFeed",
        "folder": "hilrig.feed.folder:FolderFeed",
        "video": "hilrig.feed.video:VideoFeed",
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
    """Return the names that can be asked for, built-in ones and installed plug-ins, sorted."""
    plugins = {point.name for point in _plugins(kind)}
    return sorted(plugins | BUILT_IN[kind].keys())


def load(kind: Kind, name: str) -> Callable[..., Any]:
    """Return the class registered under `name`.

    Raises:
        UsageError: the name is unknown, or a library that it needs is not installed.
    """
    try:
        return _resolve(kind, name)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        extra = EXTRA_FOR_MODULE.get(module)
        hint = f"pip install 'hilrig[{extra}]'" if extra else f"install the module {module}"
        raise UsageError(f"{kind[:-1]} '{name}' needs the module {module}, which is missing", hint=hint) from error


def _resolve(kind: Kind, name: str) -> Callable[..., Any]:
    path = BUILT_IN[kind].get(name)
    if path is not None:
        module, _, attribute = path.partition(":")
        factory: Callable[..., Any] = getattr(import_module(module), attribute)
        return factory
    for point in _plugins(kind):
        if point.name == name:
            plugin: Callable[..., Any] = point.load()
            return plugin
    raise UsageError(f"unknown {kind[:-1]} '{name}'", hint=f"known: {', '.join(known(kind))}")


def _plugins(kind: Kind) -> "EntryPoints":
    from importlib.metadata import entry_points  # a tenth of what a run's process imports: most ask for built-ins

    return entry_points(group=f"hilrig.{kind}")
