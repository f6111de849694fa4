#!/usr/bin/env bash
# cluster.sh [--observe] [PROGRAM]: runs PROGRAM (bin/cartracker) twice behind nginx,
# beside a PostgreSQL and a Redis of their own, on 127.0.0.1, until Ctrl-C or SIGTERM;
# with --observe a Prometheus watches both, by the rules that are deployed. It prints
# where everything is. All data is in a temporary folder and gone afterwards.
# An instance that ends is started again, as systemd would. If anything else ends,
# or does not start, it shows the end of its log, stops the rest, and exits with 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts='postgres redis nginx' # without which nothing goes on
prometheus=''
if [ "${1:-}" = --observe ]; then
	shift
	prometheus=$(scripts/prometheus.sh)/prometheus
	parts+=' prometheus'
fi
program=$(realpath "${1:-bin/cartracker}")
nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo 'There is no nginx: run scripts/need.sh' >&2; exit 1; }
command -v redis-server >/dev/null || { echo 'There is no redis-server: run scripts/need.sh' >&2; exit 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/cartracker-cluster.XXXXXX")
folder=$(cd "$folder" && pwd -P)
declare -A pid port
taken=' '

say() { echo "$@" || true; } # the terminal may be gone

alive() { kill -0 "${pid[$1]:-none}" 2>/dev/null; }

# launch starts a part in a process group of its own, since Ctrl-C is for this script.
launch() { # part command...
	local part=$1
	shift
	set -m
	"$@" >>"$folder/$part.log" 2>&1 </dev/null &
	set +m
	pid[$part]=$!
}

# stop ends parts together, frozen ones too, and waits for them. The program itself
# gives up after 35 s.
stop() { # parts...
	local part tries=200
	for part in "$@"; do
		kill -TERM "${pid[$part]:-none}" 2>/dev/null || continue
		kill -CONT "${pid[$part]}" 2>/dev/null || true
	done
	for part in "$@"; do
		while alive "$part" && [ "$tries" -gt 0 ]; do
			sleep 0.2
			tries=$((tries - 1))
		done
		! alive "$part" || say "$part does not end and is killed" >&2
		kill -KILL -- "-${pid[$part]:-none}" 2>/dev/null || true # with what it left behind
	done
}

# shellcheck disable=SC2317 # called by a trap
finish() {
	local status=$?
	trap '' INT TERM HUP # it is ending already
	trap - EXIT
	stop nginx prometheus
	stop one two
	stop redis
	stop postgres
	rm -rf "$folder"
	exit "$status"
}
trap finish EXIT
trap 'say; say "stopping"; exit 0' INT TERM HUP
trap : PIPE

# fail tells which part ended, and shows the end of its log.
fail() { # part what
	say "$1 $2. The end of its log:" >&2
	tail -n 20 "$folder/$1.log" >&2 || true
	exit 1
}

# await waits until a command succeeds while a part runs.
await() { # part command...
	local part=$1 tries=600
	shift
	until "$@" >/dev/null 2>&1; do
		alive "$part" || fail "$part" 'did not start'
		[ "$tries" -gt 0 ] || fail "$part" 'is not ready after two minutes'
		tries=$((tries - 1))
		sleep 0.2
	done
}

# free sets the port of a part to one that nobody listens at, below those that the
# system gives to clients and those that tests take for servers of their own, which
# may run beside this.
free() { # part
	local number
	while :; do
		number=$((10000 + (RANDOM * 32768 + RANDOM) % 10000))
		[[ $taken != *" $number "* ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$number") 2>/dev/null && break
	done
	taken+="$number "
	port[$1]=$number
}

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# PostgreSQL ends with this part, and this part with PostgreSQL, whose log it shows.
# shellcheck disable=SC2016 # its own variables
launch postgres scripts/with-postgres.sh bash -c '
	server=$(head -n 1 "$TEST_POSTGRES_DATA/postmaster.pid")
	echo "$TEST_POSTGRES_URL $server" >"$1.new" && mv "$1.new" "$1" && exec tail -n +1 -f "$TEST_POSTGRES_LOG" --pid="$server"
' postgres "$folder/postgres.url"
await postgres [ -s "$folder/postgres.url" ]

for part in one two one-metrics two-metrics nginx redis prometheus; do free "$part"; done
redis_password=$(random 16)
printf '%s\n' "bind 127.0.0.1" "port ${port[redis]}" "requirepass $redis_password" 'save ""' "dir $folder" >"$folder/redis.conf"
launch redis redis-server "$folder/redis.conf"
await redis grep -q 'Ready to accept' "$folder/redis.log"

export DATABASE_URL REDIS_URL=redis://:$redis_password@127.0.0.1:${port[redis]}/0 ACCESS_TOKEN_SECRET
read -r DATABASE_URL postgres <"$folder/postgres.url"
ACCESS_TOKEN_SECRET=$(random 32)
export BASE_URL=http://127.0.0.1:${port[nginx]} TRUSTED_PROXIES=127.0.0.1 HOST=127.0.0.1 DB_INSTANCES=2 DB_POOL_MIN=5 APP_ENV=${APP_ENV:-development}

instance() { # part
	DATA_DIR=$folder/$1 PORT=${port[$1]} METRICS_ADDR=127.0.0.1:${port[$1-metrics]} launch "$1" "$program" serve
}

healthy() { DATA_DIR=$folder/$1 PORT=${port[$1]} "$program" healthcheck; }

for part in one two; do instance "$part"; done # at the same time: one makes the schema
for part in one two; do await "$part" healthy "$part"; done
password=$(random 12)
echo "$password" | DATA_DIR=$folder/one "$program" user add --role admin --username admin --email admin@example.com >/dev/null

# nginx as root lets root work, since the folder is for nobody else.
user=''
[ "$(id -u)" != 0 ] || user='user root;'
sed -e "s/127\.0\.0\.1:5001/127.0.0.1:${port[one]}/; s/127\.0\.0\.1:5002/127.0.0.1:${port[two]}/" \
	-e "s/listen 80; # plain/listen 127.0.0.1:${port[nginx]};/; s|/var/log/nginx|$folder|" deploy/nginx/cartracker.conf >"$folder/site.conf"
cat >"$folder/nginx.conf" <<END
$user
daemon off;
pid $folder/nginx.pid;
error_log stderr notice;
events {}
http {
	client_body_temp_path $folder/body;
	proxy_temp_path $folder/proxy;
	fastcgi_temp_path $folder/fastcgi;
	uwsgi_temp_path $folder/uwsgi;
	scgi_temp_path $folder/scgi;
	include $folder/site.conf;
}
END
launch nginx "$nginx" -p "$folder" -e stderr -c "$folder/nginx.conf"
await nginx grep -q 'start worker process ' "$folder/nginx.log"

# Prometheus as it is deployed, but that it looks more often.
observe=''
if [ -n "$prometheus" ]; then
	cp deploy/prometheus/rules.yaml "$folder/"
	sed -e 's/: 15s/: 5s/' -e "s/127\.0\.0\.1:15001/127.0.0.1:${port[one-metrics]}/; s/127\.0\.0\.1:15002/127.0.0.1:${port[two-metrics]}/" \
		deploy/prometheus/prometheus.yml >"$folder/prometheus.yml"
	pages='' assets=()
	if [[ $("$prometheus" --help 2>&1) == *--web.local-assets=* ]]; then # Debian's has older pages, beside the program
		pages=/classic assets=(--web.local-assets="${prometheus%/bin/*}/share/prometheus/web")
	fi
	launch prometheus "$prometheus" "${assets[@]}" --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/prometheus" --web.listen-address="127.0.0.1:${port[prometheus]}"
	await prometheus grep -q 'Server is ready' "$folder/prometheus.log"
	at=http://127.0.0.1:${port[prometheus]}
	observe="
To see what it does:

  status page   $BASE_URL/status, for the admin
  Prometheus    $at, process ${pid[prometheus]}, $folder/prometheus.log
  alarms        $at$pages/alerts; what they mean is in docs/operations.md under Alarms
  targets       $at$pages/targets
  dashboard     deploy/grafana/cartracker.json, for a Grafana that has $at as a data source
"
fi

say "Car Tracker runs twice behind nginx, until Ctrl-C.

  address       $BASE_URL/sign-in, and $BASE_URL/docs
  user          admin
  password      $password
  one           http://127.0.0.1:${port[one]}, process ${pid[one]}, $folder/one.log
  two           http://127.0.0.1:${port[two]}, process ${pid[two]}, $folder/two.log
  metrics       http://127.0.0.1:${port[one-metrics]}/metrics and http://127.0.0.1:${port[two-metrics]}/metrics
  nginx         process ${pid[nginx]}, $folder/access.log
  PostgreSQL    $DATABASE_URL, process $postgres, $folder/postgres.log
  Redis         $REDIS_URL, process ${pid[redis]}, $folder/redis.log
$observe
To try, in another terminal:

  while sleep 0.1; do curl -sS -o /dev/null -w '%{http_code}\\n' $BASE_URL/health; done | uniq -c   # nothing but 200 while you
  kill -TERM ${pid[one]}   # end one as a new version would; it comes back after three seconds
  tail -f $folder/access.log   # see which instance answered
"

# An instance that ended comes back late enough to see how it goes without it.
while :; do
	sleep 0.2
	for part in $parts; do alive "$part" || fail "$part" 'ended'; done
	for part in one two; do
		! alive "$part" || continue
		status=0
		wait "${pid[$part]}" 2>/dev/null || status=$?
		say "$part ended with $status; it is started again in three seconds"
		sleep 3 &
		wait $! # a signal ends this wait
		instance "$part"
		await "$part" healthy "$part"
		say "$part is back: process ${pid[$part]}"
	done
done
