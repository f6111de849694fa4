package app_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// company is the folder with the files of a whole company.
var company, _ = filepath.Abs("../../testdata/company/")

// ran runs a command that has to succeed.
func ran(t *testing.T, s *apptest.Site, args ...string) string {
	t.Helper()
	out, err := s.Run(t, "", args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// wants checks that each text is in what a command printed.
func wants(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in:\n%.2000s", text, out)
		}
	}
}

var importID = regexp.MustCompile(`--undo ([0-9a-f-]{36})`)

func idIn(t *testing.T, out string) string {
	t.Helper()
	m := importID.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no import id in:\n%.2000s", out)
	}
	return m[1]
}

// A whole company comes in from its files, and goes out again.
func TestImportCompany(t *testing.T) {
	t.Parallel()
	apptest.EachSiteUnlessRaced(t, func(t *testing.T, s *apptest.Site) {
		wants(t, ran(t, s, "import", "cars", company+"/fleet.csv", "--dry-run"), "665 would be added", "nothing was changed")
		cars := ran(t, s, "import", "cars", company+"/fleet.csv")
		wants(t, cars, "665 added, 0 changed, 0 unchanged, 0 refused")
		people := ran(t, s, "import", "customers", company+"/customers.csv")
		wants(t, people, "348 added, 0 changed, 0 unchanged, 0 refused")
		contracts := ran(t, s, "import", "contracts", company+"/contracts.csv")
		wants(t, contracts, "2,125 added, 0 changed, 0 unchanged, 0 refused")
		checkCompany(t, s)

		wants(t, ran(t, s, "import", "contracts", company+"/contracts.csv"), "0 added, 0 changed, 2,125 unchanged, 0 refused", "nothing was changed")
		checkExport(t, s, "cars", "csv", "665")
		checkExport(t, s, "customers", "csv", "348")
		checkExport(t, s, "contracts", "xlsx", "2,125")
		checkCompany(t, s)
		checkUndo(t, s, idIn(t, cars), idIn(t, people), idIn(t, contracts))
	})
}

func checkCompany(t *testing.T, s *apptest.Site) {
	t.Helper()
	s.Look(t, func(raw *sql.DB) {
		for table, n := range map[string]int{
			"cars": 665, "customers": 348, "contracts": 2125, "holds": 2125, "imports": 3, "import_rows": 665 + 348 + 2125,
			"audit_logs WHERE action = 'CREATE'": 665 + 348 + 2125, "audit_logs WHERE action = 'UPLOAD'": 3,
			"audit_logs WHERE action = 'UPLOAD' AND username LIKE 'cli:%'": 3,
			"changes WHERE kind = 'created' AND topic = 'cars'":            665, "changes WHERE kind = 'created' AND topic = 'contracts'": 2125,
		} {
			if got := rows(t, raw, table); got != n {
				t.Errorf("%s: %d rows, want %d", table, got, n)
			}
		}
		apptest.CheckLedger(t, raw, apptest.Day(time.Now(), 0))
		apptest.CheckDatabase(t, raw)
		first := apptest.Day(time.Now(), 0)[:4]
		if plate := text(t, raw, "SELECT ca.license_plate FROM contracts c JOIN cars ca ON ca.id = c.car_id WHERE c.number = 'CTR-"+first+"-00002'"); !strings.Contains(plate, "E78-K-490") {
			t.Errorf("the second contract of the file is of the car %s", plate)
		}
	})
}

// checkExport checks that importing what was exported changes nothing.
func checkExport(t *testing.T, s *apptest.Site, kind, format, n string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), kind+"."+format)
	if err := os.WriteFile(path, []byte(ran(t, s, "export", kind, "--format", format)), 0o600); err != nil {
		t.Fatal(err)
	}
	wants(t, ran(t, s, "import", kind, path), "0 added, 0 changed, "+n+" unchanged, 0 refused", "nothing was changed")
}

