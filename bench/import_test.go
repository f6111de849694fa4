package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkImport measures the import of customers from a CSV file, and the
// most memory that the program takes for it: ten times the rows are to take
// no more.
func BenchmarkImport(b *testing.B) {
	for _, e := range engines {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/customers=%d", e.name, n), func(b *testing.B) {
				file := people(b, n)
				var took time.Duration
				var cpu time.Duration
				var memory int64
				runs := 0
				for b.Loop() {
					cmd := ofProgram(b, e.empty(b).URL, "import", "customers", file)
					began := time.Now()
					if out, err := cmd.CombinedOutput(); err != nil {
						b.Fatalf("%v\n%s", err, out)
					}
					took += time.Since(began)
					cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
					memory = max(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
					runs++
				}
				b.ReportMetric(float64(n*runs)/took.Seconds(), "rows/s")
				b.ReportMetric(cpu.Seconds()/float64(runs), "cpu-s")
				b.ReportMetric(float64(memory)/1024, "RSS-MiB")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// ofProgram returns a command of the program that works on a database.
func ofProgram(b *testing.B, database string, args ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "DATA_DIR="+b.TempDir(), "DATABASE_URL="+database, "ACCESS_TOKEN_SECRET="+strings.Repeat("s", 32))
	return cmd
}

// people writes a file with n customers.
func people(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "customers.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "name,email,phoneNumber,address,driverLicenseNumber,passportNumber,countryOfOrigin,cityOfResidence,fatherName")
	for i := range n {
		fmt.Fprintf(w, "Ana Jurić %d,kupac%d@example.com,+387 66 %06d,\"Ulica %d, Mostar\",DL%07d,A%08d,Bosnia and Herzegovina,Zenica,Lejla\n", i, i, i, i%300, i, i*7919%10_000_019)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}
