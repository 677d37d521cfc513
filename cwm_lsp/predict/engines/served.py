"""A model behind an OpenAI-compatible completions API, as vLLM speaks it: token ids in, log-probabilities out.

The server does all computing and keeps what it has read. A pass is one request, and gets its distributions in one of
two ways, whichever makes the server compute fewer tokens:

- *by prompts*: one prompt for each position, each with one token to write. What the prompts have in common comes from
  the server's prefix cache, in whole blocks. Few positions after a long text cost next to nothing so.
- *by prompt log-probabilities*: one prompt, read as a whole (servers do not use their cache for that). Many positions
  after a short text are cheaper so.

Servers tell the likeliest few tokens of a position. Where the grammar allows none of these, one more request, with the
allowed tokens, finds the likeliest of them: outputs are those of a model at hand.
"""

from __future__ import annotations

import ipaddress
import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.continuation import FIELD, SIGN, Continuation
from cwm_lsp.predict.engines.cache import PrefixCache
from cwm_lsp.predict.engines.client import KEY_VARIABLE, Client, Refused
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.tokenizer import Tokenizer
from cwm_lsp.trace import wire
from cwm_lsp.trace.events import Event

log = logging.getLogger(__name__)

BLOCK = 16
"""Tokens that a server's prefix cache keeps or forgets together (vLLM's default)."""
_RANKED = (20, 5, 1)
"""Tokens told of each position: as many as the server allows, which is 20 unless it was started otherwise."""
_WRITTEN = 512
"""Tokens that a server which writes by itself writes for one request: some 25 events, about a second of a fast GPU."""
_PROBE = "def f(x):\n    return [x, '\\u00e9', 1000]  # é\n"

if TYPE_CHECKING:
    from cwm_lsp.predict.engines.vllm import Lease

Ids = tuple[int, ...]
Said = TypeVar("Said")
Ask = Callable[[Collection[int]], tuple[int, float]]


class _Choice(NamedTuple):
    """What a server says of one prompt."""

    token: int
    """The one that it would write."""
    logprob: float
    next: dict[int, float]
    """Of the likeliest tokens after the prompt, the log-probabilities."""
    prompt: list[dict[int, float]]
    """The same after each of the prompt's tokens but the last, if it was asked for."""

    @classmethod
    def of(cls, choice: Any) -> _Choice:
        (token,) = choice["token_ids"]
        (logprob,) = choice["logprobs"]["token_logprobs"]
        (likeliest,) = choice["logprobs"]["top_logprobs"]
        return cls(
            int(token),
            float(logprob),
            _named(likeliest),
            [*map(_of_prompt, (choice.get("prompt_logprobs") or ())[1:])],
        )


class _Written(NamedTuple):
    """What a server wrote by itself after a prompt."""

    tokens: tuple[int, ...]
    likeliest: list[dict[int, float]]
    """At each of them the log-probability of the token, and that of the likeliest one."""
    stopped_by: str

    @classmethod
    def of(cls, choice: Any) -> _Written:
        told = choice["logprobs"]
        positions = zip(choice["token_ids"], told["token_logprobs"], told["top_logprobs"], strict=True)
        return cls(
            tuple(map(int, choice["token_ids"])),
            [_named(likeliest) | {int(token): float(logprob)} for token, logprob, likeliest in positions],
            str(choice.get("stop_reason")),
        )