// checkUndo takes the imports back: cars that contracts need stay until those are gone.
func checkUndo(t *testing.T, s *apptest.Site, cars, people, contracts string) {
	t.Helper()
	out := ran(t, s, "import", "--undo", cars)
	wants(t, out, "left ", "a contract has this car", " cars taken back, ")
	needed := strings.Count(out, "left ")
	if needed < 300 {
		t.Errorf("%d cars were left", needed)
	}
	wants(t, ran(t, s, "import", "--undo", contracts), "2,125 contracts taken back, 0 left")
	wants(t, ran(t, s, "import", "--undo", people), "348 customers taken back, 0 left")
	wants(t, ran(t, s, "import", "--undo", cars), fmt.Sprintf("%d cars taken back, 0 left", needed))
	s.Look(t, func(raw *sql.DB) {
		for _, table := range []string{"cars WHERE deleted_at IS NULL", "customers WHERE deleted_at IS NULL", "contracts WHERE deleted_at IS NULL", "holds"} {
			if n := rows(t, raw, table); n != 0 {
				t.Errorf("%s: %d rows are left", table, n)
			}
		}
		apptest.CheckDatabase(t, raw)
	})
}

// What a small office sends: of 60 rows 7 are wrong, and each says why.
func TestImportOffice(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		file := company + "/fleet-office-export.csv"
		out, err := s.Run(t, "", "import", "cars", file, "--all-or-nothing")
		if err == nil {
			t.Error("exit 0 though rows were refused")
		}
		wants(t, out, "53 would be added", "7 refused", "nothing was changed, because rows were refused")
		out, _ = s.Run(t, "", "import", "cars", file)
		wants(t, out, "Windows-1250, separated by semicolons", "53 added, 0 changed, 0 unchanged, 7 refused",
			`line 7, Godina "2O19": is not a whole number`,
			`line 11, Cijena po danu "-20,00": must not be negative`,
			`line 15, Registracija "": is required`,
			`line 19, Registracija "J95-J-058": stands in this file twice; the first row counts`,
			`line 23, Gorivo "kerozin": must be one of petrol, diesel, hybrid, electric, lpg`,
			`line 31, Model "xxxxxxxx`, `must have 1 to 100 characters`,
			`line 39, Godina "1897": must be from 1900 to `)
		if n := strings.Count(out, "line "); n != 7 {
			t.Errorf("%d problems, want 7:\n%s", n, out)
		}
		s.Look(t, func(raw *sql.DB) {
			got := text(t, raw, "SELECT mileage FROM cars WHERE license_plate = 'E16-J-246'") + text(t, raw, "SELECT price_per_day FROM cars WHERE license_plate = 'O26-T-876'") +
				text(t, raw, "SELECT manufacturer FROM cars WHERE license_plate = 'K29-K-701'")
			if !strings.Contains(got, "120500") || !strings.Contains(got, "125000") || !strings.Contains(got, "Citroën") {
				t.Errorf("read %s", got)
			}
		})
		id := idIn(t, out)
		out, _ = s.Run(t, "", "import", "cars", file)
		wants(t, out, "0 added, 0 changed, 53 unchanged, 7 refused", "nothing was changed")

		changed := filepath.Join(t.TempDir(), "prices.csv")
		if err := os.WriteFile(changed, []byte("Registracija;Cijena;Čudno\nt67e511;1.234,50;x\nJ44-E-025;130,00;\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out = ran(t, s, "import", "cars", changed)
		wants(t, out, "0 added, 1 changed, 1 unchanged, 0 refused", "columns that mean nothing here: Čudno")
		left := ran(t, s, "import", "--undo", id)
		wants(t, left, "left t67-e-511: was changed since", "52 cars taken back, 1 left")
		wants(t, ran(t, s, "import", "--undo", idIn(t, out)), "1 cars taken back, 0 left")
		s.Look(t, func(raw *sql.DB) {
			if got := text(t, raw, "SELECT price_per_day FROM cars WHERE deleted_at IS NULL"); !strings.Contains(got, "5000") {
				t.Errorf("the price is %s, want what it was before", got)
			}
		})
	})
}

