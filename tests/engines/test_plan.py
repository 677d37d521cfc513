"""What is said of a model's memory before it is loaded: of CWM-32B, without its weights, and of small ones."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import Options, load, plan, refused
from cwm_lsp.predict.engines.loading import available, machine_of, planned, shape_of
from tests.predict.checkpoints import make_checkpoint

ALL = ["int8", "nf4"]


@pytest.fixture(scope="module")
def cwm():
    """CWM-32B, laid out without weights: the defaults of its configuration class are its own."""
    from transformers import CwmConfig

    return shape_of(CwmConfig())


def gpu(gigabytes, main=64):
    return plan.Machine("cuda", "a GPU", gigabytes * plan.GB, main * plan.GB)


def test_the_shape_of_cwm(cwm):
    assert (cwm.layers, cwm.vocabulary, cwm.context) == (64, 128_256, 131_072)
    assert cwm.parameters == pytest.approx(32.6e9, rel=0.01)
    assert (2 * cwm.full, 2 * cwm.sliding) == (64 * 1024, 192 * 1024)  # bytes a token in 16 bits
    assert (cwm.window, cwm.heads, cwm.largest) == (8192, 48, 6144 * 21504)


@pytest.mark.parametrize(
    ("gigabytes", "method", "weights"), [(80, "none", 65.2), (48, "int8", 34.2), (24, "nf4", 19.1)]
)
def test_the_most_precise_way_that_fits_is_chosen(cwm, gigabytes, method, weights):
    held = plan.plan(cwm, gpu(gigabytes), "auto", ALL)
    assert (held.quantization, held.offloaded) == (method, 0)
    assert held.weights / plan.GB == pytest.approx(weights, abs=0.1)
    assert held.needed <= gigabytes * plan.GB
    assert held.context >= plan.LEAST


def test_more_memory_is_more_context(cwm):
    contexts = [plan.plan(cwm, gpu(gigabytes), "nf4", ALL).context for gigabytes in (21.9, 23, 24, 640)]
    assert contexts == sorted(set(contexts))
    assert contexts[-1] == cwm.context


@pytest.mark.parametrize(
    ("gigabytes", "method", "context"), [(24, "nf4", 16_384), (0.95 * 25.7, "nf4", 32_768), (80, "nf4", 131_072)]
)
def test_the_context_is_what_the_model_was_made_for(cwm, gigabytes, method, context):
    """24 GB, 24 GiB less what is left to others, 80 GB."""
    held = plan.plan(cwm, gpu(gigabytes), method, ALL)
    assert held.context >= context
    assert held.needed <= gigabytes * plan.GB


@pytest.mark.parametrize("gigabytes", [22.9, 24, 24.4, 25.5])
def test_room_is_planned_in_whole_blocks_and_not_one_more_would_fit(cwm, gigabytes):
    held = plan.fitting(cwm, gpu(gigabytes), "nf4", plan.LEAST)
    assert held.key_values == held.room.bytes(cwm, 2)
    assert cwm.window < held.context < cwm.context
    assert held.room.full * held.room.block >= held.context
    assert 0 <= gigabytes * plan.GB - held.needed < held.room.block * 2 * (cwm.full + cwm.sliding)


def test_what_is_left_is_for_more_texts(cwm):
    rooms = [plan.fitting(cwm, gpu(gigabytes), "nf4", plan.LEAST).room for gigabytes in (32, 48, 200)]
    assert [round(room.full * room.block / cwm.context) for room in rooms] == [1, 2, plan.TEXTS]
    assert [room.sliding // 72 for room in rooms] == [1, 2, plan.TEXTS]


def test_layers_are_offloaded_where_main_memory_has_room_for_them(cwm):
    held = plan.plan(cwm, gpu(20), "nf4", ALL)
    assert 0 < held.offloaded <= cwm.layers // 2
    assert held.needed <= 20 * plan.GB
    assert f"{held.offloaded} layers" in str(held)
    with pytest.raises(UnavailableError, match="use a server"):
        plan.plan(cwm, gpu(20, main=3), "none", ALL)


@pytest.mark.parametrize(
    ("gigabytes", "asked", "told"),
    [
        (24, "none", "takes 67.3 GB .*24.0 GB are free.* --quantization nf4, or a server"),
        (20, "none", r"--quantization nf4 with \d+ layers in main memory"),
        (8, "auto", "nf4 takes 21.5 GB .*8.0 GB are free.*: use a server"),
        (40, "none", "--quantization int8"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(cwm, gigabytes, asked, told):
    with pytest.raises(UnavailableError, match=told) as refusal:
        plan.plan(cwm, gpu(gigabytes, main=20), asked, ALL)
    assert "\n" not in str(refusal.value)


def test_a_missing_package_is_named(cwm):
    with pytest.raises(UnavailableError, match=r"nf4 \(pip install 'cwm-lsp\[quantized\]'\)"):
        plan.plan(cwm, gpu(24), "auto", [])


def test_a_quantised_checkpoint_is_held_as_it_is(cwm):
    from dataclasses import replace

    stored = replace(cwm, stored=19.0 * plan.GB)
    held = plan.plan(stored, gpu(25), "auto", ALL)
    assert (held.quantization, held.weights) == (plan.AS_STORED, 19.0 * plan.GB)
    assert held.work - plan.plan(cwm, gpu(25), "nf4", ALL).work == 2 * (
        cwm.layer - cwm.largest  # one layer is unpacked at a time, not one matrix
    )
    with pytest.raises(UnavailableError, match=r"use the unquantised checkpoint with --quantization nf4 .*or a server"):
        plan.plan(stored, gpu(20), "none", ALL)
    with pytest.raises(UnavailableError, match="use a server"):
        plan.plan(stored, gpu(8), "none", ALL)


def test_cwm_is_refused_before_anything_is_read(tmp_path):
    """A folder with its configuration and no weights, on this machine."""
    from transformers import CwmConfig

    CwmConfig().save_pretrained(tmp_path)
    tokenizer = make_checkpoint(tmp_path / "tiny") / "tokenizer.json"
    (tmp_path / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    with pytest.raises(UnavailableError, match=r"does not fit: .*--model http") as refusal:
        load(Options(str(tmp_path), memory=9))
    assert "\n" not in str(refusal.value)


def test_absent_devices_are_told(checkpoint):
    import torch

    for device in ("cuda", "xpu", "mps"):
        if not getattr(torch.backends if device == "mps" else torch, device).is_available():
            with pytest.raises(UnavailableError, match=f"finds no device {device} but .*: use --device auto"):
                load(Options(str(checkpoint), device=device))


@pytest.fixture
def devices(monkeypatch):
    """A machine that has, as far as torch tells, none but some devices, with 30 GB of 32 GB free."""
    import torch

    def has(*names, other=None):
        gigabytes = (int(30 * plan.GB), int(32 * plan.GB))
        for name in ("cuda", "xpu"):
            module = getattr(torch, name)
            monkeypatch.setattr(module, "is_available", lambda name=name: name in names)
            monkeypatch.setattr(module, "mem_get_info", lambda: gigabytes, raising=False)
            monkeypatch.setattr(module, "get_device_name", lambda name=name: f"some {name}", raising=False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in names)
        found = SimpleNamespace(type=other) if other else None
        monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: found)

    return has


@pytest.mark.parametrize("device", ["cuda", "xpu"])  # ROCm goes by the first name
def test_a_gpu_of_any_vendor_is_planned_for(device, devices, cwm):
    devices(device)
    machine = machine_of(Options("x"), cwm)
    assert (machine.device, machine.name, machine.number) == (device, f"some {device}", 2.0)
    assert machine.free == pytest.approx(0.95 * 30 * plan.GB, rel=1e-6)
    assert machine.spare > 0
    assert machine_of(Options("x", memory=10), cwm).free == 10 * plan.GB
    assert available(device) == ["int8", "nf4"]
    for other in {"cuda", "xpu", "mps"} - {device}:
        with pytest.raises(UnavailableError, match=f"no device {other} but {device}, cpu: use --device auto"):
            machine_of(Options("x", device=other), cwm)


def test_apples_share_the_main_memory_and_have_no_bitsandbytes(devices, cwm, checkpoint):
    devices("mps")
    machine = machine_of(Options("x"), cwm)
    assert (machine.device, machine.spare, machine.number) == ("mps", 0.0, 2.0)
    assert available("mps") == []
    with pytest.raises(UnavailableError, match=r"nf4 is not there on mps: use --quantization none, or a server"):
        planned(Options(str(checkpoint), quantization="nf4"))


def test_what_nothing_is_planned_for_is_named_and_not_used(devices, cwm):
    devices(other="npu")
    machine = machine_of(Options("x"), cwm)
    assert machine.device == "cpu"
    assert machine.name == "this machine, whose npu cwm-lsp can not plan for (CUDA, ROCm, XPU and MPS it can)"
    with pytest.raises(UnavailableError, match="free on this machine, whose npu"):
        plan.plan(cwm, replace(machine, free=plan.GB), "auto", ALL)


@pytest.mark.parametrize(
    ("release", "is_refused"),
    [("5.13.1", False), ("5.14.0", True), ("5.17.0", True), ("5.18.0", False), ("5.24.0.dev0", False), ("6.0", False)],
)
def test_releases_of_transformers_that_read_drafts_wrongly_are_refused(release, is_refused):
    assert refused(release) == is_refused


def test_absent_weights_are_told(checkpoint, tmp_path):
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((checkpoint / name).read_bytes())
    with pytest.raises(UnavailableError, match="no model could be loaded from the folder"):
        load(Options(str(tmp_path)))


@pytest.mark.parametrize(("name", "folder"), [("cwm-Q4_0.gguf", False), ("gguf", True)])
def test_gguf_is_recognised(name, folder, tmp_path):
    file = tmp_path / name / "cwm-Q4_0.gguf" if folder else tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"GGUF")
    with pytest.raises(UnavailableError, match=r"is GGUF.*safetensors"):
        load(Options(str(tmp_path / name)))


@pytest.mark.parametrize(("method", "package"), [("gptq", "gptqmodel"), ("awq", "gptqmodel")])
def test_the_package_of_a_quantised_checkpoint_is_named(method, package, checkpoint, tmp_path):
    config = json.loads((checkpoint / "config.json").read_text())
    config["quantization_config"] = {"quant_method": method, "bits": 4, "group_size": 128}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((checkpoint / "tokenizer.json").read_bytes())
    with pytest.raises(UnavailableError, match=f"quantised by {method}, needs {package}"):
        load(Options(str(tmp_path)))
    with pytest.raises(UnavailableError, match="quantised already"):
        load(Options(str(tmp_path), quantization="nf4"))
