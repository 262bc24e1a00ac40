# `make help` lists what there is.
FOR ?=
SAMPLE ?= manifests/samples/nginx.yaml
E2E = .venv/bin/python -m pytest -vv -o console_output_style=times

.DEFAULT_GOAL := help
.PHONY: help setup demo images cluster-up cluster-down test test-unit test-java test-integration test-smoke test-e2e lint format lock bench chaos
.PHONY: crd docs conditions-docs verify-conditions dashboards verify-dashboards metrics-docs verify-metrics chart-docs manifests notebooks verify-crd verify-docs verify-chart verify-manifests clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install everything into .venv (Python 3.11 to 3.13, Java 17+, Maven needed)
	@scripts/setup.sh

demo: setup ## Run the sample pipeline until Ctrl-C (FOR=120s: that long, then a summary)
	@.venv/bin/logpipeline up -f $(SAMPLE) $(if $(FOR),--for $(FOR))

bench: setup ## The goals beside Flink SQL, plain Spark and Quix Streams: bench/results.md (hours; BENCH="--records 1000000 --repeat 1")
	@bench/goals/setup.sh
	PYTHONPATH=tests/integration .venv/bin/python bench/goals $(BENCH)

chaos: setup ## Every part killed, frozen and fed with nonsense under load, all results compared: docs/reliability.md (hours; CHAOS=--short: minutes)
	PYTHONPATH=tests/integration .venv/bin/python tests/chaos $(or $(CHAOS),--faults 64 --document docs/reliability.md)

images: ## Build the container images with Docker or buildah (BASE_IMAGE=..., IMAGE_REPOSITORY=...)
	@scripts/images.sh

cluster-up: ## A Kubernetes cluster for tests, with the images: of KUBECONFIG, else of kind, else a node of its own (root)
	@tests/cluster/up.sh

cluster-down: ## Remove that cluster, in whatever state it is
	@tests/cluster/down.sh

test: setup test-java test-unit test-integration ## All tests that need no root, and the short form of chaos
	PYTHONPATH=tests/integration .venv/bin/python tests/chaos --short

test-unit: setup ## The tests that need no server
	.venv/bin/python -m pytest tests/unit -n logical

test-java: setup ## The tests of the sink connector
	mvn -q -B -f services/kafka-connect/pom.xml test

test-integration: setup ## The tests against real Kafka, Spark, Connect and Elasticsearch
	spark-apps/install.sh .venv/share/logpipeline/hdfs tests/integration/hdfs
	PYTHON=.venv/bin/python tests/integration/s3/install.sh .venv/share/logpipeline/s3
	.venv/bin/python -m pytest tests/integration -n logical --dist loadfile

# All but that of reports, which takes a minute to build and no pipeline of these has.
test-smoke: export IMAGES = kafka kafka-connect elasticsearch log-generator alert-bridge console spark operator
test-smoke: setup cluster-up ## What CI runs of test-e2e: the chart, the CRD and the life of one pipeline
	$(E2E) tests/e2e/test_chart.py tests/e2e/test_crd.py tests/e2e/test_smoke.py

test-e2e: setup cluster-up ## The tests on a real cluster (root, or a KUBECONFIG); installs what they need
	$(E2E) tests/e2e

lint: setup verify-chart verify-conditions verify-crd verify-dashboards verify-docs verify-metrics ## Style, types and the layers of the imports
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

crd: setup ## Write manifests/crd/logpipelines.yaml from the models
	.venv/bin/python scripts/api_docs.py crd

verify-crd: setup ## Fail when it is stale
	.venv/bin/python scripts/api_docs.py crd --check

docs: setup ## Write docs/reference.md from the models
	.venv/bin/python scripts/api_docs.py docs

verify-docs: setup ## Fail when it is stale
	.venv/bin/python scripts/api_docs.py docs --check

conditions-docs: setup ## Write docs/conditions.md from the operator's table of reasons
	.venv/bin/python scripts/conditions_docs.py

verify-conditions: setup ## Fail when it is stale
	.venv/bin/python scripts/conditions_docs.py --check

dashboards: setup ## Write Grafana's dashboards into the chart from scripts/dashboards.yaml
	.venv/bin/python scripts/dashboards.py

verify-dashboards: setup ## Fail when they are stale
	.venv/bin/python scripts/dashboards.py --check

metrics-docs: setup ## Write docs/metrics.md from the metrics that the components register
	.venv/bin/python scripts/metrics_docs.py

verify-metrics: setup ## Fail when it is stale
	.venv/bin/python scripts/metrics_docs.py --check

chart-docs: setup ## Write the chart's table of values and the descriptions in its schema from values.yaml
	.venv/bin/python scripts/chart_docs.py

verify-chart: setup ## Fail when they are stale, or when values.yaml and the schema have different keys
	.venv/bin/python scripts/chart_docs.py --check

manifests: setup ## Write manifests/operator from the chart (helm needed; HELM names it)
	.venv/bin/python scripts/manifests.py

verify-manifests: setup ## Fail when manifests/operator is stale (helm needed)
	.venv/bin/python scripts/manifests.py --check

format: setup ## Format the Python code
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

notebooks: setup ## Run the notebooks of docs/notebooks and store what they print
	.venv/bin/python scripts/notebooks.py

lock: setup ## Pin the newest versions that pyproject.toml allows, in requirements.lock
	.venv/bin/pip-compile --quiet --upgrade --extra dev --strip-extras --no-emit-index-url --no-emit-trusted-host \
	  --no-emit-find-links --no-annotate --no-header --unsafe-package logpipeline --unsafe-package pip \
	  --unsafe-package setuptools -o requirements.txt pyproject.toml
	grep -Ev '^(#|logpipeline|pip==|setuptools|$$)' requirements.txt > requirements.lock
	rm requirements.txt

clean: ## Remove what setup and tests made in the checkout
	rm -rf .venv .logpipeline services/*/target .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