// Files that cannot be read change nothing, and say why.
func TestImportBadFiles(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		for name, c := range map[string]struct{ kind, content, want string }{
			"empty":     {"cars", "", "the file is empty"},
			"headings":  {"cars", "a,b\n1,2\n", "the file has no column for licensePlate"},
			"twice":     {"cars", "plate,Registracija\nA,B\n", "mean the same: licensePlate"},
			"mixed":     {"customers", "name,passportNumber\nŠemsa,B1\n\x8aemsa,B2\n", "line 3"},
			"truncated": {"cars", "PK\x03\x04abc", "not all there, or damaged"},
			"old excel": {"cars", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 512), ".xls"},
		} {
			path := filepath.Join(t.TempDir(), name+".csv")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := s.Run(t, "", "import", c.kind, path)
			if err == nil {
				t.Errorf("%s: exit 0\n%s", name, out)
			}
			wants(t, out, c.want)
		}
		if out, err := s.Run(t, "", "import", "cars"); err == nil {
			t.Errorf("without a file: exit 0\n%s", out)
		}
		if out, err := s.Run(t, "", "import", "--undo", "01a2058b-2335-7748-8db6-c93b7236d40c"); err == nil || !strings.Contains(out, "no such import") {
			t.Errorf("undo of nothing: %v\n%s", err, out)
		}
		s.Look(t, func(raw *sql.DB) {
			if n := rows(t, raw, "cars") + rows(t, raw, "customers") + rows(t, raw, "audit_logs") + rows(t, raw, "imports"); n != 0 {
				t.Errorf("%d rows were kept", n)
			}
		})
	})
}

// The same over HTTP.
func TestImportOverHTTP(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		office, err := os.ReadFile(company + "/fleet-office-export.csv")
		if err != nil {
			t.Fatal(err)
		}
		file := string(office)
		send := func(path string, body string) apptest.Response {
			return c.Admin.Do("POST", path, body, "Content-Type: text/csv")
		}
		if res := send("/api/import/cars?dryRun=true", file); res.Status != http.StatusOK || res.Text("data.added") != "53" || res.Text("data.applied") != "false" || res.At("data.importId") != nil {
			t.Fatalf("dry run: %.500s", res)
		}
		if res := send("/api/import/cars?allOrNothing=true", file); res.Text("data.applied") != "false" || res.Text("data.refused") != "7" {
			t.Errorf("all or nothing: %.500s", res)
		}
		res := send("/api/import/cars?name=office.csv", file)
		if res.Status != http.StatusOK || res.Text("data.added") != "53" || res.Len("data.problems") != 7 || res.Text("data.problems.0.column") != "Godina" || res.Text("data.problems.0.value") != "2O19" {
			t.Fatalf("import: %.800s", res)
		}
		if got := c.Admin.Do("GET", "/api/cars?limit=1", nil); got.Text("pagination.total") != "53" {
			t.Errorf("cars: %.300s", got)
		}
		if r := send("/api/import/cars?dryRun=", file); r.Status != http.StatusBadRequest {
			t.Errorf("an empty dryRun: %.300s", r)
		}
		for what, r := range map[string]apptest.Response{
			"403": c.Employee.Do("POST", "/api/import/cars", file, "Content-Type: text/csv"),
			"400": send("/api/import/users", file),
			"422": send("/api/import/cars", "a,b\n"),
			"413": send("/api/import/cars", strings.Repeat("x", 20<<20+1)),
			"415": c.Admin.Do("POST", "/api/import/cars", file, "Content-Type: application/json"),
		} {
			if fmt.Sprint(r.Status) != what || r.Text("code") == "" {
				t.Errorf("want %s: %.300s", what, r)
			}
		}
		undo := c.Admin.Do("DELETE", "/api/imports/"+res.Text("data.importId"), nil)
		if undo.Status != http.StatusOK || undo.Text("data.takenBack") != "53" || undo.Len("data.left") != 0 {
			t.Errorf("undo: %.500s", undo)
		}
		checkAuditExport(t, c)
	})
}