class ServedEngine(Engine):
    """A model of a server."""

    def __init__(
        self,
        url: str,
        *,
        tokenizer: str | None = None,
        timeout: float = 30.0,
        warn: bool = False,
        key: str | None = None,
    ) -> None:
        """`url`: `http://host:port[/v1][#model]`; without a model, the first that the server names. `tokenizer`: the
        folder or hub id of its tokenizer, unless the server names one. `timeout`: seconds for one pass, retries
        included. `warn`: in the log, if programs leave the private network. `key`: instead of the user's.

        Raises:
            UnavailableError: it does not answer, or cannot do what is needed; the message says what to do.
        """
        self.name = url
        self.requests = 0
        """Sent so far for the model to answer."""
        self.lease: Lease | None = None
        """On a server that runs for as long as it is used."""
        parts = urlsplit(url)
        base = parts._replace(path=parts.path.rstrip("/").removesuffix("/v1"), query="", fragment="").geturl()
        if warn and not _private(parts.hostname or ""):
            log.warning("programs are sent to %s, which is no private address", parts.hostname)
        self._client = Client(base, timeout, key or os.environ.get(KEY_VARIABLE))
        model = self._model(parts.fragment)
        self._request = {
            "model": model["id"],
            "max_tokens": 1,
            "temperature": 0,
            "repetition_penalty": 1,
            "frequency_penalty": 0,
            "presence_penalty": 0,
            "ignore_eos": True,
            "skip_special_tokens": False,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
        }
        self.tokenizer = _tokenizer(base, tokenizer or model.get("root") or model["id"])
        self._check_tokenizer()
        self._ranked, self._reads_prompts = self._abilities()
        # The token after the text needs a place.
        self.context_length = int(model.get("max_model_len") or 131_072) - 1
        self.writes = self._goes_on()
        more = ", and those of prompts" if self._reads_prompts else ""
        self.description = (
            f"{model['id']}, by the server at {base}: {self.context_length + 1:,} tokens of context, "
            f"log-probabilities of {self._ranked} tokens{more}{', writes traces by itself' if self.writes else ''}"
        )
        self.pass_tokens = 8192
        self.draft_tokens = 64
        self._cache = PrefixCache(tokens=16 * self.context_length)

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        texts = [step.prefix.tokens + tuple(step.tokens) for step in batch]
        whole: list[int] = []
        single: list[int] = []
        for number, (step, text) in enumerate(zip(batch, texts, strict=True)):
            if step.keep and not (step.onward is not None and self.writes):
                by_prompts = not self._reads_prompts or _computed(step) <= len(text)
                (single if by_prompts else whole).append(number)
        bodies = []
        if single:
            ends = [(n, end) for n in single for end in range(len(texts[n]) - batch[n].keep + 1, len(texts[n]) + 1)]
            bodies.append(self._body([texts[n][:end] for n, end in ends]))
        if whole:
            bodies.append(self._body([texts[n] for n in whole]) | {"prompt_logprobs": self._ranked})
        answers = [iter(choices) for choices in self._choices(bodies, _Choice.of)] if bodies else []
        written = self._written(batch, texts) if self.writes else {}
        results: list[tuple[Prefix, list[Distribution]]] = []
        for number, (step, text) in enumerate(zip(batch, texts, strict=True)):
            start = len(text) - step.keep
            if number in written:
                results.append(self._went_on(text, written[number]))
                continue
            if number in whole:
                choice = next(answers[-1])
                known = [*choice.prompt[start:], choice.next]
            else:
                known = [next(answers[0]).next for _ in range(step.keep)]
            if len(known) != step.keep:
                raise self._stranger()
            distributions: list[Distribution] = [
                ServedDistribution(logprobs, self._ranked, self._asking(text[: start + n]))
                for n, logprobs in enumerate(known, 1)
            ]
            results.append((Prefix(text, len(text) if step.keep else step.prefix.state), distributions))
        return results

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        return Prefix(prefix.tokens[:length], min(prefix.state or 0, length))

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        kept, length = self._cache.find(tokens)
        return self.cut(kept, min(length, len(tokens) - 1)) if length else kept

    def remember(self, prefix: Prefix) -> None:
        self._cache.add(prefix)

    def _asking(self, text: Ids) -> Ask:
        """What finds the likeliest of some tokens after a text."""

        def ask(allowed: Collection[int]) -> tuple[int, float]:
            body = self._body([text]) | {"allowed_token_ids": sorted(allowed), "logprobs": 1}
            [[choice]] = self._choices([body], _Choice.of)
            if choice.token not in allowed:
                raise UnavailableError(f"{self.name} ignores allowed_token_ids: only vLLM is known to heed them")
            return choice.token, choice.logprob

        return ask

    def _body(self, prompts: Sequence[Ids]) -> dict[str, Any]:
        return {**self._request, "prompt": [list(prompt) for prompt in prompts], "logprobs": self._ranked}

    def _written(self, batch: Sequence[Pass], texts: Sequence[Ids]) -> dict[int, _Written]:
        """What the server writes by itself after those of the texts that are to be gone on with, by their numbers."""
        onward = {number: step.onward for number, step in enumerate(batch) if step.onward is not None}
        bodies = [self._onward(texts[number], told) for number, told in onward.items()]
        answers = self._choices(bodies, _Written.of) if bodies else []
        return {number: choice for number, [choice] in zip(onward, answers, strict=True)}

    def _onward(self, text: Ids, told: Continuation) -> dict[str, Any]:
        most = min(_WRITTEN, told.tokens, self.context_length + 1 - len(text))
        return self._body([text]) | {"max_tokens": most, "logprobs": 1, "vllm_xargs": {FIELD: told.to_json()}}

    def _went_on(self, text: Ids, written: _Written) -> tuple[Prefix, list[Distribution]]:
        longer = text + written.tokens
        distributions: list[Distribution] = [
            WrittenDistribution(token, known, self._asking(longer[: len(text) + n]))
            for n, (token, known) in enumerate(zip(written.tokens, written.likeliest, strict=True))
        ]
        return Prefix(longer, len(longer)), distributions

    def _choices(self, bodies: Sequence[dict[str, Any]], read: Callable[[Any], Said]) -> list[list[Said]]:
        """For each request what follows its prompts."""
        self.requests += len(bodies)
        answers = self._client.post("/v1/completions", bodies, self.cancel)
        try:
            choices = [list(map(read, sorted(answer["choices"], key=itemgetter("index")))) for answer in answers]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._stranger() from None
        if [len(body["prompt"]) for body in bodies] != list(map(len, choices)):
            raise self._stranger()
        return choices

    def _model(self, wanted: str) -> dict[str, Any]:
        """What the server says of a model, or of its first."""
        answer = self._client.get("/v1/models")
        try:
            models = {model["id"]: dict(model) for model in answer["data"]}
            first = next(iter(models))
        except (KeyError, TypeError, ValueError, StopIteration):
            raise self._stranger() from None
        if wanted and wanted not in models:
            raise UnavailableError(
                f"{self._client.url} does not serve {wanted!r} but {', '.join(models)}: put one of these after the #"
            )
        return models[wanted or first]

    def _stranger(self) -> UnavailableError:
        return UnavailableError(
            f"{self._client.url} does not answer with token ids and log-probabilities as vLLM does: see docs/engines.md"
        )

    def _check_tokenizer(self) -> None:
        """Raise UnavailableError if the server has another vocabulary, where it lets us ask."""
        ours = [self.tokenizer.special[wire.FRAME_SEP], *self.tokenizer.encode(_PROBE)]
        body = {"model": self._request["model"], "prompt": wire.FRAME_SEP + _PROBE, "add_special_tokens": False}
        try:
            [answer] = self._client.post("/tokenize", [body])
        except Refused as refusal:
            if refusal.status in (401, 403):
                raise
            return
        if not isinstance(answer, dict) or answer.get("tokens") != ours:
            raise UnavailableError(
                f"the tokenizer at hand is not that of {self.name}: set model.tokenizer to the served model's folder "
                "or hub id"
            )

    def _abilities(self) -> tuple[int, bool]:
        """How many tokens of a position the server tells, and whether it tells those of a prompt."""
        start = (self.tokenizer.special[wire.BEGIN_OF_TEXT], self.tokenizer.special[wire.TRACE_CONTEXT_START])
        for self._ranked in _RANKED:
            body = self._body([start])
            try:
                [[choice]] = self._choices([body | {"prompt_logprobs": self._ranked}], _Choice.of)
            except Refused as refusal:
                if refusal.status != 400:
                    raise
                trouble = refusal
                continue
            if not choice.prompt:
                log.warning("%s tells no prompt_logprobs: long drafts and recorded traces cost more", self.name)
            return self._ranked, bool(choice.prompt)
        raise trouble

    def _goes_on(self) -> bool:
        """Whether the server writes by itself: it stops where it is told to, and says who stopped it."""
        source = "def f():\n    return 1\n"
        start = tuple(self.tokenizer.special[name] for name in (wire.BEGIN_OF_TEXT, wire.TRACE_CONTEXT_START))
        told = Continuation(source, [Event("call", 1, 0, "f")], 16, until="kind")
        try:
            [[written]] = self._choices([self._onward(start, told) | {"max_tokens": 2}], _Written.of)
        except UnavailableError:
            return False
        return written.stopped_by == SIGN


