#!/usr/bin/env bash
# cwm-lsp-VERSION.vsix: the extension, and the wheel of the server that it can install.
#   PYTHON    an interpreter with pip (default: the checkout's .venv, else python3)
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-../../.venv/bin/python}
command -v "$python" >/dev/null || python=python3

rm -rf dist server
node esbuild.mjs --production
"$python" -m pip wheel --quiet --no-deps --wheel-dir server ../..
cp ../../LICENSE LICENSE
npx vsce package --no-dependencies --allow-missing-repository "$@"
