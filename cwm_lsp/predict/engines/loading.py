"""A checkpoint, from a folder or the hub, into memory: looked at, planned for, and only then read."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import plan
from cwm_lsp.predict.engines.tokenizer import Tokenizer

if TYPE_CHECKING:
    from cwm_lsp.predict.engines.options import Options

log = logging.getLogger(__name__)

Made = TypeVar("Made")

SMALL = 1_000_000_000
"""Parameters up to which a model is computed in 32 bits on a CPU, whose half precision is slow."""

PACKAGES = {"int8": "bitsandbytes", "nf4": "bitsandbytes"}
"""What each quantisation needs, the most precise first."""

_STORED = {
    "compressed-tensors": ("compressed_tensors",),
    "bitsandbytes": ("bitsandbytes",),
    "torchao": ("torchao",),
    "gptq": ("gptqmodel", "optimum"),
    "awq": ("gptqmodel",),
    "fbgemm_fp8": ("fbgemm_gpu",),
    "fp8": ("kernels",),
}
"""What transformers needs to load a checkpoint that was quantised before, by its `quant_method`."""

_MARGIN = {"cuda": 0.95, "xpu": 0.95, "mps": 0.75, "cpu": 0.85}
"""Share of the free memory that is planned with."""


class Planned(NamedTuple):
    """What a model would be loaded as."""

    shape: plan.Shape
    machine: plan.Machine
    held: plan.Plan

    def __str__(self) -> str:
        return f"by transformers on {self.machine.name}: {self.held}; {self.machine.free / plan.GB:.1f} GB are free"


def planned(options: Options) -> Planned:
    """How the model that `options` name would be held. Its weights are not read.

    Raises:
        UnavailableError: it cannot be had, or does not fit; the message says what to do.
    """
    config = config_of(options.name)
    stored = _stored_method(options, config)
    shape = shape_of(config)
    machine = machine_of(options, shape)
    quantization = plan.UNQUANTISED if stored else options.quantization
    if stored and not (stored == "fp8" and not _multiplies_fp8(machine.device)):  # which is unpacked on loading
        for package in _STORED.get(stored, ()):
            _needed(package, f"{options.name}, which is quantised by {stored},")
        shape = replace(shape, stored=_stored_bytes(options.name))
    try:
        held = None
        if stored == "compressed-tensors":  # computing with it unpacked is faster
            held = plan.fitting(shape, machine, plan.UNQUANTISED, plan.WISHED)
        held = held or plan.plan(shape, machine, quantization, available(machine.device))
    except UnavailableError as error:
        raise UnavailableError(f"{options.name} does not fit: {error}") from None
    if held.quantization in PACKAGES:
        if machine.device == "mps":
            raise UnavailableError(
                f"{options.name}: {held.quantization} is not there on mps: use --quantization none, or a server "
                "(--model http://host:port)"
            )
        _needed(PACKAGES[held.quantization], f"--quantization {held.quantization}")
    return Planned(shape, machine, held)


def load(options: Options, dtype: str | None = None) -> tuple[Any, plan.Plan]:
    """The model that `options` name, and how it is held. `dtype`: that of computing, such as "float64", where it is
    not to be chosen. Raises what `planned` does.
    """
    import torch

    shape, machine, held = chosen = planned(options)
    log.info("%s %s", options.name, chosen)
    precision = getattr(torch, dtype) if dtype else _precision(machine, torch)
    told = quantization_config(held.quantization, precision, offloaded=bool(held.offloaded))
    try:
        model, found = quiet().AutoModelForCausalLM.from_pretrained(
            options.name,
            dtype=precision,
            device_map=device_map(shape, machine.device, held.offloaded),
            output_loading_info=True,
            use_safetensors=True,  # weights in pickles could run code
            trust_remote_code=False,
            **({"quantization_config": told} if told else {}),  # None would hide how a checkpoint is quantised
        )
    except (OSError, ValueError, ImportError) as error:
        raise UnavailableError(how_to_get(options.name, error)) from error
    except torch.cuda.OutOfMemoryError as error:
        raise UnavailableError(
            f"{options.name} did not fit after all: others take memory of {machine.name}, or --memory says too much"
        ) from error
    if found["missing_keys"]:  # they would be random numbers
        raise UnavailableError(
            f"{options.name} lacks {len(found['missing_keys'])} weights, {min(found['missing_keys'])} among them: "
            "get its files again, or another checkpoint"
        )
    if hasattr(model, "ct_decompress_hook"):  # else it is unpacked where the whole model is called, which we do not
        if held.quantization == plan.AS_STORED:
            _keep_packed(model)
        else:
            model.hf_quantizer.compressor.decompress_model(model)
    return model.eval(), held


def in_memory(what: str, make: Callable[[], Made]) -> Made:
    """What is made on the device.

    Raises:
        UnavailableError: its memory is not there, though it was planned.
    """
    try:
        return make()
    except (RuntimeError, MemoryError) as error:
        raise UnavailableError(
            f"{what} did not fit after all: others take memory, or --memory says too much"
        ) from error


def _keep_packed(model: Any) -> None:
    """Have the weights of a compressed-tensors checkpoint unpacked layer by layer, in every pass and no longer than for
    it. Left alone, they are all unpacked in the first pass, and stay so."""
    from compressed_tensors.compressors import decompress_module
    from compressed_tensors.utils import get_direct_state_dict, replace_direct_state_dict

    packed: dict[Any, tuple[Any, Any]] = {}

    def unpack(module: Any, _inputs: Any) -> None:
        packed[module] = get_direct_state_dict(module), module.quantization_status
        decompress_module(module)

    def forget(module: Any, _inputs: Any, _output: Any) -> None:
        weights, module.quantization_status = packed.pop(module)
        replace_direct_state_dict(module, weights)

    model.hf_quantizer.compressor.remove_decompression_hook(model)
    for module in model.modules():
        if getattr(module, "quantization_scheme", None) is not None:
            module.register_forward_pre_hook(unpack)
            module.register_forward_hook(forget, always_call=True)


def quiet() -> Any:
    """transformers, which says nothing unasked. Its types are not to be relied on."""
    transformers: Any = import_module("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def config_of(model: str) -> Any:
    """The configuration of a folder or hub id.

    Raises:
        UnavailableError: it cannot be had.
    """
    try:
        return quiet().AutoConfig.from_pretrained(model, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UnavailableError(how_to_get(model, error)) from error


def tokenizer_of(model: str) -> Tokenizer:
    """The tokenizer of a folder or hub id; raises as `config_of`."""
    file = Path(model) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(file)
    try:
        return Tokenizer(quiet().AutoTokenizer.from_pretrained(model, trust_remote_code=False).backend_tokenizer)
    except (OSError, ValueError) as error:
        raise UnavailableError(how_to_get(model, error)) from error


def shape_of(config: Any) -> plan.Shape:
    """What a configuration says of the memory that its model takes. The model is laid out without weights."""
    import torch

    with torch.device("meta"):
        model = quiet().AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    total = sum(parameter.numel() for parameter in model.parameters())
    (layers,) = (module for name, module in model.named_modules() if name.endswith(".layers"))
    linears = [module for module in layers.modules() if isinstance(module, torch.nn.Linear)]
    linear = sum(module.weight.numel() for module in linears)
    kinds = layer_kinds(config)
    key_value = 2 * config.num_key_value_heads * head_size(config)
    return plan.Shape(
        layers=len(layers),
        layer=linear // len(layers),
        others=total - linear,
        full=kinds.count(None) * key_value,
        sliding=(len(kinds) - kinds.count(None)) * key_value,
        window=next(filter(None, kinds), None),
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
        heads=config.num_attention_heads,
        largest=max(module.weight.numel() for module in linears),
        wide=sum(module.out_features for module in linears) // len(layers),
    )


def room_of(config: Any, device: str) -> plan.Room:
    """For keys and values of as many texts as are ever kept, where memory is not short."""
    kinds, key_value = layer_kinds(config), 2 * config.num_key_value_heads * head_size(config)
    shape = plan.Shape(
        layers=len(kinds),
        layer=0,
        others=0,
        full=kinds.count(None) * key_value,
        sliding=(len(kinds) - kinds.count(None)) * key_value,
        window=next(filter(None, kinds), None),
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
    )
    return plan.Room.of(shape, device, shape.context, plan.TEXTS)


def layer_kinds(config: Any) -> list[int | None]:
    """Of each layer, the tokens that it sees; None where it sees all."""
    kinds = getattr(config, "layer_types", None) or ["full_attention"] * config.num_hidden_layers
    return [config.sliding_window if kind == "sliding_attention" else None for kind in kinds]


def head_size(config: Any) -> int:
    """Numbers of one head's key."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def machine_of(options: Options, shape: plan.Shape) -> plan.Machine:
    """The device that the options name, or the best one, and what is free there.

    Raises:
        UnavailableError: there is no such device.
    """
    import psutil  # type: ignore[import-untyped]
    import torch

    there = {
        "cuda": torch.cuda.is_available(),  # ROCm goes by that name, too
        "xpu": torch.xpu.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    device = next(name for name in there if there[name]) if options.device == "auto" else options.device
    if not there[device]:
        found = ", ".join(name for name in there if there[name])
        raise UnavailableError(f"torch {torch.__version__} finds no device {device} but {found}: use --device auto")
    main = float(psutil.virtual_memory().available)
    free, spare, name = main, 0.0, "this machine"
    if device in ("cuda", "xpu"):
        gpu: Any = getattr(torch, device)
        free, spare, name = float(gpu.mem_get_info()[0]), _MARGIN["cpu"] * main, gpu.get_device_name()
    elif device == "cpu" and (other := _other_accelerator(torch)):
        name = f"this machine, whose {other} cwm-lsp can not plan for (CUDA, ROCm, XPU and MPS it can)"
    free *= _MARGIN[device]
    if options.memory is not None:
        free = min(free, options.memory * plan.GB)
    number = 4.0 if device == "cpu" and shape.parameters < SMALL else 2.0
    return plan.Machine(device, name, free, spare, number)


def _other_accelerator(torch: Any) -> str | None:
    """What torch would compute on, where that is none of those that are planned for."""
    found = torch.accelerator.current_accelerator()
    return None if found is None or found.type in _MARGIN else str(found.type)


def device_name(device: Any) -> str:
    """Which one it is; of processors, how many threads compute."""
    import torch

    if device.type in ("cuda", "xpu"):
        return str(getattr(torch, device.type).get_device_name(device))
    return f"{device.type}, {platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def versions() -> list[str]:
    """Of the packages that compute."""
    packages = [package for package in ("torch", "transformers", "bitsandbytes") if find_spec(package)]
    return [f"{package} {version(package)}" for package in packages]


def available(device: str) -> list[str]:
    """The quantisations whose packages are installed, the most precise first."""
    return [name for name, package in PACKAGES.items() if device != "mps" and find_spec(package) is not None]


def quantization_config(method: str, precision: Any, *, offloaded: bool = False) -> Any:
    """What transformers is told of a quantisation that computes in `precision`; None where there is none."""
    transformers = quiet()
    match method:
        case "int8":
            # It warns in every pass that it computes in 16 bits.
            logging.getLogger("bitsandbytes.autograd").setLevel(logging.ERROR)
            return transformers.BitsAndBytesConfig(load_in_8bit=True, llm_int8_enable_fp32_cpu_offload=offloaded)
        case "nf4":
            return transformers.BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=precision,
                llm_int8_enable_fp32_cpu_offload=offloaded,
            )
    return None