class ServedDistribution(Distribution):
    """The likeliest tokens of a position, and the others for the asking."""

    __slots__ = ("_ask", "_known", "_ranked")

    def __init__(self, known: dict[int, float], ranked: int, ask: Ask) -> None:
        """`known`: log-probabilities of the `ranked` likeliest tokens, and perhaps of one more."""
        self._known = known
        self._ranked = sorted(known.items(), key=lambda item: (-item[1], item[0]))[:ranked]
        self._ask = ask

    def ranked(self) -> Iterator[tuple[int, float]]:
        yield from self._ranked

    def logprob(self, token_id: int) -> float:
        return self._known[token_id] if token_id in self._known else self._ask([token_id])[1]

    def best(self, allowed: Collection[int]) -> tuple[int, float]:
        among = set(allowed)
        return next((known for known in self._ranked if known[0] in among), None) or self._ask(among)


class WrittenDistribution(ServedDistribution):
    """Of a token that the server chose by itself, as the likeliest of those that its grammar allowed."""

    __slots__ = ("_chosen",)

    def __init__(self, chosen: int, known: dict[int, float], ask: Ask) -> None:
        """`known`: log-probabilities of the token and of the likeliest one."""
        super().__init__(known, 1, ask)
        self._chosen = chosen

    def ranked(self) -> Iterator[tuple[int, float]]:
        yield from super().ranked()
        if self._chosen != self._ranked[0][0]:
            yield self._chosen, self._known[self._chosen]

    def best(self, allowed: Collection[int]) -> tuple[int, float]:
        if self._chosen in allowed:
            return self._chosen, self._known[self._chosen]
        return super().best(allowed)


