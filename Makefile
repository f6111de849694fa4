# make alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run cluster observe build test test-faults bench bench-load bench-mail bench-realtime bench-cluster bench-observe bench-pictures profile fuzz lint fmt generate picture clean

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build and start the program on embedded defaults
	@APP_ENV=$${APP_ENV:-development} exec bin/cartracker serve

cluster: build ## run two instances behind nginx with PostgreSQL and Redis, to try out; Ctrl-C stops all
	@scripts/cluster.sh

observe: build ## the same with a Prometheus that watches them, by the alarms that are deployed
	@scripts/cluster.sh --observe

build: ## build bin/cartracker, stripped and without C
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/cartracker ./cmd/cartracker

test: ## run every test on both databases; installs what it needs if it may
	@scripts/test.sh

test-faults: ## kill, cut off and restart what the program stands on, and run the longest tests whole; needs root for some
	@scripts/need.sh
	@command -v xfs_io >/dev/null || [ "$$(id -u)" != 0 ] || apt-get install -y -qq --no-install-recommends xfsprogs >/dev/null 2>&1 || true
	@PG_FSYNC=on TEST_FAULTS=1 TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_NODE=1 TEST_REQUIRE_REDIS=1 TEST_REQUIRE_SMTP=1 TEST_REQUIRE_NGINX=1 scripts/with-postgres.sh go test -count=1 -timeout 25m -v -run '^Test(Fault.*|OneOf200RentsTheCar|WholeCompany|ImportCompany)$$' -skip '^TestFaultMail' $$(go list ./... | grep -v /deploy$$)
	@TEST_FAULTS=1 TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_NODE=1 TEST_REQUIRE_REDIS=1 TEST_REQUIRE_SMTP=1 TEST_REQUIRE_NGINX=1 TEST_REQUIRE_PROMETHEUS=1 scripts/with-postgres.sh go test -count=1 -timeout 15m -v -run '^Test(Fault.*|OneOf200RentsTheCar|Shared|StartTogether|UpgradeTogether)$$' ./deploy # alone: they ask as much as two cores can do
	@PG_FSYNC=on TEST_FAULTS=1 TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_NODE=1 TEST_REQUIRE_SMTP=1 scripts/with-postgres.sh go test -count=1 -timeout 10m -parallel 12 -v -run '^TestFaultMail' ./internal/app # they wait most of the time

bench: build ## measure and print; never fails
	@-scripts/need.sh && scripts/with-postgres.sh go test -count=1 -timeout 30m -run '^$$' -bench . -skip '^Benchmark(Load|Growth|Places|Overload|Connections|Mail|Realtime|RealtimeDelay|Instances|Observe)$$' ./bench/...

bench-load: build ## measure the program under load and overload, beside a bare server; LOAD_SPAN (1m) for the long run
	@scripts/need.sh && TEST_REQUIRE_REDIS=1 scripts/with-postgres.sh go test -count=1 -timeout 60m -run '^$$' -bench '^Benchmark(Load|Places|Overload|Connections)$$' -benchtime 1x ./bench/

bench-mail: build ## measure mails into an SMTP server of its own; MAIL_PART=20 for a twentieth of them
	@scripts/need.sh && TEST_REQUIRE_REDIS=1 TEST_REQUIRE_SMTP=1 scripts/with-postgres.sh go test -count=1 -timeout 30m -run '^$$' -bench '^BenchmarkMail$$' -benchtime 1x ./bench/

bench-realtime: build ## measure Socket.IO beside Node's server, and the way from a commit to a client; REALTIME_PART=10 for a tenth of the clients
	@scripts/need.sh && TEST_REQUIRE_REDIS=1 TEST_REQUIRE_NODE=1 scripts/with-postgres.sh go test -count=1 -timeout 30m -run '^$$' -bench '^BenchmarkRealtime(Delay)?$$' -benchtime 1x ./bench/

bench-cluster: build ## measure two instances behind nginx beside one, and what nginx costs
	@scripts/need.sh && TEST_REQUIRE_REDIS=1 TEST_REQUIRE_NGINX=1 scripts/with-postgres.sh go test -count=1 -timeout 15m -run '^$$' -bench '^BenchmarkInstances$$' -benchtime 1x ./bench/

bench-observe: build ## measure what it costs to be watched, and whether memory grows with what is asked
	@scripts/need.sh && scripts/with-postgres.sh go test -count=1 -timeout 30m -run '^$$' -bench '^BenchmarkObserve$$' -benchtime 1x ./bench/

bench-pictures: build ## measure how times grow with the data and the load, and draw bench/*.svg
	@scripts/need.sh && BENCH_PICTURES=1 scripts/with-postgres.sh go test -count=1 -timeout 60m -run '^$$' -bench '^Benchmark(Growth|Load)$$/^(SQLite|PostgreSQL|without_Redis)$$/^(contracts=.*|by_load)$$' -benchtime 1x ./bench/

profile: ## show where the time of a page and of a new contract goes, by function; AT=127.0.0.1:9464 for what an instance does now
	@scripts/profile.sh $(AT)

fuzz: ## look for inputs that break a decoder, FUZZTIME (1m) for each
	@scripts/fuzz.sh

lint: ## say what can be said about the code without running it
	@scripts/lint.sh

fmt: ## format the code
	@go run mvdan.cc/gofumpt@v0.12.0 -w .

generate: ## write what is generated: the OpenAPI document, the permissions, the table of settings
	@go test -count=1 $$(grep -rlE 'flag\.Bool\("update"' --include='*_test.go' . | xargs -n1 dirname | sort -u) -update

picture: ## take the picture of the status page that the README shows
	@scripts/need.sh && TEST_PICTURE=1 TEST_REQUIRE_POSTGRES=1 TEST_REQUIRE_REDIS=1 scripts/with-postgres.sh go test -count=1 -timeout 10m -run '^TestStatusInBrowser$$' ./internal/app

clean: ## remove what was built
	@rm -rf bin
