package app_test

import (
	"database/sql"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// A disk is a file system of a test's own, which can be cut off.
type disk struct{ folder, device string }

// newDisk makes an ext4 in a file. Where that is not possible the test is skipped.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	for _, program := range []string{"losetup", "mkfs.ext4", "mount", "umount", "xfs_io"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s: apt-get install mount e2fsprogs xfsprogs", program)
		}
	}
	dir := t.TempDir()
	image, folder := filepath.Join(dir, "disk"), filepath.Join(dir, "mounted")
	run(t, "truncate", "-s", "256M", image)
	run(t, "mkfs.ext4", "-q", "-F", image)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	device, err := exec.Command("losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		t.Skipf("there is no loop device here: %s", device)
	}
	d := &disk{folder, strings.TrimSpace(string(device))}
	t.Cleanup(func() {
		_ = exec.Command("umount", "--lazy", d.folder).Run() // it may not be mounted
		run(t, "losetup", "--detach", d.device)
	})
	if out, err := exec.Command("mount", d.device, d.folder).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %s", out)
	}
	return d
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", program, err, out)
	}
}

// cut makes the file system forget, at once, all that nobody waited for.
func (d *disk) cut(t *testing.T) {
	t.Helper()
	run(t, "xfs_io", "-x", "-c", "shutdown", d.folder)
}

// repair mounts it again, which replays its journal. Nobody may use it.
func (d *disk) repair(t *testing.T) {
	t.Helper()
	run(t, "umount", d.folder)
	run(t, "mount", d.device, d.folder)
}

// flushes returns how often somebody waited for what was written to be on the disk.
func (d *disk) flushes(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(d.device), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	const column = 15
	fields := strings.Fields(string(text))
	if len(fields) <= column {
		t.Fatalf("this kernel does not count flushes: %s", text)
	}
	n, err := strconv.Atoi(fields[column])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The disk of an SQLite database is cut off while it is written to.
func TestFaultDiskCutOff(t *testing.T) {
	needFaults(t)
	const cycles = 10
	d := newDisk(t)
	s := apptest.NewSite(t, d.folder, "")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	k := apptest.NewClerks(boss)
	waited := 0
	for range cycles {
		acknowledged, before := 20+rand.IntN(60), d.flushes(t)
		k.Write(t, boss, clerks, acknowledged, func() {
			// As synchronous=FULL has it, each commit waits for the disk. Those
			// of all clerks may be one.
			if n := d.flushes(t) - before; n < acknowledged/clerks {
				t.Errorf("%d writes of %d clerks were acknowledged, and the disk was waited for %d times", acknowledged, clerks, n)
			} else {
				waited += n
			}
			p.Stop(t) // as power fails: nobody is told anything while the disk goes
			d.cut(t)
			p.Kill()
		})
		d.repair(t)
		p = s.Serve(t)
		boss = p.As(boss)
		checkStored(t, s, k, boss)
		s.Look(t, func(raw *sql.DB) { wal(t, raw) })
	}
	t.Logf("%d records survived %d cuts; the disk was waited for %d times", k.Acknowledged(), cycles, waited)
	p.Kill()
}

// wal checks that the file is in the mode in which a commit waits for one flush.
func wal(t *testing.T, raw *sql.DB) {
	t.Helper()
	var mode string
	if err := raw.QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode is %q: %v", mode, err)
	}
}
