"""Whether TensorRT took its engine from the cache or built it, as far as the cache's folder tells.

A build takes minutes and belongs to no measurement: with `trt_engine_cache_enable` and an absolute
`trt_engine_cache_path` in the profile, the check before a run builds the engine and the run finds it.
"""

from pathlib import Path

from hilrig.target.onnx_options import TENSORRT_PROVIDER, OnnxOptions


def cached_engines(options: OnnxOptions) -> frozenset[str] | None:
    """Return the names of the engines in the cache; None when TensorRT keeps none, or not where we know."""
    asked = options.provider_options.get(TENSORRT_PROVIDER, {})
    folder = asked.get("trt_engine_cache_path")
    if str(asked.get("trt_engine_cache_enable", False)) not in {"True", "true", "1"} or folder is None:
        return None
    return frozenset(path.name for path in Path(str(folder)).glob("*.engine*"))


def engine_origin(before: frozenset[str] | None, after: frozenset[str] | None) -> str:
    """Return `built`, `cache` or `unknown`, from the cache before and after a session was opened."""
    if before is None or after is None or not after:
        return "unknown"
    return "built" if after - before else "cache"