def device_map(shape: plan.Shape, device: str, offloaded: int, elsewhere: str = "cpu") -> dict[str, Any]:
    """Module → device, the last layers elsewhere."""
    if not offloaded:
        return {"": device}
    there = range(shape.layers - offloaded, shape.layers)
    layers = {f"model.layers.{n}": elsewhere if n in there else device for n in range(shape.layers)}
    return {"model.embed_tokens": device, **layers, "model.norm": device, "model.rotary_emb": device, "lm_head": device}


def how_to_get(model: str, error: Exception) -> str:
    """Why a model could not be loaded, and what to do about it, in one line."""
    text = " ".join(str(error).split())
    if "gated" in text or "401" in text or "403" in text:
        return (
            f"{model} is gated: accept its licence on its page of the Hugging Face hub, make a read token there and "
            "run `hf auth login` (or set HF_TOKEN), then try again; or name a local folder that has the weights"
        )
    if Path(model).is_dir():
        return f"no model could be loaded from the folder {model}: {text[:200]}"
    return (
        f"no model {model} here or on the hub: name a folder with config.json, tokenizer.json and safetensors, "
        f"a hub id that `hf download` can get, or `bundled` ({text[:200]})"
    )


def _precision(machine: plan.Machine, torch: Any) -> Any:
    """The type of the numbers that are computed with."""
    if machine.number == 4:
        return torch.float32
    return torch.float16 if machine.device == "cuda" and not torch.cuda.is_bf16_supported() else torch.bfloat16


