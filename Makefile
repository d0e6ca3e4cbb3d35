# Tawny. `make help` lists what there is to do.
# As root, Python is Debian's, which every user of the mail system can read; else whatever python3 is.
PYTHON ?= $(shell if [ "$$(id -u)" = 0 ]; then echo /usr/bin/python3; else command -v python3; fi)
BIN = .venv/bin
TEST_WORKERS ?= 2
FUZZ_SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: help venv test-venv run stop prepare test quick differential crash pressure fuzz check format types docs pins bench screens slow clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  %-12s %s\n", $$1, $$2}'

venv: .venv/.runs ## make .venv with what the appliance needs

.venv/.runs: requirements.txt
	@deploy/venv "$(PYTHON)" requirements.txt
	@touch $@

test-venv: .venv/.tests ## ... and what the tests need

.venv/.tests: .venv/.runs requirements-test.txt
	@deploy/venv "$(PYTHON)" requirements.txt requirements-test.txt
	@touch $@

run: venv ## prepare an instance and run everything in the foreground
	@exec $(BIN)/python -m deploy.up

prepare: venv ## prepare an instance without starting it
	@$(BIN)/python -m deploy.prepare

stop: venv ## stop an instance that was left running
	@$(BIN)/python -m deploy.down

test: test-venv ## install what tests need and run the suite
	@deploy/test-packages
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile tests

quick: test-venv ## the tests that need no processes, servers or browser
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile -m "not slow" --ignore tests/end_to_end --ignore tests/browser tests

differential: test-venv ## ours beside the originals on 60 000 generated inputs (some 10 minutes); ORIGINAL_QMAIL=/path adds those of qmail
	@DIFFERENTIAL=full HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile tests/differential

crash: test-venv ## the crash tests in full: kills, power cuts, full disks (some two hours), and their table
	@deploy/test-packages
	@CRASH_RECORD=1 $(BIN)/python -m pytest -m "crash or not crash" tests/crash

pressure: test-venv ## thousands of clients, hostile clients, and a soak of half an hour (PRESSURE_SOAK_S), and their tables
	@PRESSURE_RECORD=1 $(BIN)/python -m pytest -m "pressure or not pressure" tests/pressure

fuzz: test-venv ## fuzz targets for FUZZ_SECONDS (600) in all, then the properties with new values
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)
	@HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile tests/formats tests/decisions tests/net

check: test-venv types ## linters and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: test-venv
	@$(BIN)/mypy

format: test-venv ## bring the code into the house's form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: test-venv ## make docs/programs and the settings table from the heads of the modules
	@$(BIN)/python -m deploy.docs

bench: test-venv ## run the benchmarks beside their peers and write bench/results
	@deploy/bench-packages
	@$(BIN)/python -m bench

screens: test-venv ## make the pictures of the README again, docs/screens (needs chromium)
	@$(BIN)/python -m deploy.screens

pins: test-venv ## exact versions and hashes of everything, from requirements*.in
	@deploy/pins

clean: ## remove .venv and caches; instances stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
