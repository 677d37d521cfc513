#!/usr/bin/env bash
# cwm-lsp-VERSION.vsix: the extension, and the wheel of the server that it can install.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

rm -rf dist server
node esbuild.mjs --production
"$python" -m pip wheel --quiet --no-deps --wheel-dir server ../..
cp ../../LICENSE LICENSE
npx vsce package --no-dependencies --allow-missing-repository "$@"
