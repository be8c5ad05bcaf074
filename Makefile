# What can be asked of this repository. `make` alone lists it.

.DEFAULT_GOAL := help
# The steps of a target follow each other, also under -j.
.NOTPARALLEL:
.PHONY: help setup build release demo demo-slots run test tidy lint oasis bench soak fuzz install clean
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Where cargo puts what it builds.
built := $(or $(CARGO_TARGET_DIR),target)

# In CI a client that is not installed fails its tests instead of skipping them.
ifeq ($(CI),true)
export REQUIRE_CLIENTS := 1
endif

help: ## List these targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: ## Install the Debian packages and Python clients that tests and demo use
	@tests/setup.sh

build: setup ## Build everything, unoptimised
	cargo build --locked --workspace --all-targets

release: setup # Build the daemon and the PKCS#11 module as they are shipped
	cargo build --locked --release -p strongroom -p strongroom-pkcs11

demo: setup ## One key through KMIP, PKCS#11 and OpenSSL, every step in a signed log
	cargo build --locked -p strongroom -p strongroom-pkcs11
	tests/clients/demo.sh $(built)/debug

demo-slots: setup ## One key life on each kind of slot, through KMIP, PKCS#11 and OpenSSL, as a table
	cargo build --locked -p strongroom -p strongroom-pkcs11
	cargo test --locked --quiet -p strongroom-tests --test slots -- --nocapture one_key_life_on_each_kind_of_slot

run: ## Start a complete appliance in ./strongroom-dev
	cargo build --locked --release -p strongroom-pkcs11
	cargo run --locked --release -p strongroom -- dev

test: setup tidy build ## Everything that CI runs: format, lints, all tests, OASIS cases
	cargo test --locked --workspace
	$(MAKE) --no-print-directory oasis

tidy: setup # Formatting and clippy
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

lint: tidy ## Formatting, clippy, and the licences and advisories of dependencies
	@if cargo deny --version >/dev/null 2>&1; then cargo deny check; \
	else echo 'skipped: cargo-deny is not installed (cargo install --locked cargo-deny)'; fi

# A folder of KMIP test cases as OASIS publishes them; they are not part of this repository.
CASES ?= ../shared/kmip/testcases
oasis: setup ## Replay the OASIS KMIP test cases in CASES=DIR
ifeq ($(origin CASES)$(wildcard $(CASES)),file)
	@echo 'skipped: no OASIS test cases in $(CASES); name their folder with CASES=DIR'
else
	cargo build --locked --quiet -p strongroom
	cargo run --locked --quiet -p strongroom-tests --bin oasis -- '$(CASES)'
endif

bench: setup ## Side-by-side benchmarks against other implementations
	cargo build --locked --release -p strongroom -p strongroom-pkcs11
	cargo run --locked --release -p strongroom-benches

MINUTES := 30
soak: setup ## nginx, Java, an agent and dying programs on one appliance for MINUTES=30
	cargo build --locked -p strongroom -p strongroom-pkcs11
	SOAK_MINUTES=$(MINUTES) cargo test --locked --quiet -p strongroom-tests --test pkcs11 -- --nocapture soak

# cargo-fuzz needs a nightly compiler; TARGET names one target, otherwise each runs for SECONDS.
SECONDS := 60
fuzz: ## Fuzz every parser, or TARGET=NAME, each for SECONDS=60
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { \
		echo 'fuzz: needs a nightly compiler and cargo-fuzz:'; \
		echo '  rustup toolchain install nightly --profile minimal && cargo install --locked cargo-fuzz'; exit 1; }
	for target in $(or $(TARGET),$$(cargo +nightly fuzz list)); do \
		cargo +nightly fuzz run "$$target" -- -max_total_time=$(SECONDS); done

DESTDIR :=
PREFIX := /usr
install: release ## Install under DESTDIR: daemon, PKCS#11 module (known to p11-kit), systemd units
	install -Dm755 $(built)/release/strongroom -t $(DESTDIR)$(PREFIX)/bin
	install -Dm644 $(built)/release/libstrongroom_pkcs11.so -t $(DESTDIR)$(PREFIX)/lib/pkcs11
	install -d $(DESTDIR)$(PREFIX)/share/p11-kit/modules
	echo 'module: $(PREFIX)/lib/pkcs11/libstrongroom_pkcs11.so' > $(DESTDIR)$(PREFIX)/share/p11-kit/modules/strongroom.module
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	$(built)/release/strongroom man $(DESTDIR)$(PREFIX)/share/man/man1
	install -Dm644 systemd/*.service systemd/*.socket -t $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -Dm644 systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/strongroom.conf
	install -Dm644 systemd/tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/strongroom.conf

clean: ## Remove everything built, the venv, and the appliance that `make run` made
	cargo clean
	rm -rf .venv strongroom-dev fuzz/target fuzz/artifacts fuzz/coverage