def _stored_method(options: Options, config: Any) -> str | None:
    """How the checkpoint itself is quantised.

    Raises:
        UnavailableError: another quantisation is wished for.
    """
    told = getattr(config, "quantization_config", None)
    if told is None:
        return None
    method = str(told.get("quant_method") if isinstance(told, dict) else told.quant_method)
    method = method.rpartition(".")[2].lower().replace("_", "-") if "compressed" in method.lower() else method
    if options.quantization not in ("auto", "none"):
        raise UnavailableError(f"{options.name} is quantised already, by {method}: leave out --quantization")
    return method


def _multiplies_fp8(device: str) -> bool:
    """Whether transformers keeps a checkpoint of 8-bit floating-point numbers as it is."""
    import torch

    return device == "cuda" and torch.cuda.get_device_capability() >= (8, 9)


def _needed(package: str, by: str) -> None:
    if find_spec(package) is None:
        extra = "'cwm-lsp[quantized]'" if package in ("bitsandbytes", "compressed_tensors") else package
        raise UnavailableError(f"{by} needs {package}: pip install {extra}")


def _stored_bytes(model: str) -> float | None:
    """Of a checkpoint's weights, by its files or its index; None where neither is at hand."""
    files = list(Path(model).glob("*.safetensors"))
    if files:
        return float(sum(file.stat().st_size for file in files))
    from transformers.utils import cached_file  # type: ignore[attr-defined]

    try:
        index = cached_file(model, "model.safetensors.index.json")
    except OSError:
        return None
    return float(json.loads(Path(index).read_text(encoding="utf-8"))["metadata"]["total_size"]) if index else None
