"""Why a request's jobs are not accepted; nothing of it was written."""

from onelook.structures.errors import UserError


class RefusedError(UserError):
    """The jobs are not accepted, and nothing of the request was written."""


class QuotaError(RefusedError):
    """The client has asked for more than it may."""

    def __init__(self, field: str, limit: int, came: int, retry_after: float) -> None:
        """Name the quota, its limit, what came, and the seconds after which it is worth trying again."""
        self.field, self.limit, self.retry_after = field, limit, retry_after
        super().__init__(f"{field}: expected at most {limit}, got {came}; try again in {retry_after:.0f} s")


class QueueFullError(RefusedError):
    """So many jobs wait in the whole service that none is accepted."""

    def __init__(self, limit: int, retry_after: float) -> None:
        """Tell the limit and the seconds after which there is likely to be room."""
        self.limit, self.retry_after = limit, retry_after
        super().__init__(
            f"queue: expected less than {limit} waiting jobs, got a full queue; try again in {retry_after:.0f} s"
        )


class IdempotencyError(RefusedError):
    """The key was used before, for another request."""

    def __init__(self, key: str) -> None:
        """Name the key."""
        super().__init__(f"Idempotency-Key: expected the request that used {key!r} before, got another; use a new key")


class UnknownClientError(RefusedError):
    """The client is not there."""

    def __init__(self, client_id: str) -> None:
        """Name the client."""
        super().__init__(f"client: expected a known one, got {client_id!r}")
