#!/usr/bin/env bash
# Owns the browser of the end-to-end test: prints the path of Chromium, after installing the distribution's package
# when there is none. CHROMIUM names another one.
set -euo pipefail

find_chromium() {
    local name
    for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}

find_chromium && exit

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
if ! command -v apt-get >/dev/null || ! command -v "${as_root[0]:-true}" >/dev/null; then
    printf 'tests/e2e/chromium.sh: no Chromium found and no way to install it from here.\n' >&2
    printf 'Install it with your package manager, or set CHROMIUM to the path of a Chromium or Chrome.\n' >&2
    exit 1
fi
printf 'tests/e2e/chromium.sh: installing chromium with apt-get\n' >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium >&2
find_chromium
