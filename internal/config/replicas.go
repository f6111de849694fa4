package config

import (
	"strings"
	"time"
	"unicode"
)

func (k *checker) replicas() {
	k.Replicas = Replicas{MaxLag: k.lasting("DB_REPLICA_MAX_LAG", k.ReplicaMaxLag, 10*time.Minute, "10m")}
	for _, text := range separated(k.ReplicaURLs.Reveal()) {
		d, err := ParsePostgres(text)
		k.check(err == nil, "DATABASE_REPLICA_URLS", "must be postgres://USER:PASSWORD@HOST:PORT/DATABASE for each replica, separated by commas or blanks, with special characters in the password as %XX")
		k.Replicas.URLs = append(k.Replicas.URLs, d.URL)
	}
	k.check(len(k.Replicas.URLs) == 0 || k.Database.Driver != SQLite, "DATABASE_REPLICA_URLS", "means something only together with a DATABASE_URL of PostgreSQL")
}

// separated splits at commas and blanks.
func separated(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}
