// Package storetest is what every database must do. It is run against each of them.
package storetest

import (
	"errors"
	"flag"
	"testing"

	"cartracker/internal/store/testdb"
)

// Run tests a database.
func Run(t *testing.T, empty testdb.Empty) {
	ready := newWorlds(t, empty)
	t.Run("Keeps", func(t *testing.T) { keepsAll(t, ready) })
	t.Run("Lists", func(t *testing.T) { listsAll(t, ready) })
	for name, test := range map[string]func(*testing.T, testdb.Database){
		"OpenRaced":  openRaced,
		"Newer":      newer,
		"Migrations": migrations,
		"SetupOnce":  setupOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, empty(t))
		})
	}
	for name, test := range map[string]func(*testing.T, *world){
		"TxRollsBack":    txRollsBack,
		"TxPanics":       txPanics,
		"TxNested":       txNested,
		"TxDeadlock":     txDeadlock,
		"WriteWithoutTx": writeWithoutTx,
		"PanicSeen":      panicSeen,
		"ParallelFates":  parallelFates,
		"ParallelOrder":  parallelOrder,
		"TimesCompare":   timesCompare,

		"UniqueUsers":     uniqueUsers,
		"UniquePlates":    uniquePlates,
		"UniqueCustomers": uniqueCustomers,
		"UnknownOwners":   unknownOwners,

		"ListDefaults":    listDefaults,
		"ListBadCursors":  listBadCursors,
		"ListTotals":      listTotals,
		"CarFilters":      carFilters,
		"CustomerFilters": customerFilters,
		"ContractFilters": contractFilters,
		"UserFilters":     userFilters,
		"AuditFilters":    auditFilters,
		"AuditStatistics": auditStatistics,
		"Search":          search,
		"NamesInOrder":    namesInOrder,

		"HoldOverlap":     holdOverlap,
		"HoldOverlapSQL":  holdOverlapSQL,
		"RentRaced":       rentRaced,
		"RentMixed":       rentMixed,
		"MoveSwapped":     moveSwapped,
		"MoveWaits":       moveWaits,
		"LedgerModel":     ledgerModel,
		"EarningsAddUp":   earningsAddUp,
		"NumbersGapless":  numbersGapless,
		"Together":        contractsTogether,
		"Used":            used,
		"ContractRules":   contractRules,
		"DeleteRules":     deleteRules,
		"CarWaits":        carWaits,
		"Versions":        versions,
		"Roles":           roles,
		"DeskLimits":      deskLimits,
		"Registration":    registration,
		"LastAdmin":       lastAdmin,
		"LastAdminRaced":  lastAdminRaced,
		"LastAdminSQL":    lastAdminSQL,
		"UserRemoved":     userRemoved,
		"SignIn":          signIn,
		"SignInRaced":     signInRaced,
		"SessionRotates":  sessionRotates,
		"SessionTheft":    sessionTheft,
		"SessionParallel": sessionParallel,
		"SessionEnds":     sessionEnds,
		"SessionRevoked":  sessionRevoked,
		"LinkLives":       linkLives,
		"LinkReplaced":    linkReplaced,
		"LinkRaced":       linkRaced,
		"LinkRefused":     linkRefused,
		"LinkEnded":       linkEnded,
		"LettersKept":     lettersKept,
		"LettersRaced":    lettersRaced,
		"NoPassword":      noPassword,
		"ResetByMail":     resetByMail,

		"ReplayRaced":      replayRaced,
		"ReplayOtherBody":  replayOtherBody,
		"ReplayFails":      replayFails,
		"ReplayInProgress": replayInProgress,
		"ReplayExpires":    replayExpires,
		"Tidy":             tidy,

		"Imports": imports,
		"TryPart": tryPart,

		"FollowWriters": followWriters,
		"FollowOthers":  followOthers,
		"FollowSilent":  followSilent,
		"FollowGaps":    followGaps,
		"FollowStopped": followStopped,
		"FollowBehind":  followBehind,
		"FollowBurst":   followBurst,
		"FollowPast":    followPast,
		"OnCommit":      onCommit,
		"ImportTold":    importTold,

		"InboxOwn":      inboxOwn,
		"InboxLists":    inboxLists,
		"InboxSeen":     inboxSeen,
		"InboxRaced":    inboxRaced,
		"InboxAllSeen":  inboxAllSeen,
		"InboxByIDs":    inboxByIDs,
		"InboxDemoted":  inboxDemoted,
		"InboxGone":     inboxGone,
		"InboxOdd":      inboxOdd,
		"InboxTidy":     inboxTidy,
		"Send":          send,
		"SendMany":      sendMany,
		"Notices":       notices,
		"NoticesTold":   noticesTold,
		"NoticesUndone": noticesUndone,
		"NoticesOfGone": noticesOfGone,
		"Active":        active,
		"Statuses":      statuses,

		"FeedOrder":     feedOrder,
		"FeedRows":      feedRows,
		"Refusals":      refusals,
		"AuditRows":     auditRows,
		"AuditMasks":    auditMasks,
		"SecretsHidden": secretsHidden,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, ready.take(t))
		})
	}
}

// worlds are used again by one test after another: to make one takes longer
// than most tests.
type worlds chan *world

// newWorlds makes as many as there are tests at a time.
func newWorlds(t *testing.T, empty testdb.Empty) worlds {
	t.Helper()
	n, _ := flag.Lookup("test.parallel").Value.(flag.Getter).Get().(int)
	out := make(worlds, n)
	for range n {
		out <- newWorld(t, empty(t))
	}
	return out
}

// take returns a world in which nothing has happened yet.
func (ws worlds) take(t *testing.T) *world {
	t.Helper()
	w := <-ws
	t.Cleanup(func() { ws <- w })
	w.reset(t)
	return w
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ptr[T any](v T) *T { return &v }
