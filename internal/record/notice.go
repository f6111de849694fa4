package record

// A Notice is what an entry lets the admins know of, except who did it. The
// journal that is given a Notice writes it into the inbox of each of them.
type Notice struct {
	Type NoticeType
	// Data holds ids, and what a text about it needs: names, plates and numbers
	// of contracts, never papers, addresses or phones.
	Data   map[string]any
	Except UserID // is not told either: an admin knows that they are new; may be ""
}

// A NoticeType is what somebody is told of.
type NoticeType string

// What people are told of.
const (
	CarNew           NoticeType = "car-new"
	CustomerNew      NoticeType = "customer-new"
	UserNew          NoticeType = "user-new"
	UserUpdated      NoticeType = "user-updated"
	ContractNew      NoticeType = "contract-new"
	ContractUpdated  NoticeType = "contract-updated"
	ContractExpiring NoticeType = "contract-expiring"
	ContractExpired  NoticeType = "contract-expired"
	Message          NoticeType = "message" // what somebody wrote to somebody
)
