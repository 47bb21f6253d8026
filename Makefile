# The two commands a newcomer needs: `make repro` and `make test`.
SHELL := /bin/bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# torch's CPU build: from a directory of wheels where PIP_FIND_LINKS names one, else its own index.
UV := $(shell command -v uv || echo .uv/bin/uv)
TORCH := $(if $(PIP_FIND_LINKS),--find-links "$(PIP_FIND_LINKS)",--torch-backend cpu)
EXTRAS := --extra crowd --extra endpoint --extra hub --extra train --extra dev --extra bench
COMPILE = $(UV) pip compile -q --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" pyproject.toml $(EXTRAS)

.PHONY: repro test long check setup browser lock docs seeds
.DELETE_ON_ERROR:

repro: setup  ## prompts to policy: run every stage whose inputs changed
	dvc repro

test: setup  ## every test but the long ones, in a quarter of an hour
	python -m pytest -m "not long"

long: setup  ## the tests that take minutes each
	python -m pytest -m long

check: setup  ## style and types
	ruff check .
	ruff format --check .
	rm -rf .lib && mkdir -p .lib/rather
	ln -s $(CURDIR)/pipeline/* $(CURDIR)/stages $(CURDIR)/schemas $(CURDIR)/trainer .lib/rather
	mypy

docs: setup  ## docs/parameters.md and docs/formats.md from the code
	python -m rather.params.reference_pages

seeds: setup  ## the demo's gold accuracy over seeds 0, 1, 2
	python tests/bench/seeds.py

setup: .venv/.installed  ## the locked environment, and this project in it

.venv/.installed: requirements-cpu.txt pyproject.toml | $(UV)
	test -x .venv/bin/python || $(UV) venv -q --python 3.11 .venv
	$(UV) pip sync -q --compile-bytecode --python .venv/bin/python $(TORCH) requirements-cpu.txt
	$(UV) pip install -q --python .venv/bin/python --no-deps -e .
	touch $@

AXE := 4.14.1

browser:  ## for the tests of the audit page: Debian's Chromium (as root), and axe-core from npm
	command -v chromium > /dev/null || \
		(apt-get update -q && apt-get install -qy --no-install-recommends chromium)
	grep -qs '"version": "$(AXE)"' .browser/node_modules/axe-core/package.json || \
		npm install --prefix .browser --no-save --ignore-scripts --silent axe-core@$(AXE)

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install -q uv

# vLLM's CPU build runs without these three, and a CUDA torchvision beside a CPU torch breaks it.
OVERRIDES := torchvision torchaudio torchcodec

lock: | $(UV)  ## compile both locks anew from pyproject.toml
	printf "%s ; sys_platform == 'never'\n" $(OVERRIDES) > .overrides
	$(COMPILE) --extra cpu --override .overrides $(TORCH) -o requirements-cpu.txt
	$(COMPILE) --extra cuda --python-platform x86_64-manylinux_2_28 -o requirements-cuda.txt
	rm .overrides
