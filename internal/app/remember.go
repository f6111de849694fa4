package app

import (
	"context"
	"crypto/sha256"
	"time"

	"cartracker/internal/cache"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/secret"
)

const (
	tokenLife   = 15 * time.Minute // for which a token need not be verified again
	sessionLife = 5 * time.Minute
	rememberer  = 300 // bytes that a token or a session takes, about

	tokenShelf, sessionShelf = "token", "session"
)

// accessTokens is the identity.AccessSigner. Verifying a token costs as much as
// answering from the cache, so one that was verified is known by its SHA-256.
type accessTokens struct {
	signer *secret.Signer
	known  *cache.Shelf[verified]
	now    func() time.Time
}

func newAccessTokens(s *secret.Signer, c cache.Cache, now func() time.Time) accessTokens {
	return accessTokens{signer: s, now: now, known: cache.NewShelf(c, cache.Spec[verified]{
		Name: tokenShelf, Life: tokenLife, Weight: func(verified) int { return rememberer },
	})}
}

// Sign returns a token that says c.
func (t accessTokens) Sign(c identity.Claims) (string, error) {
	return t.signer.Sign(secret.Claims{UserID: c.UserID, Username: c.Username, Role: c.Role, SessionID: c.SessionID})
}

// Parse returns what a token says.
func (t accessTokens) Parse(token string) (identity.Claims, error) {
	sum := sha256.Sum256([]byte(token))
	key := cache.Key{Name: string(sum[:])}
	v, ok := t.known.Look(key)
	if ok && !t.now().After(v.expires) {
		return v.Claims, nil
	}
	return t.learn(key, token)
}

// learn verifies a token, and remembers one that is good.
func (t accessTokens) learn(key cache.Key, token string) (identity.Claims, error) {
	v, _, err := t.known.Get(context.Background(), key, func(context.Context) (verified, error) { return t.verify(token) })
	if err == nil && t.now().After(v.expires) { // the signer knows whether that is too late
		v, err = t.verify(token)
	}
	return v.Claims, err
}

// verified is what a token says that was verified.
type verified struct {
	identity.Claims
	expires time.Time
}

func (t accessTokens) verify(token string) (verified, error) {
	c, err := t.signer.Parse(token)
	return verified{expires: c.Expires, Claims: identity.Claims{
		UserID: c.UserID, Username: c.Username, Role: c.Role, SessionID: c.SessionID,
		Concern: []string{"session:" + c.SessionID, "session:" + c.UserID, "user:" + c.UserID},
	}}, err
}

// owners is the identity.Memory.
type owners struct{ *cache.Shelf[identity.Owner] }

func newOwners(c cache.Cache) owners {
	return owners{cache.NewShelf(c, cache.Spec[identity.Owner]{
		Name: sessionShelf, Life: sessionLife, Weight: func(identity.Owner) int { return rememberer },
	})}
}

func ownerKey(c identity.Claims) cache.Key { return cache.Key{Name: c.SessionID, Tags: c.Concern} }

// Recall returns the owner of a session who was found before.
func (o owners) Recall(c identity.Claims) (identity.Owner, bool) { return o.Look(ownerKey(c)) }

// Find returns the owner whom find finds, and remembers them.
func (o owners) Find(ctx context.Context, c identity.Claims, find func(context.Context) (identity.Owner, error)) (identity.Owner, error) {
	owner, _, err := o.Get(ctx, ownerKey(c), find)
	return owner, err
}

// raiser returns what raises the tags of what has changed.
func raiser(c cache.Cache) func(context.Context, record.Batch) {
	return func(_ context.Context, b record.Batch) {
		for _, e := range b.Events {
			if one, kept := singular[e.Topic]; kept {
				c.Raise(e.Seq, string(e.Topic), one+":"+e.ID)
			}
		}
		for _, topic := range b.Many {
			c.RaiseKind(b.Through, singular[topic])
		}
		if b.Missed {
			c.Forget()
		}
	}
}

// singular is what the tag of one record of a topic begins with. Of other topics
// nothing is kept.
var singular = map[record.Topic]string{
	record.Cars: "car", record.Customers: "customer", record.Contracts: "contract", record.Users: "user", record.Sessions: "session",
}
