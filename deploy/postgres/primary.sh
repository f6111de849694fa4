#!/bin/bash
# primary.sh: run once by the image of PostgreSQL, when its data is made. Makes the
# program's user, who is no superuser, its database, and who may replicate.
set -euo pipefail

# Passwords reach psql as variables of its input: arguments would show in ps.
{
	printf "\\\\set program '%s'\n" "$(cat /run/secrets/database-password)"
	printf "\\\\set repeater '%s'\n" "$(cat /run/secrets/repeater-password)"
	cat <<-'SQL'
		CREATE ROLE cartracker LOGIN PASSWORD :'program';
		CREATE ROLE repeater LOGIN REPLICATION PASSWORD :'repeater';
		CREATE DATABASE cartracker OWNER cartracker TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
	SQL
} | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres

echo 'host replication repeater samenet scram-sha-256' >>"$PGDATA/pg_hba.conf"
