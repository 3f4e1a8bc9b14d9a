# Each target installs what it needs: .venv, and system libraries if that is allowed.
# For another Python: make PYTHON=/path/to/python3.11 test

# Each candidate is run: the stub of a version manager can exist without its Python.
PYTHON ?= $(or $(shell for python in python3.11 python3.12 python3; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done),python3)
BIN := .venv/bin
WINDOW_PACKAGES := libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 fonts-dejavu-core \
	libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
SCREEN_PACKAGES := xvfb xauth

.PHONY: help demo test lint napari bench docs screenshots dist try-wheel clean

help:
	@echo "make demo    train and pick on simulated micrographs, without a window"
	@echo "make test    run all tests; tests of the window use a virtual screen"
	@echo "make lint    run ruff, mypy, the check of import layers, and checks of spelling and style"
	@echo "make napari  open the window with simulated micrographs, ready to label"
	@echo "make bench   run the benchmarks of speed and memory, and print the limits that are not met"
	@echo "make docs    build the documentation into site/"
	@echo "make screenshots  make the pictures of the window for the documentation"
	@echo "make dist    build the archive and the wheel into dist/"
	@echo "make try-wheel  install the wheel into an empty environment and open its widget"
	@echo "make clean   remove the output of all other targets"

demo: .venv/ready
	$(BIN)/activepick demo --out demo

# Bytecode is kept, or each of the processes that the tests start would compile the package again.
test: .venv/ready
	@tools/system_packages.sh "testing the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	PYTHONDONTWRITEBYTECODE= tools/with_display.sh \
		$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

lint: .venv/ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell -D - -D tools/words.txt --ignore-words-list sav,ser,fom \
		--skip '*.ipynb,*.svg,*/fixtures/*,docs/commands.md,docs/images' \
		*.md docs src tests benchmarks examples Makefile tools/*.py tools/*.sh
	$(BIN)/proselint check $(filter-out docs/commands.md,$(wildcard *.md docs/*.md docs/*/*.md))

napari: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES)
	$(BIN)/python tools/open_sample.py $(NAPARI_ARGS)

bench: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	tools/with_display.sh $(BIN)/python benchmarks/run_all.py $(BENCH_ARGS)

docs: .venv/docs-ready
	$(BIN)/python -m typer activepick.cli utils docs --name activepick --output docs/commands.md
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

screenshots: .venv/ready
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	SCREEN=1940x1200 tools/with_display.sh $(BIN)/python tools/screenshots.py
	SCREEN=1940x1200 tools/with_display.sh $(BIN)/python tools/loop_animation.py

dist: .venv/release-ready
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

# The newest allowed dependencies are installed, or with RESOLUTION=lowest-direct the oldest ones.
try-wheel: dist
	@tools/system_packages.sh "the window" $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	PYTHON="$(PYTHON)" RESOLUTION="$(RESOLUTION)" tools/try_wheel.sh dist/*.whl build/widget.png $(PIP_ARGS)

clean:
	rm -rf .venv site demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/ready: pyproject.toml constraints.txt tools/environment.sh
	@tools/environment.sh "$(PYTHON)" all,dev
	@touch $@

.venv/docs-ready: .venv/ready
	@tools/environment.sh "$(PYTHON)" all,dev,docs
	@touch $@

.venv/release-ready: .venv/ready
	@tools/environment.sh "$(PYTHON)" all,dev,release
	@touch $@
