# Everything a developer does, on a machine with Python >= 3.11 and make (GNU make 3.81 will do). `make` lists it.
# Choose an interpreter with `make venv PYTHON=/path/to/python`.

PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; exit; }; \
	done; echo python3)
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/installed-core
TORCH := $(VENV)/installed-torch
TOOLS := $(VENV)/installed-tools
STAMP := $(VENV)/installed
CONSTRAINTS := requirements/constraints.txt
EXTRAS := train,backbones,hub,data,labels,tables,scale,tracking,web,dev
INSTALL = $(BIN)/python -m pip install -qq --no-compile -c $(CONSTRAINTS) --build-constraint $(CONSTRAINTS)
BUILD := build
PYTEST_ARGS ?=
# Half as many again as there are cores: tests wait for browsers, servers and processes that they kill.
WORKERS ?= -n $(shell $(BIN)/python -c 'import os; print(len(os.sched_getaffinity(0)) * 3 // 2 if hasattr(os, "sched_getaffinity") else "auto")' 2>/dev/null || echo auto)
# Files of tests lie in memory where there is plenty (Linux): the disk takes a quarter of the time of those that write many.
SCRATCH ?= $(shell set -- $$(df -Pk /dev/shm 2>/dev/null | tail -n 1); \
	test -w /dev/shm && test "$${4:-0}" -gt 4000000 && echo TMPDIR=/dev/shm)
FUZZ_SECONDS ?= 60
AUDIT := $(BUILD)/audit
HASHED := train backbones hub data labels tables scale tracking web
REFUSED := GNU General Public License v2 (GPLv2);GNU General Public License v3 (GPLv3);GNU Affero General Public License v3
TESTS = $(SCRATCH) OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not slow'
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
# some machines switch bytecode off, and each command that a test starts would compile petmood anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help venv demo-data demo bench test test-slow coverage robustness fuzz audit-deps hashes lint types imports docs reference check format tutorial dist clean
.DELETE_ON_ERROR:

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

venv: $(STAMP) ## make .venv with petmood, all its extras and its tools, if it is not up to date

