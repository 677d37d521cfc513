"""A `CwmForCausalLM` in this process, by transformers: of a folder or of the hub."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cwm_lsp.predict.confidence import UNCALIBRATED, Calibration
from cwm_lsp.predict.engines import loading, plan
from cwm_lsp.predict.engines.blocks import NoSpace, Pool, State, Store
from cwm_lsp.predict.engines.cache import PrefixCache
from cwm_lsp.predict.engines.interface import Distribution, Engine, Pass, Prefix
from cwm_lsp.predict.engines.options import Options
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    import torch

RANKED_AT_HAND = 8
"""Best tokens of each position that leave the device with every pass."""


class LocalEngine(Engine):
    """A model held by transformers. Of what it has read, keys and values are held once, in blocks; `Prefix.state` says
    in which. Where a prefix had to make room for others, it is read again when it is needed."""

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        name: str,
        held: plan.Plan | None = None,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        """`held`: how the model is held in memory, where that was planned.

        Raises:
            UnavailableError: the memory for keys and values is not there.
        """
        from cwm_lsp.predict.engines import attention

        self.name = name
        self.description = f"{name}, by transformers on {model.device}{f': {held}' if held else ''}"
        self.tokenizer = tokenizer
        self.calibration = calibration
        self.model = model
        self._held = f"{held.quantization}, {held.offloaded} layers elsewhere" if held else plan.UNQUANTISED
        attention.use(model)
        made_for = int(model.config.max_position_embeddings)
        self.context_length = min(made_for, held.context) if held else made_for
        self.pass_tokens = plan.PASS_TOKENS
        self.draft_tokens = plan.draft_tokens(model.device.type)
        kinds = loading.layer_kinds(model.config)
        room = held.room if held else loading.room_of(model.config, model.device.type)
        windows = list(dict.fromkeys(kinds))
        self._store = Store(
            [
                Pool(room.sliding if window else room.full, room.block, window=window, slack=self.draft_tokens)
                for window in windows
            ]
        )
        self._buffers = loading.in_memory(
            f"the keys and values of {name}",
            lambda: attention.Buffers(
                self._store.pools,
                [windows.index(window) for window in kinds],
                model.config.num_key_value_heads,
                loading.head_size(model.config),
                model.get_input_embeddings().weight.dtype,
                model.device,
            ),
        )
        self._cache = PrefixCache(
            plan.TEXTS * self.context_length, lambda prefix, end: self._store.reaches(prefix.state, end)
        )
        self.link = Link(model.device)
        self._no_mask = attention.no_mask(model.device)

    @classmethod
    def load(cls, model: Options | str | Path, *, dtype: str | None = None) -> LocalEngine:
        """From a folder or a hub id; `dtype` as for `loading.load`.

        Raises:
            UnavailableError: it cannot be had, or does not fit; the message says what to do.
        """
        options = model if isinstance(model, Options) else Options(str(model))
        tokenizer = loading.tokenizer_of(options.name)
        calibration = Calibration.load(Path(options.name))
        loaded, held = loading.load(options, dtype)
        return cls(loaded, tokenizer, options.name, held, calibration)

    @property
    def identity(self) -> list[str]:
        """All that how long a pass takes depends on: device, model, quantisation, versions."""
        config = self.model.config
        layers = f"{config.num_hidden_layers} x {config.hidden_size} x {config.intermediate_size}"
        dtype = str(self.model.get_input_embeddings().weight.dtype).removeprefix("torch.")
        return [loading.device_name(self.model.device), self.name, layers, dtype, self._held, *loading.versions()]

    @property
    def key_value_bytes(self) -> int:
        """That the keys and values of all texts take."""
        return self._buffers.bytes

    def forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        import torch

        with torch.inference_mode():
            return self._forward(batch)

    def cut(self, prefix: Prefix, length: int) -> Prefix:
        if length == len(prefix.tokens) or not length:
            return prefix if length else Prefix()
        if self._store.reaches(prefix.state, length):
            return Prefix(prefix.tokens[:length], self._store.cut(prefix.state, length))
        return self.longest_prefix(prefix.tokens[: length + 1])

    def longest_prefix(self, tokens: Sequence[int]) -> Prefix:
        kept, length = self._cache.find(tokens[:-1])
        if not length:
            return kept
        self._store.touch(kept.state)
        return self.cut(kept, length)

    def remember(self, prefix: Prefix) -> None:
        if prefix.state is not None:
            self._cache.add(prefix)

    def _forward(self, batch: Sequence[Pass]) -> list[tuple[Prefix, list[Distribution]]]:
        """Of the batch together, as far as there is room; else of its halves."""
        tokens = sum(len(step.tokens) for step in batch)
        if len(batch) == 1 or tokens <= self.pass_tokens:
            steps = [Pass(self._there(step.prefix), step.tokens, step.keep) for step in batch]
            needed = [step.prefix.state for step in steps if step.prefix.state]
            if all(state.extents for state in needed):  # none had to make room for another
                longer: list[State] = []
                try:
                    for step in steps:
                        longer.append(self._store.extended(step.prefix.state, len(step.tokens), [*needed, *longer]))
                except NoSpace:
                    pass
                else:
                    return self._read(steps, longer)
        if len(batch) == 1:  # so many half-filled blocks are its own that there are too few: read anew, it has none
            (step,) = batch
            if len(step.prefix) + len(step.tokens) > self.context_length:
                raise ValueError(f"{len(step.prefix) + len(step.tokens)} tokens for {self.context_length}")
            return self._forward([Pass(self._reread(step.prefix.tokens, Prefix()), step.tokens, step.keep)])
        middle = len(batch) // 2
        return [*self._forward(batch[:middle]), *self._forward(batch[middle:])]

    def _there(self, prefix: Prefix) -> Prefix:
        """The prefix, read again if what was kept of it had to make room."""
        if (prefix.state is None and not prefix.tokens) or self._store.reaches(prefix.state, len(prefix)):
            return prefix
        return self._reread(prefix.tokens, self.longest_prefix((*prefix.tokens, -1)))

    def _reread(self, tokens: tuple[int, ...], known: Prefix) -> Prefix:
        """The prefix of some tokens, of which the first are known."""
        while len(known) < len(tokens):
            part = tokens[len(known) : len(known) + self.pass_tokens]
            ((known, _),) = self._forward([Pass(known, part, 0)])
        return known

    def _read(self, steps: Sequence[Pass], longer: Sequence[State]) -> list[tuple[Prefix, list[Distribution]]]:
        """One pass of the model over all steps, whose tokens lie one after the other in its rows."""
        import torch

        from cwm_lsp.predict.engines.attention import Reading, Text

        texts = []
        for step, state in zip(steps, longer, strict=True):
            before = step.prefix.state.extents if step.prefix.state else None
            assert state.extents
            texts.append(Text(len(step.prefix), len(step.tokens), before, state.extents))
        ids = [token for step in steps for token in step.tokens]
        positions = [len(step.prefix) + n for step in steps for n in range(len(step.tokens))]
        # After each row, the token that comes next if the text goes on as it does here: it will be asked for.
        following = [token for step in steps for token in (*step.tokens[1:], 0)]
        sent = self.link.send([ids, positions, following])
        output = self.model.base_model(
            sent[:1],
            attention_mask=self._no_mask,
            position_ids=sent[1:2],
            use_cache=False,
            cwm_reading=Reading(self._buffers, texts),
        )
        ends, row = [], 0
        for step in steps:
            row += len(step.tokens)
            ends.append(slice(row - step.keep, row))
        distributions: list[Distribution] = []
        if any(step.keep for step in steps):
            hidden, following_kept = output.last_hidden_state[0], sent[2]
            distributions = self._distributions(
                torch.cat([hidden[rows] for rows in ends]) if len(ends) > 1 else hidden[ends[0]],
                torch.cat([following_kept[rows] for rows in ends]) if len(ends) > 1 else following_kept[ends[0]],
                [token for rows in ends for token in following[rows]],
            )
        results = []
        for step, state in zip(steps, longer, strict=True):
            mine, distributions = distributions[: step.keep], distributions[step.keep :]
            prefix = Prefix(step.prefix.tokens + tuple(step.tokens), state)
            self._keep_beginning(step.prefix, state)
            results.append((prefix, mine))
        return results

    def _keep_beginning(self, prefix: Prefix, longer: State) -> None:
        """Remember a text whose sliding layers now leave its beginning, where the program is."""
        assert longer.extents
        if prefix.state and prefix.state.extents:
            before = prefix.state.extents
            if any(new.start > old.start == 0 for new, old in zip(longer.extents, before, strict=True)):
                self.remember(prefix)

    def _distributions(
        self, hidden: torch.Tensor, following: torch.Tensor, tokens: Sequence[int]
    ) -> list[Distribution]:
        """The distributions after some rows [rows, size]. All that is told of them leaves the device at once."""
        import torch

        head = self.model.get_output_embeddings()
        logits, told = [], []
        for at in range(0, len(hidden), plan.LOGIT_ROWS):
            rows = head(hidden[at : at + plan.LOGIT_ROWS])
            logits.append(rows)
            precise = rows if rows.dtype == torch.float64 else rows.float()
            normalisers = precise.logsumexp(-1, keepdim=True)
            values, ids = precise.topk(min(RANKED_AT_HAND, rows.shape[-1]), dim=-1)
            next_ones = precise.gather(-1, following[at : at + plan.LOGIT_ROWS, None])
            told.append((torch.cat([normalisers, next_ones, values], dim=-1), ids))
        numbers, best = self.link.fetch(torch.cat([one for one, _ in told]), torch.cat([ids for _, ids in told]))
        kept = [row for part in logits for row in part]
        return [
            LogitsDistribution(row_ids, values, kept[n], normaliser, (tokens[n], following_value))
            for n, ((normaliser, following_value, *values), row_ids) in enumerate(zip(numbers, best, strict=True))
        ]


class Link:
    """All that goes to the device for a pass, and comes back, and how often."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.sent = 0
        self.fetched = 0

    def send(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Whole numbers [rows, columns] on the device."""
        import torch

        self.sent += 1
        return torch.tensor(rows, dtype=torch.long).to(self._device, non_blocking=True)

    def fetch(self, numbers: torch.Tensor, ids: torch.Tensor) -> tuple[list[list[float]], list[list[int]]]:
        """Two tables of the device, [rows, …] each, in one transfer, which waits for all work that is under way."""
        import torch

        self.fetched += 1
        # Whole numbers go along as the bits of floating-point ones.
        whole = torch.int64 if numbers.dtype == torch.float64 else torch.int32
        together = torch.cat([numbers, ids.to(whole).view(numbers.dtype)], dim=-1).cpu()
        width = numbers.shape[1]
        return together[:, :width].tolist(), together[:, width:].contiguous().view(whole).tolist()


class LogitsDistribution(Distribution):
    """One row of logits that stay on their device, the best few of which are known, and one more."""

    __slots__ = ("_best", "_known", "_logits", "_normaliser")

    def __init__(
        self,
        ids: Sequence[int],
        values: Sequence[float],
        logits: torch.Tensor,
        normaliser: float,
        known: tuple[int, float],
    ) -> None:
        """`ids` and `values`: the best ones; `known`: one token and its logit."""
        self._best = sorted(zip(ids, values, strict=True), key=lambda one: (-one[1], one[0]))
        self._known = dict([known, *self._best])
        self._logits = logits
        self._normaliser = normaliser

    def ranked(self) -> Iterator[tuple[int, float]]:
        for token_id, value in self._best:
            yield token_id, value - self._normaliser
        values, ids = self._precise().sort(descending=True, stable=True)
        given = {token_id for token_id, _ in self._best}
        for token_id, value in zip(ids.tolist(), values.tolist(), strict=True):
            if token_id not in given:
                yield token_id, value - self._normaliser

    def logprob(self, token_id: int) -> float:
        if token_id not in self._known:
            self._known[token_id] = float(self._logits[token_id])
        return self._known[token_id] - self._normaliser

    def best(self, allowed: Collection[int]) -> tuple[int, float]:
        among, last = set(allowed), self._best[-1][1]  # of those as likely as the last one, some are not at hand
        first = next((token_id for token_id, value in self._best if token_id in among and value > last), None)
        if first is None:
            ids = sorted(among)
            first = ids[int(self._precise()[ids].argmax())]
        return first, self.logprob(first)

    def _precise(self) -> torch.Tensor:
        import torch

        return self._logits if self._logits.dtype == torch.float64 else self._logits.float()
