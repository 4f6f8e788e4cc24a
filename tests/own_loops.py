"""Coroutines of a test in a thread of their own: a browser of another test keeps a loop in this one."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(body: Coroutine[Any, Any, T]) -> T:
    """Return what `body` returns."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, body).result()