# What is imported by nobody is not compiled.
$(CORE): pyproject.toml $(CONSTRAINTS)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "petmood needs Python 3.11 or newer; '$(PYTHON)' is $$("$(PYTHON)" --version 2>/dev/null || echo "not to be found")." \
			"Install one, or name it: make venv PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(BIN)/python" -m pip --version >/dev/null 2>&1 || { \
		echo "making $(VENV) with $$("$(PYTHON)" --version) (seconds)"; \
		"$(PYTHON)" -m venv --clear $(VENV) || { \
			echo "'$(PYTHON)' cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }; }
	@$(BIN)/python -m pip install -qq --upgrade pip
	@echo "installing petmood and what it needs (half a minute)"
	@$(INSTALL) -e .
	@touch $@

# Alone and before the extras: pip then takes the build for this machine, and nothing later can pull in another one.
$(TORCH): $(CORE)
	@echo "installing torch, which trains networks (half a minute)"
	@$(BIN)/python -m pip install -qq --no-compile -c $(CONSTRAINTS) torch==2.13.0
	@touch $@

# What needs none of what torch brings: both at once.
$(TOOLS): $(CORE)
	@$(INSTALL) -e '.[labels,tables,tracking,web,dev]'
	@touch $@

$(STAMP): $(CORE)
	@$(MAKE) --no-print-directory -j 2 $(TORCH) $(TOOLS)
	@echo "installing the extras: Ray, transformers, ... (half a minute)"
	@$(INSTALL) -e '.[$(EXTRAS)]'
	@touch $@

# What looking at the pictures needs is there before torch is: both at once. The run then finds the copies in the cache.
demo-data: $(CORE) ## draw the demo set, and look for copies and other traps in it
	@rm -rf $(BUILD)/demo $(BUILD)/demo-run
	$(BIN)/petmood demo-data $(BUILD)/demo
	$(BIN)/petmood audit $(BUILD)/demo/data

demo: $(CORE) ## draw the demo set, audit it, run petmood on it, say where the report is (2 minutes at the first time)
	@$(MAKE) --no-print-directory -j 2 $(TORCH) demo-data
	$(BIN)/petmood run $(BUILD)/demo/data --out $(BUILD)/demo-run --preset quick
	@face=$$(find $(BUILD)/demo/data/test/happy -type f | sort | head -n 1); \
		echo "Its model reads a face drawn to be happy, which it had not seen:"; \
		echo "$$ $(BIN)/petmood predict $(BUILD)/demo-run/model $$face"; \
		$(BIN)/petmood predict $(BUILD)/demo-run/model "$$face"
	@echo "A photo of your own pet: $(BIN)/petmood predict PHOTO, by the built-in model pets, learnt from photos of dogs, cats"
	@echo "and others. docs/travel.md and its card say how often it is right on pictures from elsewhere: not often."
	@echo "The report: $(CURDIR)/$(BUILD)/demo-run/report.html"

bench: $(STAMP) ## measure speed (20 minutes) and write benchmarks/results.md; PEER_PYTHON=... measures Keras beside it
	$(BIN)/python benchmarks/suite.py

test: $(STAMP) ## run the tests on all cores, without the slow ones
	$(TESTS) $(PYTEST_ARGS)

test-slow: $(STAMP) ## run the slow tests only
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

coverage: $(STAMP) ## run the tests as `make test` does, and print which branches of petmood they go through
	@$(BIN)/python -m pip install -qq -c $(CONSTRAINTS) pytest-cov
	$(TESTS) --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

robustness: $(STAMP) ## try everything hostile that is known (15 minutes) and write docs/robustness.md
	$(BIN)/python benchmarks/robustness.py

fuzz: $(STAMP) ## fuzz pictures, zips, tables, annotations and bundles for FUZZ_SECONDS (60) each
	@$(BIN)/python -m pip install -qq -r requirements/fuzz.txt
	@for target in decode archive table annotations bundle; do \
		echo "== $$target"; $(BIN)/python tests/fuzz/run.py $$target $(FUZZ_SECONDS) || exit 1; \
	done

# In an environment of its own: these tools bring packages that petmood is not to be tested with. pip-audit asks a
# database on the network which versions have known faults.
audit-deps: $(STAMP) ## look for known faults in what is installed; write licences and an SBOM into build/supply
	@test -x $(AUDIT)/bin/pip-audit || { "$(PYTHON)" -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install -qq -r requirements/audit.txt; }
	@mkdir -p $(BUILD)/supply
	$(AUDIT)/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml -o $(BUILD)/supply/sbom.json $(BIN)/python
	$(AUDIT)/bin/pip-licenses --python $(BIN)/python --format=csv --order=license --output-file $(BUILD)/supply/licences.csv \
		--fail-on "$(REFUSED)"
	@$(AUDIT)/bin/pip-audit -r requirements/hashes.txt --require-hashes --disable-pip --strict --progress-spinner off \
		> $(BUILD)/supply/faults.txt 2>&1 || { tail -n 1 $(BUILD)/supply/faults.txt | cut -c 1-300 >&2; \
		echo "Not audited, or faults were found: see $(BUILD)/supply/faults.txt. This asks an index that tells of faults," \
			"as PyPI does; a mirror may not. Licences and SBOM are written." >&2; exit 1; }
	@cat $(BUILD)/supply/faults.txt

hashes: ## write requirements/hashes.txt anew, after a pin has moved
	@test -x $(AUDIT)/bin/pip-compile || { "$(PYTHON)" -m venv $(AUDIT) && $(AUDIT)/bin/python -m pip install -qq -r requirements/audit.txt; }
	@mkdir -p $(BUILD)
	$(AUDIT)/bin/pip-compile -q --generate-hashes --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--strip-extras --no-annotate -c $(CONSTRAINTS) $(HASHED:%=--extra %) -o $(BUILD)/hashes.txt pyproject.toml
	@{ sed -n '/^#/p;/^[^#]/q' requirements/hashes.txt; sed '/^torch==/,/[^\\]$$/d;/^#/d' $(BUILD)/hashes.txt; } > $(BUILD)/new.txt
	@mv $(BUILD)/new.txt requirements/hashes.txt

lint: $(STAMP) ## check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(STAMP) ## check types
	$(BIN)/mypy

imports: $(STAMP) ## check that imports follow the layers
	$(BIN)/lint-imports --no-logo

docs: $(STAMP) ## build the documentation into build/site, and the app with the built-in model into build/site/app
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir $(BUILD)/site
	$(BIN)/petmood export pets --format web --out $(BUILD)/site/app >/dev/null

reference: $(STAMP) ## write the tables of options in docs/reference/cli.md from the command line
	$(BIN)/python docs/command_line.py

tutorial: $(STAMP) ## execute the tutorial notebook anew and write it with its outputs
	$(BIN)/python docs/tutorials/build.py

check: $(STAMP) ## all of the above checks, with the time each takes
	@for stage in lint types imports docs test; do \
		echo "== $$stage"; start=$$(date +%s); \
		$(MAKE) --no-print-directory $$stage || exit 1; \
		echo "== $$stage took $$(($$(date +%s) - start)) s"; \
	done

format: $(STAMP) ## put the code into the project's format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The date inside is that of the commit, so that anyone who builds it has the same bytes.
dist: $(STAMP) ## build the source archive and the wheel into dist/, named by the newest tag
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build

clean: ## remove what was built; .venv stays
	rm -rf $(BUILD) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
