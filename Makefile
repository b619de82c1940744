# What a person types. `make` alone prints the list; a line starting with ## under a heading is its help.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

# Node 26 comes with node_modules, pinned by the lockfile: the machine's own may be older or missing.
NODE := node_modules/.bin/node
VITEST := $(NODE) node_modules/vitest/vitest.mjs run --reporter=default --reporter=./test/runner/tally-reporter.ts

# Each start of Node strips the types of every file again, unless it may keep the result.
export NODE_COMPILE_CACHE := $(CURDIR)/node_modules/.cache/node

# A command on a kernel that has dm-thin: this machine's, or User-Mode Linux. Its raw disks are sparse files:
# one with room for the 10 GiB volumes of csi-sanity, and a small one for what a test keeps apart.
VM := test/vm/vm run
DISKS := --disk 128G --disk 8G

# One test file or a part of its name: make unit T=units
T ?=

##@ The main job

.PHONY: demo
demo: install ## watch a real kernel provision, mount, snapshot, restore, clone and grow thin volumes
	@$(VM) $(DISKS) -- $(NODE) demo/demo.ts

.PHONY: shell
shell: install ## a shell on the test kernel beside a running driver, CSI_ENDPOINT set
	@$(VM) $(DISKS) -- $(NODE) test/vm/with-driver.ts

.PHONY: run
# The text reaches the shell over there as it was typed: make expands nothing in it.
run: export DMTHIN_CMD = $(value CMD)
run: install ## one command there, its output and exit code come back: make run CMD='…'
	@[ -n "$$DMTHIN_CMD" ] || { echo "usage: make run CMD='…'" >&2; exit 2; }
	@$(VM) $(DISKS) -- $(NODE) test/vm/with-driver.ts "$$DMTHIN_CMD"

##@ Tests

.PHONY: test
test: install ## all up to sanity, and a share of faults; ends with N passed, N failed, N skipped
	@$(NODE) test/run-all.ts

.PHONY: check check-types check-lint check-format check-generated
check: check-types check-lint check-format check-generated ## types, lint with the layers, format, generated files up to date

check-types: install
	@$(NODE) node_modules/typescript/bin/tsc

check-lint: install
	@$(NODE) node_modules/oxlint/bin/oxlint --type-aware --deny-warnings

check-format: install
	@$(NODE) node_modules/oxfmt/bin/oxfmt --list-different || { echo "not formatted as above: run make format" >&2; exit 1; }

check-generated: install
	@$(NODE) proto/generate.ts --check
	@$(NODE) charts/generate.ts --check

.PHONY: unit
unit: install ## tests that need nothing but Node (T=part-of-a-file-name)
	@$(VITEST) --project unit $(T)

.PHONY: kernel
kernel: install ## integration tests on a real dm-thin kernel (T=…)
	@$(VM) $(DISKS) -- $(VITEST) --project kernel $(T)

.PHONY: api
api: install ## what speaks to Kubernetes, with a real kube-apiserver and etcd, built and cached at first (T=…)
	@ETCD=$$(test/tools/etcd.sh); KUBE_APISERVER=$$(test/tools/kubernetes.sh kube-apiserver); CHART_CRDS=$$(test/tools/chart-crds.sh); \
	  export ETCD KUBE_APISERVER CHART_CRDS; \
	  $(VITEST) --project api $(T)

# Two halves for `make test`, which runs them side by side: a test kernel has one processor.
.PHONY: kernel-1 kernel-2
kernel-1 kernel-2: export DMTHIN_TALLY = $@
kernel-1 kernel-2: install
	@$(VM) $(DISKS) -- $(VITEST) --project kernel --shard $(@:kernel-%=%)/2

.PHONY: kernel-udev
kernel-udev: install ## those that care, with systemd-udevd and the rules of lvm2 running as on production hosts (T=…)
	@$(VM) --udev $(DISKS) -- $(VITEST) --project kernel-udev $(T)

.PHONY: sanity
sanity: install ## csi-sanity for filesystem and for block on the real kernel
	@CSI_SANITY=$$(test/tools/csi-sanity.sh); $(VM) $(DISKS) -- env CSI_SANITY="$$CSI_SANITY" $(NODE) test/sanity/run.ts

