package deploy_test

import (
	"database/sql"
	"fmt"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/machinetest"
	"cartracker/internal/nginxtest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// A pair is a site whose instances can be stopped and started again, each at the
// address that nginx knows, and each with a folder of its own.
type pair struct {
	site
	homes   [2]*apptest.Site
	folders [2]string
}

// beginPair starts a pair with more settings, and an nginx with changes.
func beginPair(t *testing.T, settings []string, changes ...string) *pair {
	t.Helper()
	nginxtest.Program(t)
	p := newPair(t, testdb.EmptyPostgres(t).URL, settings...)
	p.place.AddUser(t, "amra", record.Admin)
	p.launch(t)
	p.boss = p.front(t, changes...).SignIn("amra")
	return p
}

// withRedis are the settings for a Redis that instances share.
func withRedis(t *testing.T) []string {
	t.Helper()
	return []string{"REDIS_URL=" + redistest.New(t, redistest.Options{}).URL()}
}

// newPair returns a pair that is not started.
func newPair(t *testing.T, postgres string, settings ...string) *pair {
	t.Helper()
	settings = append([]string{"TRUSTED_PROXIES=127.0.0.1", "DB_INSTANCES=2", "STOP_WINDOW=1500ms"}, settings...) // as behind a proxy
	p := &pair{site: site{place: apptest.NewSite(t, t.TempDir(), postgres, settings...)}}
	for i := range p.homes {
		p.folders[i] = t.TempDir()
		p.homes[i] = p.place.With("DATA_DIR="+p.folders[i], fmt.Sprintf("PORT=%d", machinetest.FreePort(t)))
	}
	return p
}

// launch starts both instances at the same moment.
func (p *pair) launch(t *testing.T) {
	t.Helper()
	var waitOne, waitTwo func()
	p.one, waitOne = p.homes[0].Launch(t)
	p.two, waitTwo = p.homes[1].Launch(t)
	waitOne()
	waitTwo()
}

// front starts nginx, and returns nobody in particular who comes by it.
func (p *pair) front(t *testing.T, changes ...string) *apptest.Client {
	t.Helper()
	p.nginx = nginxtest.Start(t, nginxtest.Deployed(t, addr(p.one), addr(p.two), changes...))
	return apptest.At(t, p.nginx.URL())
}

// at returns the instances, in turns.
func (p *pair) at(i int) *apptest.Process { return []*apptest.Process{p.one, p.two}[i%2] }

// back starts an instance that has ended, at the address that it had.
func (p *pair) back(t *testing.T, i int) {
	t.Helper()
	started := p.homes[i].Serve(t)
	if i%2 == 0 {
		p.one = started
	} else {
		p.two = started
	}
}

// numbers returns what a query finds in its one column.
func (p *pair) numbers(t *testing.T, query string, args ...any) (all []int64) {
	t.Helper()
	p.place.Look(t, func(raw *sql.DB) {
		rows, err := raw.Query(query, args...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var n int64
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return all
}
