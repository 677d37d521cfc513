"""JSON over HTTP to one server: kept-alive connections, one time limit, retries, cancellation, errors that tell a user
what to do."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from cwm_lsp.errors import Cancelled, UnavailableError

if TYPE_CHECKING:
    import httpx

KEY_VARIABLE = "CWM_LSP_API_KEY"
"""The environment variable with the API key, which is read from nowhere else."""

_CONNECTIONS = 8
"""Open at most; further requests wait for one."""
_RETRIES = 3
_BACKOFF = 0.25
"""Seconds before the first retry at most; each further one may wait twice as long."""
_PASSING = {429, 502, 503, 504}
"""Statuses that may be other ones a moment later."""
_LOOK = 0.02
"""Seconds between two looks at whether to stop waiting."""

Answer = TypeVar("Answer")


class Refused(UnavailableError):
    """The server answered, but not with what was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """Asks a server. All methods raise UnavailableError in one line, `timeout` seconds after the call at the latest."""

    def __init__(self, url: str, timeout: float, key: str | None) -> None:
        """`url`: what paths are appended to. `key`: sent as a bearer token; see `KEY_VARIABLE`."""
        self.url = url
        self._timeout = timeout
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http: httpx.AsyncClient | None = None
        self._trouble = ""
        """What the latest attempt failed for."""

    def get(self, path: str) -> Any:
        """The answer to a GET."""
        return self._wait(self._ask("GET", path, None), None)

    def post(self, path: str, bodies: Sequence[Any], cancel: threading.Event | None = None) -> list[Any]:
        """The answers to several POSTs that are sent at the same time. Setting `cancel` closes their connections, and
        Cancelled is raised."""
        return self._wait(self._ask_all(path, bodies), cancel)

    def _wait(self, work: Coroutine[Any, Any, Answer], cancel: threading.Event | None) -> Answer:
        self._trouble = ""
        future: Future[Answer] = asyncio.run_coroutine_threadsafe(self._in_time(work), _background())
        while True:
            try:
                return future.result(_LOOK)
            except NotYet:
                if cancel is not None and cancel.is_set():
                    future.cancel()
                    raise Cancelled from None

    async def _in_time(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            return await asyncio.wait_for(work, self._timeout)
        except asyncio.TimeoutError:
            trouble = self._trouble or "it hangs or has too much to do: see its log"
            raise UnavailableError(
                f"{self.url} did not answer within {self._timeout:g} s ({trouble}); model.timeout sets the limit"
            ) from None

    async def _ask_all(self, path: str, bodies: Sequence[Any]) -> list[Any]:
        tasks = [asyncio.ensure_future(self._ask("POST", path, body)) for body in bodies]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        import httpx

        if self._http is None:
            self._http = httpx.AsyncClient(
                headers=self._headers, timeout=httpx.Timeout(None), limits=httpx.Limits(max_connections=_CONNECTIONS)
            )
        for retry in range(_RETRIES + 1):
            delay = random.uniform(0.5, 1) * _BACKOFF * 2**retry  # noqa: S311
            try:
                response = await self._http.request(method, self.url + path, json=body)
            except httpx.ConnectError as error:
                if "CERTIFICATE" in str(error):
                    raise UnavailableError(
                        f"the certificate of {self.url} is not trusted: set SSL_CERT_FILE to its authority's"
                    ) from error
                self._trouble = f"no server answers at {self.url}: start it, or mend its address in model.name"
            except httpx.RequestError:
                self._trouble = f"{self.url} broke off in the middle of an answer: see its log"
            else:
                if response.status_code not in _PASSING:
                    return _read(self.url, response)
                self._trouble = _refusal(self.url, response)
                delay = max(delay, _seconds(response.headers.get("Retry-After")))
            if retry < _RETRIES:
                await asyncio.sleep(delay)
        raise UnavailableError(self._trouble)


@cache
def _background() -> asyncio.AbstractEventLoop:
    """A loop in a thread of its own, for all clients: their users may wait in any thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="http", daemon=True).start()
    return loop


def _read(url: str, response: httpx.Response) -> Any:
    if response.status_code != 200:
        raise Refused(response.status_code, _refusal(url, response))
    try:
        return json.loads(response.content)
    except ValueError:
        raise UnavailableError(
            f"{url} answers with something else than JSON: is that the address of an OpenAI-compatible server?"
        ) from None


def _refusal(url: str, response: httpx.Response) -> str:
    """Why a server did not do what it was asked for, and what to do about it."""
    status = f"{response.status_code} {response.reason_phrase}".strip()
    match response.status_code:
        case 401 | 403:
            return f"{url} refuses the API key ({status}): set {KEY_VARIABLE} to one that it accepts"
        case 429:
            return f"{url} has too much to do ({status}): try again later, or give it more room"
        case 502 | 503 | 504:
            return f"{url} is not ready ({status}): wait until it has started, or see its log"
        case code if code >= 500:
            return f"{url} failed ({status}): {_told(response)}: see its log"
    return f"{url} refuses the request ({status}): {_told(response)}"


def _told(response: httpx.Response) -> str:
    """What the server itself says of an error, in a few words."""
    try:
        body = json.loads(response.content)
        text = str(body.get("error", {}).get("message") or body.get("detail") or body)
    except (ValueError, AttributeError):
        text = response.content[:200].decode("utf-8", "replace")
    return " ".join(text.split())[:200] or "it does not say why"


def _seconds(retry_after: str | None) -> float:
    """Of a Retry-After header; 0 where it has none, or a date."""
    try:
        return max(0.0, float(retry_after or 0))
    except ValueError:
        return 0.0