.PHONY: faults
faults: install ## the fault suite of the thirteen promises (CASE=name, SEED=7 or SEED=5-20)
	@$(NODE) test/faults/run.ts

.PHONY: faults-share
faults-share: install ## the part of it that every change has to pass
	@$(NODE) test/faults/run.ts --share

# KUBECONFIG of the environment is not asked: a cluster is tested only where somebody says so.
E2E_CLUSTER = $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig '$(KUBECONFIG)')

.PHONY: e2e
e2e: install ## a real cluster with sidecars and kubelets, and the suite on it (ONLY=part; KUBECONFIG=… for one that is there)
	@$(NODE) test/e2e/run.ts $(E2E_CLUSTER) -- $(if $(ONLY),--only '$(ONLY)')

.PHONY: e2e-share
e2e-share: install ## the part of it that every change has to pass
	@$(NODE) test/e2e/run.ts -- --smoke

.PHONY: cluster
cluster: install ## a real Kubernetes of two nodes for a person, until Ctrl-C: test/e2e/bed/README.md
	@$(NODE) test/e2e/bed/up.ts $(if $(IMAGE),--image '$(IMAGE)')

# The text of ROW reaches the program as it was typed.
.PHONY: bench
bench: export DMTHIN_ROW = $(value ROW)
bench: install ## the benchmark table: LVM2 and the bare floor beside dmthin (ROW=part-of-an-id)
	@$(NODE) bench/run.ts "$$DMTHIN_ROW"

.PHONY: chart
chart: install ## the chart by helm: lint, refusals, and whether what is rendered is up to date (T=…)
	@HELM=$$(test/tools/helm.sh); export HELM; $(VITEST) --project chart $(T)

.PHONY: check-rules
check-rules: install ## alert rules, dashboard and metrics, by promtool: their grammar, and when each alert comes
	@PROMTOOL=$$(test/tools/promtool.sh); $(NODE) test/monitoring/check.ts "$$PROMTOOL"

##@ Release

.PHONY: image
image: install ## the container image as an OCI archive in dist, with no container engine: docs/guides/build-the-image.md
	@deploy/image/build.sh dist

.PHONY: image-check
image-check: image ## what that image can do on the test kernel, its root read-only and nothing of the machine in it
	@$(NODE) test/image/unpack.ts dist/dmthin-$$($(NODE) -p 'require("./package.json").version').tar dist/root
	@$(VM) $(DISKS) -- env DMTHIN_IMAGE_ROOT="$(CURDIR)/dist/root" $(VITEST) --project image

# Of arm64 nothing was tested.
ARCH ?= amd64
.PHONY: image-context
image-context: install ## what deploy/Dockerfile is built from, in dist/context, for other builders (ARCH='amd64 arm64')
	@$(NODE) deploy/image/context.ts dist/context $(foreach each,$(ARCH),$(each)=$$(deploy/image/node.sh $(each)))

##@ Work

.PHONY: format
format: install ## format everything in place
	@$(NODE) node_modules/oxfmt/bin/oxfmt

.PHONY: generate
generate: install ## write src/generated from proto/*.proto, and what is rendered from the chart
	@$(NODE) proto/generate.ts
	@HELM=$$(test/tools/helm.sh); $(NODE) charts/generate.ts --helm "$$HELM"

.PHONY: tools
tools: install ## bring the test kernel, csi-sanity and promtool (the targets that need them do so too)
	@test/vm/vm setup
	@test/tools/csi-sanity.sh >/dev/null
	@test/tools/promtool.sh >/dev/null

.PHONY: cluster-tools
cluster-tools: install ## build Kubernetes, sidecars and helm, some 20 minutes where none of them is cached (the targets that need them do so too)
	@$(NODE) test/e2e/bring.ts

.PHONY: install
install: node_modules/.package-lock.json ## bring Node 26 and the packages of the lockfile

node_modules/.package-lock.json: package-lock.json
	@test/tools/npm-ci.sh
	@touch $@

.PHONY: clean
clean: ## delete what demo, tests and benchmarks wrote
	@rm -rf demo/out bench/out test/out coverage dist

.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z0-9-]*:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
