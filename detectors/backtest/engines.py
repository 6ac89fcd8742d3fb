"""Who does the jobs: this process, all cores of this machine, or a cluster.

An engine is a function that takes one function and its jobs, and gives results as they come, in any
order. A job holds no connection, so it may go anywhere that reaches its source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import TypeVar

from detectors.backtest.history import BacktestError

J = TypeVar("J")
R = TypeVar("R")


def here(work: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
    """One after the other, in this process."""
    yield from map(work, jobs)


def cores(work: Callable[[J], R], jobs: Sequence[J], count: int) -> Iterator[R]:
    """On `count` processes of this machine."""
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(work, job) for job in jobs]
        try:
            for one in as_completed(waiting):
                yield one.result()
        finally:
            pool.shutdown(cancel_futures=True)


def cluster(work: Callable[[J], R], jobs: Sequence[J], scheduler: str) -> Iterator[R]:
    """On the workers of a Dask cluster, which need this package and a way to the source.

    Parameters
    ----------
    work, jobs
    scheduler
        Its address, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    BacktestError
        If Dask is not installed, or there is no scheduler.
    """
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError:
        raise BacktestError("a cluster needs Dask: pip install 'roadworthy[cluster]'") from None
    try:
        client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise BacktestError(f"no Dask scheduler at {scheduler}: {error}") from None
    with client:
        waiting = client.map(work, jobs, pure=False)
        for _, result in completed(waiting, with_results=True):
            yield result
