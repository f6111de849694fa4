package sheet

import (
	"errors"
	"strings"
)

var errTruth = errors.New("is neither yes nor no")

// Truth reads yes or no, da or ne, true or false, 1 or 0.
func Truth(s string) (bool, error) {
	switch strings.ToLower(tidy(s)) {
	case "true", "yes", "da", "1":
		return true, nil
	case "false", "no", "ne", "0":
		return false, nil
	}
	return false, errTruth
}
