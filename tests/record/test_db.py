"""Which errors are waited out, and which are not."""

import psycopg
import pytest
from psycopg import errors

from record.db import BAD_MOMENT, NEVER_BETTER, patiently

TRANSIENT = (
    errors.AdminShutdown,
    errors.CannotConnectNow,
    errors.CrashShutdown,
    errors.DeadlockDetected,
    errors.DiskFull,
    errors.IdleInTransactionSessionTimeout,
    errors.LockNotAvailable,
    errors.OutOfMemory,
    errors.QueryCanceled,
    errors.ReadOnlySqlTransaction,
    errors.SerializationFailure,
    errors.TooManyConnections,
    psycopg.OperationalError,  # the network, and whatever goes wrong on connecting
)
LASTING = (
    *NEVER_BETTER,
    errors.CheckViolation,
    errors.InsufficientPrivilege,
    errors.NumericValueOutOfRange,
    errors.UndefinedColumn,
    errors.UniqueViolation,
    ValueError,
)


@pytest.mark.parametrize("error", TRANSIENT)
def test_waited_out(error: type[Exception]) -> None:
    assert issubclass(error, BAD_MOMENT)
    attempts = 0
    pauses: list[float] = []

    def work() -> str:
        nonlocal attempts
        attempts += 1
        if attempts < 10:
            raise error
        return "done"

    assert patiently(work, "work", pauses.append) == "done"
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.1, 5.0)


@pytest.mark.parametrize("error", LASTING)
def test_raised_at_once(error: type[Exception]) -> None:
    def work() -> None:
        raise error

    with pytest.raises(error):
        patiently(work, "work", lambda _: pytest.fail("waited"))
