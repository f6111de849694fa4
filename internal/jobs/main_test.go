package jobs_test

import (
	"os"
	"testing"

	"cartracker/internal/app/apptest"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }
