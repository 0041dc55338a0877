"""Exceptions by range of the status code: the range says what to do."""

from __future__ import annotations

from typing import Dict, Type


class Error(Exception):
    """A call that failed: `code` (see Status) is authoritative, the text says what, where and what to do."""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        name: str,
        retryable: bool = False,
        retry_after: float = 0.0,
        provider_code: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.name = name
        self.retryable = retryable
        """The same call may succeed later with nothing changed."""
        self.retry_after = retry_after
        """Seconds; 0: not known."""
        self.provider_code = provider_code
        """The provider's own code; 0: none."""

    def __str__(self) -> str:
        return f"{self.message or self.name} [{self.name}]"


class UsageError(Error):
    """1xxx: change the call."""


class InputError(Error):
    """2xxx: fix the input."""


class ExhaustedError(Error):
    """3xxx: wait, or buy credits."""


class NetworkError(Error):
    """4xxx: the network; try again later."""


class ProviderError(Error):
    """5xxx: the provider said no."""


class StoreError(Error):
    """6xxx: the store."""


class InternalError(Error):
    """9xxx: no memory, or a bug; and codes of later versions in ranges that this one does not know."""


_BY_RANGE: Dict[int, Type[Error]] = {
    1: UsageError,
    2: InputError,
    3: ExhaustedError,
    4: NetworkError,
    5: ProviderError,
    6: StoreError,
}


def class_for(code: int) -> Type[Error]:
    """The exception class of a status code."""
    return _BY_RANGE.get(code // 1000, InternalError)
