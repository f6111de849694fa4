package secret

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cartracker/internal/fault"
)

const (
	maxToken = 8 << 10 // bytes; longer ones are refused unread
	leeway   = time.Minute
)

// Errors that a caller may be told about.
var (
	ErrToken        = fault.New(fault.Unauthenticated, "unauthorized", "sign in first")
	ErrTokenExpired = fault.New(fault.Unauthenticated, "token_expired", "the access token has expired; refresh it or sign in again")
)

// Claims say who bears an access token.
type Claims struct {
	UserID    string
	Username  string
	Role      string
	SessionID string
	Expires   time.Time // set by Parse; a Signer accepts the token one minute longer
}

// A Signer makes and reads access tokens: JWTs signed with HMAC-SHA-256, and
// with nothing else, whatever a token says of itself.
type Signer struct {
	key              jwt.Keyfunc // a function, so that nothing prints the key
	parser           *jwt.Parser
	issuer, audience string
	ttl              time.Duration
	now              func() time.Time
}

// NewSigner returns a Signer whose tokens live for ttl, by the clock now.
func NewSigner(key []byte, issuer, audience string, ttl time.Duration, now func() time.Time) *Signer {
	return &Signer{
		key: func(*jwt.Token) (any, error) { return key, nil },
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithStrictDecoding(),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(leeway),
			jwt.WithIssuer(issuer),
			jwt.WithAudience(audience),
			jwt.WithTimeFunc(now),
		),
		issuer: issuer, audience: audience, ttl: ttl, now: now,
	}
}

// payload is what a token carries.
type payload struct {
	jwt.RegisteredClaims
	Username  string `json:"username"`
	Role      string `json:"role"`
	SessionID string `json:"sid"`
}

// Sign returns a token that says c and expires after the time that tokens live.
func (s *Signer) Sign(c Claims) (string, error) {
	now := s.now()
	key, err := s.key(nil)
	if err != nil {
		return "", err
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, payload{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   c.UserID,
			Issuer:    s.issuer,
			Audience:  jwt.ClaimStrings{s.audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.ttl)),
		},
		Username: c.Username, Role: c.Role, SessionID: c.SessionID,
	}).SignedString(key)
}

// Parse returns what token says. It fails with ErrTokenExpired for a token
// with which nothing else is wrong, and else with ErrToken.
func (s *Signer) Parse(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrToken
	}
	var p payload
	_, err := s.parser.ParseWithClaims(token, &p, s.key)
	switch {
	case err != nil && onlyExpired(err):
		return Claims{}, ErrTokenExpired
	case err != nil, p.Subject == "", p.Role == "", p.SessionID == "":
		return Claims{}, ErrToken
	}
	return Claims{
		UserID: p.Subject, Username: p.Username, Role: p.Role, SessionID: p.SessionID,
		Expires: p.ExpiresAt.Time,
	}, nil
}

// onlyExpired reports whether err, of a token that was rightly signed, is about
// its age and not about who made it for whom.
func onlyExpired(err error) bool {
	return errors.Is(err, jwt.ErrTokenExpired) &&
		!errors.Is(err, jwt.ErrTokenInvalidIssuer) &&
		!errors.Is(err, jwt.ErrTokenInvalidAudience)
}
