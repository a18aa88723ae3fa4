#!/usr/bin/env bash
# Owns what the matrix of SDKs is made of: .cache/sdks at the root of the repository, with a virtual environment for each
# pinned SDK for Python, the packages of the JavaScript SDKs and the program of the Rust one. Does nothing twice.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="$here/../../.cache/sdks"
python="${PYTHON:-python3}"
mkdir -p "$cache"

# One after the other would take minutes on the first run; all are done when one has failed, so that none is left half.
jobs=()
for requirements in "$here"/python/requirements/*.txt; do
    version="$(basename "$requirements" .txt)"
    "$here/../e2e/setup.sh" "$cache/py-$version" "$requirements" &
    jobs+=($!)
done

if ! cmp -s "$here/node/package-lock.json" "$here/node/node_modules/.lock"; then
    (cd "$here/node" && npm ci --silent --no-fund --no-audit && cp package-lock.json node_modules/.lock) &
    jobs+=($!)
fi

failed=0
for job in "${jobs[@]}"; do
    wait "$job" || failed=1
done
[ "$failed" -eq 0 ] || exit 1

# Beside the environments: with brotli importable the SDK compresses with it, and both ways are tried.
if [ ! -d "$cache/brotli" ]; then
    "$cache/py-2.75.0/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
        --target "$cache/brotli.new" brotli==1.2.1
    mv "$cache/brotli.new" "$cache/brotli"
fi

"$here/node/node_modules/.bin/esbuild" "$here/node/browser.js" --bundle --format=esm --log-level=error \
    --outfile="$cache/browser.js"
CARGO_TARGET_DIR="$cache/rust" cargo build --quiet --locked --manifest-path "$here/rust/Cargo.toml"
