"""Decoding inside vLLM: loaded by a vLLM server, in an environment that has both (docs/deploy.md says how).

vLLM refuses custom logits processors beside drafts, and tells a custom proposer nothing of a request but its tokens.
What it has for both is structured output: the scheduler masks every drafted position by a grammar that can go forward
and back. So the scheduler here gives a request that brings a continuation its `Author` as such a grammar, and replaces
what the proposer drafts, which is nothing, by what the author does. All other requests are served as they were.

Log-probabilities are to be those before the mask, as for a model at hand; vLLM computes them after it. `Proposer`,
which every worker makes, mends that in its process.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tokenizers
import torch
from vllm.v1.core.sched.scheduler import Scheduler as VllmScheduler
from vllm.v1.request import RequestStatus
from vllm.v1.sample import rejection_sampler, sampler
from vllm.v1.structured_output.backend_types import StructuredOutputGrammar
from vllm.v1.structured_output.request import StructuredOutputRequest
from vllm.v1.worker import gpu_model_runner

from cwm_lsp.predict.author import Author
from cwm_lsp.predict.continuation import FIELD, SIGN, Continuation
from cwm_lsp.predict.engines.tokenizer import Tokenizer

log = logging.getLogger(__name__)


class TraceGrammar(StructuredOutputGrammar):
    """An author, as vLLM sees grammars."""

    def __init__(self, author: Author) -> None:
        self.author = author

    def accept_tokens(self, request_id: str, tokens: list[int]) -> bool:
        return all(map(self.author.take, tokens))

    def validate_tokens(self, tokens: list[int]) -> list[int]:
        return tokens[: self.author.fitting(tokens)]

    def rollback(self, num_tokens: int) -> None:
        self.author.take_back(num_tokens)

    def fill_bitmask(self, bitmask: torch.Tensor, batch_index: int) -> None:
        row = bitmask[batch_index].numpy()
        bits = np.packbits(self.author.legal(), bitorder="little")
        row[:] = 0
        row.view(np.uint8)[: len(bits)] = bits

    def is_terminated(self) -> bool:
        return self.author.done

    def reset(self) -> None:
        raise NotImplementedError("a trace is written once")


class Scheduler(VllmScheduler):
    """vLLM's, with traces that are written by themselves."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        manager = self.structured_output_manager
        text = manager.tokenizer.backend_tokenizer.to_str()  # a copy: ours reads special tokens as text
        self._tokenizer = Tokenizer(tokenizers.Tokenizer.from_str(text))
        self._most = self.vllm_config.num_speculative_tokens
        if manager._grammar_bitmask is None:  # else made by a backend, which there is none of for our requests
            rows = self.vllm_config.scheduler_config.max_num_seqs * (1 + self._most)
            words = -(-self.vllm_config.model_config.get_vocab_size() // 32)
            manager._grammar_bitmask = torch.full((rows, words), -1, dtype=torch.int32)

    def add_request(self, request: Any) -> None:
        told = ((request.sampling_params and request.sampling_params.extra_args) or {}).get(FIELD)
        if told is not None:
            try:
                author = Author(Continuation.from_json(told), self._tokenizer)
            except Exception:  # what a client sends must not end the server
                log.exception("a trace cannot be gone on with: one token is written")
                request.max_tokens = 1
            else:
                request.structured_output_request = StructuredOutputRequest(
                    None, _grammar=TraceGrammar(author), reasoning_ended=True
                )
        super().add_request(request)

    def update_draft_token_ids(self, draft_token_ids: Any) -> None:
        super().update_draft_token_ids(draft_token_ids)
        for name in draft_token_ids.req_ids:
            request = self.requests.get(name)
            author = _author(request)
            if author is not None and not request.is_finished() and not request.is_prefill_chunk:
                room = min(self.max_model_len - 1, request.num_prompt_tokens + request.max_tokens) - request.num_tokens
                request.spec_token_ids = author.draft(max(0, min(self._most, room - 1)))

    def _update_request_with_output(
        self, request: Any, new_token_ids: list[int], is_stale: bool = False
    ) -> tuple[list[int], bool]:
        author = _author(request)
        if author is None:
            plain: tuple[list[int], bool] = super()._update_request_with_output(request, new_token_ids, is_stale)
            return plain
        author.learn(new_token_ids)
        wanted = max(1, author.fitting(new_token_ids))
        written, stopped = super()._update_request_with_output(request, new_token_ids[:wanted], is_stale)
        del new_token_ids[len(written) :]
        if author.ends_with(new_token_ids) and request.status != RequestStatus.FINISHED_STOPPED:
            request.status, request.stop_reason, stopped = RequestStatus.FINISHED_STOPPED, SIGN, True
        return new_token_ids, stopped


def _author(request: Any) -> Author | None:
    grammar = getattr(getattr(request, "structured_output_request", None), "grammar", None)
    return grammar.author if isinstance(grammar, TraceGrammar) else None


class Proposer:
    """Proposes nothing: that there is one makes room for the scheduler's drafts."""

    def __init__(self, config: Any) -> None:
        _keep_what_was_before_masks()

    def load_model(self, model: Any) -> None:
        """There is no model to draft with."""

    def propose(self, sampled_token_ids: Sequence[Any], *_: Any, **__: Any) -> list[list[int]]:
        """For each request the tokens drafted."""
        return [[] for _ in sampled_token_ids]


_before_masks: list[torch.Tensor] = []
"""The logits of this step, where a grammar masked them."""


def _keep_what_was_before_masks() -> None:
    """Have vLLM tell log-probabilities as they were before a grammar masked them, once for a process."""
    if getattr(gpu_model_runner.apply_grammar_bitmask, "keeps", False):
        return
    apply = gpu_model_runner.apply_grammar_bitmask
    sample, verify = sampler.Sampler.forward, rejection_sampler.RejectionSampler.forward

    def apply_grammar_bitmask(scheduler_output: Any, grammar_output: Any, input_batch: Any, logits: Any) -> None:
        _before_masks[:] = [logits.clone()]
        apply(scheduler_output, grammar_output, input_batch, logits)

    def sampled(self: Any, logits: Any, sampling_metadata: Any, *rest: Any, **named: Any) -> Any:
        if rest or named:  # called by the other one, for the token after the draft
            return sample(self, logits, sampling_metadata, *rest, **named)
        before, _before_masks[:] = _before_masks[:], []
        output = sample(self, logits, sampling_metadata)
        most = sampling_metadata.max_num_logprobs
        plain = self.logprobs_mode == "raw_logprobs" and not sampling_metadata.logprob_token_ids
        if before and plain and most is not None and most >= 0:
            output.logprobs_tensors = self.gather_logprobs(
                self.compute_logprobs(before[0]), most, output.sampled_token_ids.squeeze(-1).long()
            )
        return output

    def verified(self: Any, metadata: Any, draft_probs: Any, logits: Any, sampling_metadata: Any) -> Any:
        before, _before_masks[:] = _before_masks[:], []
        output = verify(self, metadata, draft_probs, logits, sampling_metadata)
        if before and output.logprobs_tensors is not None and not self.is_processed_logprobs_mode:
            (raw,) = before
            output = replace(
                output,
                logprobs_tensors=self._get_logprobs_tensors(
                    sampling_metadata.max_num_logprobs,
                    metadata,
                    raw,
                    raw[metadata.target_logits_indices],
                    raw[metadata.bonus_logits_indices],
                    output.sampled_token_ids,
                ),
            )
        return output

    apply_grammar_bitmask.keeps = True  # type: ignore[attr-defined]
    gpu_model_runner.apply_grammar_bitmask = apply_grammar_bitmask
    sampler.Sampler.forward = sampled
    rejection_sampler.RejectionSampler.forward = verified
