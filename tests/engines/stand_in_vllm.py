"""A stand-in for vLLM's server: its command line, its dialect, a small model, in a process of its own."""

import os
import sys
import time
from argparse import ArgumentParser

from cwm_lsp.predict.engines.local import LocalEngine
from tests.engines.serving import serving


def main():
    parser = ArgumentParser()
    for name in ("model", "served-model-name", "host", "port", "max-model-len", "logprobs-mode", "dtype"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--enforce-eager", action="store_true")
    options = parser.parse_args()
    print("INFO loading the model", flush=True)
    if os.environ.get("STAND_IN_FAILS"):
        sys.exit("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")
    engine = LocalEngine.load(options.model, dtype="float64")
    with serving(engine, options.model, int(options.port), options.served_model_name) as served:
        served.key = os.environ["VLLM_API_KEY"]
        time.sleep(600)


main()
