#!/usr/bin/env bash
# The wheel, built twice from two clones with other times and rights of their files: the same bytes. PIP is the pip to use.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for number in 1 2; do
  (umask 0$((number * 11)); git clone --quiet "$(dirname "$0")/.." "$work/$number")
  find "$work/$number" -name '*.py' -exec touch -d "200$number-01-01" {} +
  "${PIP:-pip}" wheel --quiet --no-deps --wheel-dir "$work/wheel$number" "$work/$number"
done
cmp "$work"/wheel1/*.whl "$work"/wheel2/*.whl
sha256sum "$work"/wheel1/*.whl | sed "s|$work/wheel1/||"