// checkAuditExport checks that the audit log can be taken out whole, and that
// the log says so.
func checkAuditExport(t *testing.T, c *apptest.Company) {
	t.Helper()
	csv := c.Admin.Do("GET", "/api/audit-logs/export?action=UPLOAD", nil)
	if csv.Status != http.StatusOK || !strings.HasPrefix(string(csv.Body), "id,createdAt,username,") || strings.Count(string(csv.Body), "\n") != 2 || !strings.Contains(string(csv.Body), "office.csv") {
		t.Errorf("as CSV: %.500s", csv)
	}
	asJSON := c.Admin.Do("GET", "/api/audit-logs/export?format=json&resource=car&action=DELETE", nil)
	if asJSON.Status != http.StatusOK || !strings.HasPrefix(string(asJSON.Body), `[{"id":`) || strings.Count(string(asJSON.Body), `"id":`) < 53 {
		t.Errorf("as JSON: %.500s", asJSON)
	}
	if none := c.Admin.Do("GET", "/api/audit-logs/export?format=json&resource=nothing", nil); string(none.Body) != "[]\n" {
		t.Errorf("nothing: %.300s", none)
	}
	if log := c.Admin.Do("GET", "/api/audit-logs?action=EXPORT", nil); log.Len("data") != 3 {
		t.Errorf("the log has not 3 exports: %.500s", log)
	}
	if res := c.Employee.Do("GET", "/api/audit-logs/export", nil); res.Status != http.StatusForbidden {
		t.Errorf("an employee: %.300s", res)
	}
	if res := c.Admin.Do("GET", "/api/audit-logs/export?format=xml", nil); res.Status != http.StatusBadRequest {
		t.Errorf("format=xml: %.300s", res)
	}
}

// A clerk imports small files one after the other: what each says.
type clerkFile struct{ kind, rows, want string }

const headings = "licensePlate,manufacturer,model,year,fuelType,transmission,category,pricePerDay"

func TestImportRows(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		n := 0
		file := func(rows string) string {
			n++
			path := filepath.Join(t.TempDir(), fmt.Sprint(n, ".csv"))
			if err := os.WriteFile(path, []byte(rows), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		const contracts = "plate,passport,start,end,status\n"
		rebooked := contracts + "X1-X,P2,2026-01-01,2026-01-05,otkazana\nX1X,P1,2026-01-01,2026-01-05,\n"
		for _, f := range []clerkFile{
			{"cars", headings + "\nX1-X,Fiat,500,2020,dizel,ručni,suv,50\nX2-X,Fiat,500,2020,diesel,manual,suv,60\n", "2 added"},
			{"cars", headings[:len(headings)-len(",pricePerDay")] + "\nX3-X,Fiat,500,2020,diesel,manual,suv\n", `line 2, pricePerDay "": is required`},
			{"cars", headings + "\nX3-X,Fiat,500,2020,diesel,manual,suv,55,50\n", `line 2, column 9 "50": is behind the last column`},
			{"cars", headings + "\nX3-X,#REF!,500,2020,diesel,manual,suv,55\n", "is an error of the spreadsheet"},
			{"customers", "Ime,Prezime,Pasoš,Vozačka,Država\nAna,Anić,P1,L1,BiH\nIvo,Ivić,P2,L2,BiH\n", "2 added"},
			{"customers", "Ime,Prezime,Pasoš,Vozačka,Država\nAna,Anić,p1,L1,BiH\n", "1 unchanged"},
			{"customers", "name,passport,driver license,country\nEma,P3,L1,BiH\n", `driver license "L1": another customer has this`},
			{"contracts", rebooked, "1 added, 0 changed, 0 unchanged, 1 refused"},
			{"contracts", rebooked, "0 added, 0 changed, 1 unchanged, 1 refused"},
			{"contracts", contracts + "X2-X,P1,2026-01-01,2026-01-05,možda\n", `status "možda": must be one of upcoming, active, ended, cancelled`},
			{"contracts", contracts + "X1-X,P2,2026-01-04,2026-01-06,\n", `start "2026-01-04": the car is taken from 2026-01-01 to 2026-01-05 by a contract`},
			{"contracts", contracts + "X1-X,P2,2026-01-05,2026-01-06,\nX9,P9,x,2026-01-06,\n", `line 3, passport "P9": there is no customer`},
		} {
			out, _ := s.Run(t, "", "import", f.kind, file(f.rows))
			if !strings.Contains(out, f.want) {
				t.Errorf("%q is not in what importing\n%s says:\n%s", f.want, f.rows, out)
			}
		}
		checkUndoChain(t, s, file)
		checkDeleted(t, s, file)
		s.Look(t, func(raw *sql.DB) { apptest.CheckLedger(t, raw, apptest.Day(time.Now(), 0)) })
	})
}

