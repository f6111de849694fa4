package secret

import (
	"errors"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// maxBcrypt bounds the cost of a hash that is verified, about a second; each
// step doubles it.
const maxBcrypt = 14

// isBcrypt reports whether hash came with an import from a system that used bcrypt.
func isBcrypt(hash string) bool {
	return strings.HasPrefix(hash, "$2a$") || strings.HasPrefix(hash, "$2b$") || strings.HasPrefix(hash, "$2y$")
}

// matchBcrypt compares the first 72 bytes of password, as bcrypt always does.
func matchBcrypt(hash, password string) (bool, error) {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxBcrypt || len(hash) != 60 {
		return false, errHash
	}
	err = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	switch {
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return false, nil
	case err != nil:
		return false, errHash
	}
	return true, nil
}
