#!/bin/bash
# replica.sh: runs PostgreSQL as a replica of the server "primary", whose data it
# copies if it has none.
set -euo pipefail

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	# A copy that was broken off has everything but the last file.
	rm -rf "${PGDATA:?}"/* && chmod 0700 "$PGDATA"
	PGPASSWORD=$(cat /run/secrets/repeater-password) pg_basebackup --host "${PRIMARY_HOST:-primary}" --port "${PRIMARY_PORT:-5432}" \
		--username repeater --pgdata "$PGDATA" --wal-method stream --checkpoint fast --write-recovery-conf
fi
exec postgres "$@"
