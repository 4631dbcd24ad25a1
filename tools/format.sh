#!/usr/bin/env bash
# clang-format over every C++ file that git knows or would add: format.sh [--check]
set -euo pipefail
cd "$(dirname "$0")/.."
options=(-i)
[[ ${1:-} == --check ]] && options=(--dry-run --Werror)
git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cpp' |
  xargs -0 -r ls -d 2>/dev/null | xargs -r -n 32 -P "$(nproc)" clang-format-16 "${options[@]}" ||
  { echo "hint: ./dev format" >&2; exit 1; }
