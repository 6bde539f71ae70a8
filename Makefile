# Everything a person or a CI does with this repository. `make` alone lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PY := .venv/bin/python
BIN := .venv/bin
export MAKE_GOAL := $(firstword $(MAKECMDGOALS))

# Builds trust what this machine trusts (a company proxy's authority, say).
export MANYWAYS_BUILD_CA ?= $(SSL_CERT_FILE)

PYTHON_SOURCES := orchestrator webui images compose tests
# Programs without a suffix are found by their first line.
python_scripts = $(shell grep -rlIE '^\#!.*python' --exclude='*.py' images compose tests/vm)
shell_scripts = $(shell grep -rlIE '^\#!.*[/ ](ba|da)?sh( |$$)' --exclude='*.py' images compose tests .ci)

.PHONY: help setup demo demo-down test test-arm64 test-vm soak images screenshots lint typecheck pytest lock clean install-cli

help:  ## this list
	@echo "Manyways: every device in the house picks its own way out."
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

setup:  ## make this machine ready: Docker, its daemon, the base image
	@compose/setup

demo: setup  ## the router at work in a simulated home, on this machine
	@compose/home/demo up

demo-down:  ## remove everything the demo made
	@compose/home/demo down

test: setup-tests images lint pytest  ## everything: checks, unit, golden, netns, container and page tests

test-vm: images  ## the second tier: a virtual machine with Debian's kernel and simulated Wi-Fi radios
	@compose/setup --tests-vm
	MANYWAYS_STRICT=1 $(PY) -m pytest tests/vm $(PYTEST_ARGS)

EVENTS := 3000
soak: setup-tests images  ## search for leaks for hours: make soak EVENTS=3000 SEED=1
	$(PY) -m tests.leaks.soak --events $(EVENTS) $(if $(SEED),--seed $(SEED))

test-arm64: setup  ## build every image for 64-bit ARM, start its programs, run the unit tests there
	@tests/arm64/run

.PHONY: setup-tests
setup-tests:
	@compose/setup --tests

images: setup  ## build the images of the router and of the simulated home
	docker compose build --quiet
	docker build --quiet --tag manyways/home:dev --file images/home/Dockerfile images

screenshots:  ## pictures of every view of the page, into docs/pictures
	$(PY) -m tests.web.screenshots

lint: typecheck  ## style, types, import directions, shell scripts
	$(BIN)/ruff check $(PYTHON_SOURCES) $(python_scripts)
	$(BIN)/lint-imports --no-logo
	shellcheck $(shell_scripts)

typecheck:
	$(BIN)/mypy
	@for script in $(python_scripts); do $(BIN)/mypy --no-error-summary "$$script" || exit 1; done

# Missing tools fail instead of skipping: after `setup --tests` there is no excuse.
pytest:  ## the tests alone, with what is installed and built already
	MANYWAYS_STRICT=1 $(PY) -m pytest $(PYTEST_ARGS)

# No index address, no path: a lock file says what, and the reader's pip says from where.
compile = cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock:  ## pin the newest allowed versions of the libraries in requirements/*.txt
	$(compile) --upgrade orchestrator.in -o orchestrator.txt
	$(compile) --upgrade webui.in -c orchestrator.txt -o webui.txt
	$(compile) --upgrade dev.in -c orchestrator.txt -c webui.txt -o dev.txt
	! grep -nE '://|file:|^-' requirements/*.txt

clean:  ## remove caches, the Python tools and the images (not: a router's settings)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build
	-docker image rm $$(docker image ls -q --filter label=io.manyways.owner=manyways) manyways/home:dev

install-cli:  ## let this machine say `orchestrator status`
	ln -sf "$(CURDIR)/compose/orchestrator" /usr/local/bin/orchestrator
