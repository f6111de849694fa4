package deploy_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

// Two instances, each with a folder of its own, and a worker that start in the
// same second on an empty database: each step of the schema is taken once, all of
// them work, and both instances tell the same set-up code, which makes one admin.
func TestStartTogether(t *testing.T) {
	t.Parallel()
	times := 4
	if apptest.Raced() {
		times = 1
	}
	for range times {
		p := newPair(t, testdb.EmptyPostgres(t).URL)
		worker := p.launchWithWorker(t)
		p.migratedOnce(t)
		p.setUp(t)
		p.boss = p.front(t).SignIn("amra")
		p.bothServe(t)
		p.end(t, worker)
	}
}

// The same on a database that the version before has made: the one step that is
// new is taken once, and nothing is lost.
func TestUpgradeTogether(t *testing.T) {
	t.Parallel()
	p := beginPair(t, nil)
	car := p.boss.Make("/api/cars", apptest.Car("A12-K-345"))
	p.end(t)
	p.place.Look(t, func(raw *sql.DB) { // undoes the last step
		for _, statement := range []string{"DROP TABLE notifications", "DELETE FROM goose_db_version WHERE version_id = 9"} {
			if _, err := raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	})
	if newest := p.numbers(t, "SELECT MAX(version_id) FROM goose_db_version")[0]; newest != 8 {
		t.Fatalf("the newest step was %d: let this test undo that one", newest+1)
	}
	worker := p.launchWithWorker(t)
	p.migratedOnce(t)
	for i := range 2 {
		if res := p.at(i).As(p.boss).Do("GET", "/api/cars/"+car, nil); res.Status != http.StatusOK {
			t.Errorf("instance %d: %s", i, res)
		}
	}
	p.bothServe(t)
	p.end(t, worker)
}

// launchWithWorker starts both instances and a worker at the same moment.
func (p *pair) launchWithWorker(t *testing.T) *apptest.Process {
	t.Helper()
	var waitOne, waitTwo func()
	p.one, waitOne = p.homes[0].Launch(t)
	p.two, waitTwo = p.homes[1].Launch(t)
	worker := p.place.With("BASE_URL=http://127.0.0.1:5000").Work(t)
	waitOne()
	waitTwo()
	return worker
}

func (p *pair) migratedOnce(t *testing.T) {
	t.Helper()
	if twice := p.numbers(t, "SELECT version_id FROM goose_db_version GROUP BY version_id HAVING COUNT(*) > 1"); len(twice) > 0 {
		t.Errorf("steps that were taken twice: %v", twice)
	}
	for i := range 2 {
		if res := p.at(i).Nobody.Do("GET", "/health/ready", nil); res.Status != http.StatusOK {
			t.Errorf("instance %d: %s", i, res)
		}
	}
}

// setUp makes the first admin with the code that both instances tell.
func (p *pair) setUp(t *testing.T) {
	t.Helper()
	var codes [2]string
	for i, folder := range p.folders {
		path := filepath.Join(folder, "setup-code")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if codes[i] = strings.TrimSpace(string(text)); !strings.Contains(p.at(i).Output(), path) || strings.Contains(p.at(i).Output(), codes[i]) {
			t.Errorf("instance %d does not tell where its code is, or tells it:\n%s", i, p.at(i).Output())
		}
	}
	if codes[0] != codes[1] {
		t.Errorf("the codes are %s and %s", codes[0], codes[1])
	}
	answers := make([]int, 8)
	apptest.Together(len(answers), func(i int) {
		in := apptest.JSON{"code": codes[i%2], "username": "amra", "email": "amra@example.com", "password": apptest.Password}
		answers[i] = p.at(i).Nobody.Insist("POST", "/api/auth/setup", in).Status
	})
	made := 0
	for _, status := range answers {
		switch status {
		case http.StatusCreated:
			made++
		case http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict:
		default:
			t.Errorf("the code was answered %d", status)
		}
	}
	if n := p.numbers(t, "SELECT COUNT(*) FROM users")[0]; made != 1 || n != 1 {
		t.Errorf("%d admins were made, and %d are there: %v", made, n, answers)
	}
}

// bothServe says that what one instance writes the other one knows.
func (p *pair) bothServe(t *testing.T) {
	t.Helper()
	for i := range 2 {
		plate := []string{"S00-K-345", "S01-K-345"}[i]
		id := p.at(i).As(p.boss).Make("/api/cars", apptest.Car(plate))
		if res := p.at(i+1).As(p.boss).Do("GET", "/api/cars/"+id, nil); res.Status != http.StatusOK {
			t.Errorf("instance %d does not know %s: %s", 1-i, plate, res)
		}
	}
}

// end ends both instances and others.
func (p *pair) end(t *testing.T, others ...*apptest.Process) {
	t.Helper()
	var waits []func() int
	for _, process := range append(others, p.one, p.two) {
		waits = append(waits, process.Terminate(t))
	}
	for _, wait := range waits {
		if code := wait(); code != 0 {
			t.Errorf("a program ended with %d", code)
		}
	}
}
