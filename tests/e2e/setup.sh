#!/usr/bin/env bash
# Owns the virtual environment of the end-to-end projects: .venv at the root of the repository, from requirements.txt;
# other arguments mean another folder and file. Does nothing when the folder already holds what the file asks for.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="${1:-$here/../../.venv}"
requirements="${2:-$here/requirements.txt}"
python="${PYTHON:-python3}"

fail() {
    printf 'tests/e2e/setup.sh: %s\n' "$1" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "no $python found; install Python 3.11 or newer (Debian, Ubuntu: apt-get install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version 2>&1) is too old for exception groups; set PYTHON to a Python 3.11 or newer"

# The key covers the interpreter too: a venv of another Python would not be seen as up to date.
key="$("$python" - "$requirements" <<'PY'
import hashlib, sys
text = open(sys.argv[1], "rb").read()
print(hashlib.sha256(text + sys.version.encode()).hexdigest())
PY
)"
stamp="$venv/.requirements"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$key" ]; then
    exit 0
fi

rm -rf "$venv"
"$python" -m venv "$venv" ||
    fail "python3 -m venv does not work here; install it first (Debian, Ubuntu: apt-get install python3-venv)"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements"
printf '%s\n' "$key" >"$stamp"
