# Owns the commands people and the CI type, and the order in which the two builds happen: the web app first, because
# the binary embeds web/dist. cargo and npm know best what is out of date; the file targets below only spare calls.
# All paths are relative, so the repository may live in a folder with a space in its name.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:

# Arguments for the program started, as in `make run ARGS="--listen 127.0.0.1:9000"`.
ARGS ?=

binary = "$${CARGO_TARGET_DIR:-target}/release/trapline"
npm = npm --prefix web
web_sources := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*' 2>/dev/null)

.PHONY: build run test test-web check bench bench-route bench-otlp bench-reads torture fixtures screenshots types clean help web cargo-present node-present

build: web cargo-present ## the release binary with the web app inside: target/release/trapline
	cargo build --release --locked

run: build ## build what is out of date, then start the server on port 4318
	@exec $(binary) serve $(ARGS)

# Some need what is made ready here: end_to_end.rs web/dist, .venv and Chromium; sdk_matrix.rs and django.rs the SDKs.
test: web cargo-present ## all tests: web app, Rust, and the Django projects through a real browser
	$(npm) test
	tests/e2e/setup.sh
	tests/sdks/setup.sh
	chromium="$$(tests/e2e/chromium.sh)"; export CHROMIUM="$$chromium"; \
	if cargo nextest --version >/dev/null 2>&1; then cargo nextest run --locked; else cargo test --locked; fi

test-web: build ## the web app in a real browser: every screen, hostile texts, nine tabs, budgets; ARGS="--quick screens"
	tests/e2e/setup.sh
	chromium="$$(tests/e2e/chromium.sh)"; CHROMIUM="$$chromium" TRAPLINE_BIN=$(binary) node tests/web/main.mjs $(ARGS)

check: web/node_modules/.package-lock.json cargo-present ## formatting, lints, types; what a commit has to pass besides the tests
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	$(npm) run check

bench: cargo-present ## what is promised of speed and size beside what is measured; ARGS=--full takes the largest data
	cargo bench --locked --bench load -- $(ARGS)

bench-route: cargo-present ## what one error costs between its bytes and the finished write, beside plain JSON parsing
	cargo bench --locked --bench route

bench-otlp: cargo-present ## what a span or log over OTLP costs between its bytes and the finished write, beside prost alone
	cargo bench --locked --bench otlp

bench-reads: cargo-present ## how long the reads of the screens take in 10,000 issues and a million events
	cargo bench --locked --bench reads -- $(ARGS)

torture: cargo-present ## break the disk, the power and the clock under load for 25 minutes; ARGS="--minutes 5 --only power,kill"
	cargo bench --locked --bench torture -- $(ARGS)

fixtures: ## capture again what the pinned SDKs send (tests/fixtures/README.md)
	cd tests/fixtures && python3 -B capture.py $(ARGS)

# The debug binary, which reads web/dist as it is now.
screenshots: web cargo-present ## pictures of the web app: tests/e2e/out/screenshots; ARGS=--readme makes README's again
	cargo build --locked
	tests/e2e/setup.sh
	chromium="$$(tests/e2e/chromium.sh)"; CHROMIUM="$$chromium" node tests/e2e/screenshots.mjs "$${CARGO_TARGET_DIR:-target}/debug/trapline" $(ARGS)

types: cargo-present ## write again what is generated: src/gen from proto/, web/src/api/types.ts from the Rust view structs
	UPDATE_TYPES=1 cargo test --locked --lib -- generated_code types_of_the_web_app

clean: ## remove everything that was built or installed here
	rm -rf target web/dist web/node_modules tests/sdks/node/node_modules .venv .cache tests/e2e/out tests/web/out

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

web: web/dist/index.html

web/dist/index.html: web/node_modules/.package-lock.json $(web_sources)
	$(npm) run build
	@touch $@

# npm writes this file last, as its own note of what is installed.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json | node-present
	$(npm) ci
	@touch $@

cargo-present:
	@command -v cargo >/dev/null || { echo 'cargo is missing: install Rust 1.89 or newer with rustup (https://rustup.rs)' >&2; exit 1; }

node-present:
	@command -v node >/dev/null || { echo 'node is missing: install Node.js 20.19 or newer (https://nodejs.org, or your distribution)' >&2; exit 1; }
	@command -v npm >/dev/null || { echo 'npm is missing: it comes with Node.js (https://nodejs.org; Debian, Ubuntu: apt-get install npm)' >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
		|| { echo "node $$(node --version) is too old: the web app needs Node.js 20.19 or newer" >&2; exit 1; }