def _named(likeliest: Any) -> dict[int, float]:
    """Token id → log-probability, of tokens that are named by their ids."""
    return {int(name.removeprefix("token_id:")): float(logprob) for name, logprob in likeliest.items()}


def _computed(step: Pass) -> int:
    """Tokens that a server computes for a pass by prompts, whose beginnings it knows in whole blocks."""
    known = (step.prefix.state or 0) // BLOCK * BLOCK
    end = len(step.prefix) + len(step.tokens)
    return sum(range(end - step.keep + 1 - known, end + 1 - known))


def _of_prompt(position: Any) -> dict[int, float]:
    """Token id → log-probability, at one position of a prompt."""
    return {int(token_id): float(entry["logprob"]) for token_id, entry in position.items()}


def _tokenizer(url: str, name: str) -> Tokenizer:
    """The tokenizer of a folder or hub id."""
    import tokenizers

    file = Path(name) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(file)
    try:
        return Tokenizer(tokenizers.Tokenizer.from_pretrained(name))
    except UnavailableError:
        raise
    except Exception as error:  # tokenizers raises plain ones
        raise UnavailableError(
            f"the tokenizer of {name}, which {url} serves, is not at hand: set model.tokenizer to a folder with its "
            "tokenizer.json, or to a hub id that you have access to"
        ) from error


def _private(host: str) -> bool:
    """Whether an address is this machine's or a private network's; a name is taken to be public, but localhost."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
