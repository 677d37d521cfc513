#!/usr/bin/env bash
# The end-to-end tests, or those in the files given: set up what they need, package the extension, drive it in a real VS Code.
#   PYTHON            interpreter whose environment has cwm-lsp installed (default: the checkout's .venv)
#   CWM_E2E_FOLDER    where VS Code is set up, kept for the next run (default: in the system's temporary folder)
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-$(cd ../.. && pwd)/.venv/bin/python}
export CWM_E2E_FOLDER=${CWM_E2E_FOLDER:-${TMPDIR:-/tmp}/cwm-lsp-e2e}
bash e2e/setup.sh "$CWM_E2E_FOLDER"

[ -d node_modules ] || npm ci --no-audit --no-fund
export PYTHON=$python CWM_E2E_PYTHON=$python
export CWM_E2E_SHOTS=${CWM_E2E_SHOTS:-$PWD/e2e/shots} CWM_E2E_EXAMPLES=$(cd ../.. && pwd)
bash scripts/package.sh --out "$CWM_E2E_FOLDER/cwm-lsp.vsix" >/dev/null
for stub in debugpy python; do
  (cd e2e/$stub && npx vsce package --no-dependencies --allow-missing-repository --skip-license --out "$CWM_E2E_FOLDER/$stub.vsix") >/dev/null
done

exec "$CWM_E2E_FOLDER/node-binary" --test --test-concurrency=1 "${@:-e2e/*.test.mjs}"
