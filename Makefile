# Verbs that save typing; each is a line that can be typed as well. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
STACK ?= dev
# The one that sets up, 3.11 or newer, and is in the environment.
PYTHON ?= python3
PREPARED := . ./activate &&
# Virtual machines need the computer to themselves: emulated ones leave nothing for others.
STORY := tests/lifecycle/test_virtual_machines.py
# These measure how long something takes. Beside them is room for what has no cluster and gives way to whoever has one.
MEASURED := tests/lifecycle/test_traffic.py tests/lifecycle/test_status.py
GIVING_WAY := tests/unit tests/graph tests/conformance \
  tests/lifecycle/test_first_boot.py tests/lifecycle/test_kafka_accepts.py tests/lifecycle/test_kafka_dynamic.py
# The others spend a third of their time waiting, so two of them fit side by side.
BESIDE := tests/lifecycle/breakage \
  $(filter-out $(STORY) $(MEASURED) $(GIVING_WAY),$(sort $(wildcard tests/lifecycle/test_*.py)))

.PHONY: measured $(BESIDE) $(GIVING_WAY)
.PHONY: help setup up preview verify status machines drift destroy lint check test test-setup test-vms soak bench bench-vm lock clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## set everything up: packages, Python, the Pulumi programs, the Kafka archive, the guest image
	$(PYTHON) toolchain/setup.py --stack $(STACK)
	@$(PREPARED) python -m toolchain.torn_state $(STACK) && pulumi stack select --create $(STACK)

up: setup ## set up, bring the stack to a healthy cluster and print its bootstrap servers (STACK=dev)
	$(PREPARED) python -m toolchain.stack up --stack $(STACK)

preview: setup ## tell what `make up` would do
	$(PREPARED) python -m toolchain.stack preview --stack $(STACK)

verify: ## check the running cluster, live, with testinfra and real clients
	$(PREPARED) PULUMI_STACK=$(STACK) pytest tests/live --require-live

status: ## show the health of the cluster and of each node: eight numbers, the quorum, a line for every machine
	@$(PREPARED) kafka-cluster status --stack $(STACK)

machines: setup ## replace machines with pending changes, one at a time (memory, vcpu, rootDisk, domainType)
	$(PREPARED) python -m toolchain.stack machines --stack $(STACK)

drift: ## say what differs on the machines from what the last `up` left
	$(PREPARED) kafka-cluster drift --stack $(STACK)

destroy: setup ## take the stack away, and the embedded lab with it
	$(PREPARED) python -m toolchain.stack destroy --stack $(STACK)

lint:
	$(PYTHON) toolchain/setup.py python
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/mypy

check: lint ## lint, types, unit and graph tests: under a minute, no cluster
	.venv/bin/python -m pytest -q --numprocesses=auto tests/unit tests/graph

test-setup:
	$(PYTHON) toolchain/setup.py packages test_packages secret python programs archive other_archives metrics image shared_classes

test: test-setup lint ## set up and pass every test, the real virtual machines included
	@echo "Two at a time, each told when it ends: $(BESIDE)"
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(BESIDE)
	@echo "Side by side: $(MEASURED); $(GIVING_WAY)"
	@$(MAKE) --no-print-directory --jobs=2 --keep-going measured $(GIVING_WAY)
	$(PREPARED) python -m pytest $(STORY) --lifecycle --require-live --durations=20

# Each has machines, namespaces and a state of its own.
measured $(BESIDE) $(GIVING_WAY): TESTS = $@
measured: TESTS = $(MEASURED)
$(GIVING_WAY): GIVES_WAY := nice -n 19
measured $(BESIDE) $(GIVING_WAY):
	@$(PREPARED) exec env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(GIVES_WAY) \
	  python -m tests.support.apart $@ python -m pytest $(TESTS) --lifecycle -q --durations=5

test-vms: test-setup ## the whole run on virtual machines, however long emulated ones take
	$(PREPARED) python -m pytest $(STORY) --lifecycle --require-live --whole-story -v

soak: test-setup ## try operations and faults at random for an hour, and many overrides on real brokers (SOAK_MINUTES=60)
	$(PREPARED) python -m tests.soak
	$(PREPARED) KAFKA_CLUSTER_SOAK=300 python -m pytest tests/lifecycle/test_kafka_accepts.py --lifecycle

bench: ## measure beside what a user would pick instead; ROWS="first_up_vs_hand …" for some rows only
bench-vm: ## the same for virtual machines: a first `up` beside bare guests that are set up by hand
bench-vm: ROWS = vm_up_vs_boot
bench bench-vm: test-setup
	.venv/bin/pip install --quiet $$(.venv/bin/python -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"])')
	$(PREPARED) python -m bench $(ROWS)

lock: ## pin what pyproject.toml asks for anew in requirements.lock
	.venv/bin/pip install --quiet uv
	.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --extra dev --python-version 3.11 \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean: ## remove what can be made again from the checkout; state and caches lie elsewhere and stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
