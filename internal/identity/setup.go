package identity

import (
	"context"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// SetupLife is how long a set-up code can be used.
const SetupLife = 24 * time.Hour

// A SetupStore keeps the digest of the one set-up code.
type SetupStore interface {
	Put(ctx context.Context, digest string, until date.Moment) error
	// Until returns when the code can no longer be used, and none if there is no
	// code. Inside a transaction it makes others who ask wait for its end.
	Until(ctx context.Context) (date.Moment, error)
	// Live reports whether this code can be used at the moment now.
	Live(ctx context.Context, digest string, now date.Moment) (bool, error)
	// Take uses the code up, and reports whether it could be used.
	Take(ctx context.Context, digest string, now date.Moment) (bool, error)
}

// SetupNeeded reports whether there is no admin yet.
func (s *Service) SetupNeeded(ctx context.Context) (bool, error) {
	exists, err := s.Users.AdminExists(record.Fresh(ctx))
	return !exists, err
}

// AgreeOnSetup returns the code with which the first admin can be made: the one
// that is expected already, or else a new one, for as long as SetupLife. codeOf
// returns the code that can be used until a moment. Instances whose codeOf is the
// same return the same code.
func (s *Service) AgreeOnSetup(ctx context.Context, codeOf func(until date.Moment) string) (code string, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		until, err := s.Setup.Until(ctx)
		if err != nil {
			return err
		}
		code = codeOf(until)
		if live, err := s.SetupExpected(ctx, code); err != nil || live {
			return err
		}
		until = s.Now().Add(SetupLife)
		code = codeOf(until)
		return s.Setup.Put(ctx, s.codeDigest(code), until)
	})
	return code, err
}

// SetupExpected reports whether code can still be used.
func (s *Service) SetupExpected(ctx context.Context, code string) (bool, error) {
	return s.Setup.Live(record.Fresh(ctx), s.codeDigest(code), s.Now())
}

// SetUp makes the first admin, for whoever has the code. Where there is an
// admin it is ErrNoSetup; the code can be used once.
func (s *Service) SetUp(ctx context.Context, code string, fill func(*Registration) error) (u User, err error) {
	needed, err := s.SetupNeeded(ctx)
	if err != nil {
		return User{}, err
	}
	if !needed {
		return User{}, ErrNoSetup
	}
	d, err := s.registration(record.Admin, fill)
	if err != nil {
		return User{}, err
	}
	// The code is looked at before, so that a stranger cannot make us hash.
	if live, err := s.SetupExpected(ctx, code); err != nil || !live {
		return User{}, orErr(err, ErrSetupCode)
	}
	hash, err := s.Hasher.Hash(ctx, d.Password.Reveal())
	if err != nil {
		return User{}, err
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		taken, err := s.Setup.Take(ctx, s.codeDigest(code), s.Now())
		if err != nil || !taken {
			return orErr(err, ErrSetupCode)
		}
		if needed, err := s.SetupNeeded(ctx); err != nil || !needed { // somebody used the command line meanwhile
			return orErr(err, ErrNoSetup)
		}
		u, err = s.register(ctx, d.Account, hash, untold)
		return err
	})
	if err == nil && s.SetupDone != nil {
		s.SetupDone()
	}
	return u, err
}

func (s *Service) codeDigest(code string) string { return s.Refresh.Digest(s.NormalizeCode(code)) }

func orErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
