"""The files of docs/deploy.md, tried with the programs that they are for, where those are installed."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from cwm_lsp.errors import UnavailableError
from cwm_lsp.predict.engines import Pass, Prefix
from cwm_lsp.predict.engines.served import ServedEngine

PAGE = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()


def block(first):
    """The code block that begins so."""
    (found,) = (text for text in re.findall(r"^```\w*\n(.*?)^```", PAGE, re.S | re.M) if text.startswith(first))
    return found


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@needs("docker-compose")
def test_the_compose_file_is_understood(tmp_path):
    (tmp_path / "compose.yaml").write_text(block("services:"))
    command = ["docker-compose", "--file", tmp_path / "compose.yaml", "config"]
    environment = os.environ | {"HF_TOKEN": "token", "VLLM_API_KEY": "key"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "VLLM_API_KEY: key" in done.stdout


@needs("systemd-analyze")
def test_the_unit_is_understood(tmp_path):
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "cwm.service"
    unit.write_text(block("[Unit]").replace("/opt/vllm/bin/vllm", str(program)))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "cwm.service" in line]) == (0, [])


def served_with():
    """The command lines that start vLLM, without the program."""
    (command,) = re.findall(r"command: >\n(.*?)\n {4}\w", block("services:"), re.S)
    yield shlex.split(command)
    (line,) = re.findall(r"^ExecStart=\S+ serve (.*)$", block("[Unit]"), re.M)
    yield shlex.split(line)
    for options in re.findall(r"^\| [^|]* \| (`--[^|]*) \|$", PAGE, re.M):
        text = " ".join(re.findall(r"`(--[^`]*)`", options))
        yield re.sub(r" [NR]\b", " 2", text).split()


@pytest.mark.skipif("CWM_VLLM" not in os.environ, reason="CWM_VLLM does not name a Python that has vLLM")
@pytest.mark.long
@pytest.mark.timeout(600)
def test_vllm_has_the_options():
    code = """
import json
import sys

from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
for arguments in json.loads(sys.argv[1]):
    print(vars(make_arg_parser(FlexibleArgumentParser()).parse_args(arguments))["served_model_name"])
"""
    commands = list(served_with())
    assert len(commands) == 5
    done = subprocess.run([os.environ["CWM_VLLM"], "-c", code, json.dumps(commands)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-5:] == ["['cwm']", "['cwm']", "None", "None", "None"]


@pytest.fixture
def caddy(server, tmp_path):
    """A proxy before a server, as the page has it but for the addresses: its own address."""
    with socket.socket() as chooser:
        chooser.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{chooser.getsockname()[1]}"
    server.key = "inner"
    config = block("cwm.example.org").replace("cwm.example.org", url).replace("127.0.0.1:8000", server.url[7:])
    (tmp_path / "Caddyfile").write_text("{\n    admin off\n}\n" + config)
    keys = {"ANN_KEY": "ann", "BEN_KEY": "ben", "VLLM_API_KEY": server.key, "HOME": str(tmp_path)}
    process = subprocess.Popen(
        ["caddy", "run", "--config", tmp_path / "Caddyfile"], env=os.environ | keys, stderr=subprocess.DEVNULL
    )
    host, _, port = url[7:].partition(":")
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port))).close()
            break
        except OSError:
            time.sleep(0.05)
    assert process.poll() is None
    yield url
    process.terminate()
    process.wait(30)


@needs("caddy")
def test_the_proxy_lets_those_in_who_have_a_key(caddy, server, monkeypatch):
    for key in ("ann", "ben"):
        monkeypatch.setenv("CWM_LSP_API_KEY", key)
        engine = ServedEngine(f"{caddy}#tiny")
        assert engine.forward([Pass(Prefix(), [11, 12, 13], 1)])
    for key in ("carl", server.key):
        monkeypatch.setenv("CWM_LSP_API_KEY", key)
        with pytest.raises(UnavailableError, match="CWM_LSP_API_KEY"):
            ServedEngine(f"{caddy}#tiny")
    assert set(server.paths) == {"/v1/models", "/v1/completions", "/tokenize"}