// checkUndoChain takes back what one import did to the cars of another, and then that one.
func checkUndoChain(t *testing.T, s *apptest.Site, file func(string) string) {
	t.Helper()
	first := ran(t, s, "import", "cars", file(headings+"\nY1-X,Fiat,500,2020,dizel,ručni,suv,50\n"))
	second := ran(t, s, "import", "cars", file("plate,cijena\ny1x,99\n"))
	wants(t, ran(t, s, "import", "--undo", idIn(t, first)), "left Y1-X: was changed since")
	wants(t, ran(t, s, "import", "--undo", idIn(t, second)), "1 cars taken back, 0 left")
	wants(t, ran(t, s, "import", "--undo", idIn(t, first)), "1 cars taken back, 0 left")
	wants(t, ran(t, s, "import", "--undo", idIn(t, first)), "nothing is left of this import")
}

// checkDeleted checks that an export of contracts changes nothing also when a
// car of theirs is gone and another one has its license plate.
func checkDeleted(t *testing.T, s *apptest.Site, file func(string) string) {
	t.Helper()
	out := ran(t, s, "export", "contracts")
	s.Look(t, func(raw *sql.DB) {
		if _, err := raw.Exec("UPDATE cars SET deleted_at = updated_at WHERE license_plate = 'X1-X'"); err != nil {
			t.Fatal(err)
		}
	})
	wants(t, ran(t, s, "import", "cars", file(headings+"\nX1-X,Fiat,500,2021,dizel,ručni,suv,70\n")), "1 added")
	wants(t, ran(t, s, "import", "contracts", file(out)), "0 added, 0 changed, 2 unchanged, 0 refused")
}

// Killed in the middle, an import has done nothing; started again, all of it.
func TestFaultImportKilled(t *testing.T) {
	needFaults(t)
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		path := filepath.Join(t.TempDir(), "many.csv")
		many, all := 60_000, "60,000 added"
		if strings.HasSuffix(t.Name(), "SQLite") { // which takes in 20,000 a second, and it is told after three how far it is
			many, all = 200_000, "200,000 added"
		}
		var b strings.Builder
		b.WriteString("name,passportNumber,driverLicenseNumber,countryOfOrigin\n")
		for i := range many {
			fmt.Fprintf(&b, "Ana %d,P%d,L%d,Bosnia\n", i, i, i)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if !s.KillAt(t, " KB, ", "", "import", "customers", path) {
			t.Fatal("the import ended before it told how far it is: it needs more rows")
		}
		s.Look(t, func(raw *sql.DB) {
			for _, table := range []string{"customers", "imports", "import_rows", "audit_logs", "changes"} {
				if n := rows(t, raw, table); n != 0 {
					t.Errorf("%d rows of %s were kept", n, table)
				}
			}
			apptest.CheckDatabase(t, raw)
		})
		wants(t, ran(t, s, "import", "customers", path), all)
		s.Look(t, func(raw *sql.DB) {
			if n := rows(t, raw, "customers"); n != many {
				t.Errorf("%d customers, want %d", n, many)
			}
		})
		leftOver(t, s)
	})
}

// leftOver checks that nothing of an import is left in the folder of the data.
func leftOver(t *testing.T, s *apptest.Site) {
	t.Helper()
	for _, pattern := range []string{"import-*", "sheet-*"} {
		if left, _ := filepath.Glob(filepath.Join(s.Dir, pattern)); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	}
}
