package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strings"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/overload"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

type cancelBody struct {
	Reason string `json:"reason" minLength:"10" maxLength:"1000"`
}

type checkBody struct {
	CarID     fleet.CarID        `json:"carId" format:"uuid"`
	StartDate date.Date          `json:"startDate"`
	EndDate   date.Date          `json:"endDate"`
	ExcludeID *rental.ContractID `json:"excludeId" format:"uuid" doc:"A contract that is left out."`
}

type conflict struct {
	date.Span
	Kind rental.HoldKind `json:"kind" enum:"contract,booking,block"`
}

type checkAnswer struct {
	Available bool       `json:"available"`
	Conflicts []conflict `json:"conflicts"`
}

type rangeBody struct {
	StartDate date.Date `json:"startDate"`
	EndDate   date.Date `json:"endDate" doc:"The day after the last; the same as startDate is that one day."`
}

type revenue struct {
	Revenue money.Amount `json:"revenue"`
}

type totalRevenue struct {
	TotalRevenue money.Amount `json:"totalRevenue"`
}

type expiringQuery struct {
	rental.Filter
	Days int `query:"days" minimum:"0" maximum:"365" default:"7" doc:"How many days from today."`
}

var (
	cancelShape = newShape(reflect.TypeFor[cancelBody](), nil, true)
	checkShape  = newShape(reflect.TypeFor[checkBody](), nil, true)
	rangeShape  = newShape(reflect.TypeFor[rangeBody](), nil, true)

	errFixed = page.ErrQuery.Say("status: this list has one status only")
)

// contractLife is how long answers with contracts are kept, unless something
// changes that contractTags stand for.
const contractLife = 2 * time.Minute

var contractTags = []string{"contracts", "cars", "customers", "users"}

func (a *API) contractRoutes() {
	s := a.Rental
	at := func(path, summary string, access record.Access) route {
		return route{path: "/api/contracts" + path, tag: "Contracts", summary: summary, access: access}
	}
	list(a, at("", "List contracts", record.Staff).kept(contractLife, contractTags...), s.List)
	create(a, at("", "Rent a car out", record.Staff), func(c rental.Contract) string { return string(c.ID) }, s.Rent)
	show[IDPath](a, at("/{id}", "Show a contract", record.Staff).kept(contractLife, "contract:{id}", "cars", "customers", "users"), func(ctx context.Context, id string) (rental.Contract, error) {
		return s.Get(ctx, rental.ContractID(id))
	})
	amend(a, at("/{id}", "Change a contract: extend it, move it, agree on a price", record.Staff), byID,
		func(ctx context.Context, id string, version int, change func(*rental.Draft) error) (rental.Contract, error) {
			return s.Amend(ctx, rental.ContractID(id), version, change)
		})
	remove[IDPath](a, at("/{id}", "Delete a contract that has not begun", record.AdminOnly), func(ctx context.Context, id string, version int) (string, error) {
		return "deleted", s.Remove(ctx, rental.ContractID(id), version)
	})
	one := reflect.TypeFor[success[rental.Contract]]()
	r := at("/{id}/cancel", "Cancel a contract that is not over", record.Staff)
	r.method, r.versioned, r.body, r.answer = http.MethodPost, true, reflect.TypeFor[cancelBody](), one
	register(a, r, a.cancel)
	r = at("/{id}/mark-notification-sent", "Note that the customer was told", record.Staff)
	r.method, r.answer = http.MethodPost, one
	register(a, r, a.markNotified)
	a.contractLists(at)
	a.contractReports(at)
}

// contractLists adds the lists with one status.
func (a *API) contractLists(at func(string, string, record.Access) route) {
	fixed := func(path, summary, sort string, status rental.Status) {
		list(a, at(path, summary, record.Staff).kept(contractLife, contractTags...), func(ctx context.Context, f rental.Filter) (page.Of[rental.Contract], error) {
			if f.Status != "" && f.Status != status {
				return page.Of[rental.Contract]{}, errFixed
			}
			f.Status, f.Sort = status, cmp.Or(f.Sort, sort)
			return a.Rental.List(ctx, f)
		})
	}
	fixed("/active", "List active contracts", "", rental.Active)
	fixed("/expired", "List ended contracts, the last ended first", "-endDate", rental.Ended)
	list(a, at("/pending-notification", "List contracts whose customer was not told", record.Staff).kept(contractLife, contractTags...),
		func(ctx context.Context, f rental.Filter) (page.Of[rental.Contract], error) {
			f.Unnotified = true
			return a.Rental.List(ctx, f)
		})
	list(a, at("/expiring", "List contracts that end within some days", record.Staff).kept(contractLife, contractTags...),
		func(ctx context.Context, q expiringQuery) (page.Of[rental.Contract], error) {
			q.Sort = cmp.Or(q.Sort, "endDate")
			return a.Rental.Expiring(ctx, q.Days, q.Filter)
		})
	r := at("/date-range", "List contracts that need a day of a range", record.Staff)
	r.method, r.body, r.answer, r.load = http.MethodPost, reflect.TypeFor[rangeBody](), reflect.TypeFor[success[[]rental.Contract]](), overload.Read
	register(a, r, func(ctx context.Context, f *rental.Filter) (reply, error) {
		in, err := readRange(ctx)
		if err != nil {
			return reply{}, err
		}
		f.From, f.To = in.StartDate, in.EndDate
		return paged(a.Rental.List(ctx, *f))
	})
}

func (a *API) contractReports(at func(string, string, record.Access) route) {
	r := at("/check-availability", "Tell whether a car is free for a period", record.Staff)
	r.method, r.body, r.answer, r.load = http.MethodPost, reflect.TypeFor[checkBody](), reflect.TypeFor[success[checkAnswer]](), overload.Read
	register(a, r, a.checkAvailability)
	r = at("/revenue/date-range", "Tell what contracts earn on some days", record.Staff)
	r.method, r.body, r.answer, r.load = http.MethodPost, reflect.TypeFor[rangeBody](), reflect.TypeFor[success[revenue]](), overload.Report
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		in, err := readRange(ctx)
		if err != nil {
			return reply{}, err
		}
		span := date.Between(in.StartDate, in.EndDate)
		sum, err := a.Rental.Revenue(ctx, span.Start, span.End)
		return one(revenue{sum}, err)
	})
	r = at("/revenue/total", "Tell what all contracts earn", record.Staff)
	r.method, r.answer, r.load = http.MethodGet, reflect.TypeFor[success[totalRevenue]](), overload.Report
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		sum, err := a.Rental.Revenue(ctx, date.Date{}, date.Date{})
		return one(totalRevenue{sum}, err)
	})
}

func readRange(ctx context.Context) (in rangeBody, err error) {
	err = rangeShape.fill(askedOf(ctx).body, "", &in)
	return in, fault.All(err, ordered("endDate", "startDate", in.StartDate, in.EndDate))
}

func (a *API) checkAvailability(ctx context.Context, _ *struct{}) (reply, error) {
	var in checkBody
	var bad fault.Fields
	var except rental.ContractID
	filled := checkShape.fill(askedOf(ctx).body, "", &in)
	in.CarID = fleet.CarID(strings.ToLower(string(in.CarID)))
	record.CheckID(&bad, "carId", in.CarID)
	if in.ExcludeID != nil {
		except = rental.ContractID(strings.ToLower(string(*in.ExcludeID)))
		bad.Check(ident.Valid(string(except)), "excludeId", "must be the id of a contract")
	}
	if err := fault.All(filled, bad.Err(), ordered("endDate", "startDate", in.StartDate, in.EndDate)); err != nil {
		return reply{}, err
	}
	holds, err := a.Rental.Conflicts(ctx, in.CarID, date.Between(in.StartDate, in.EndDate), except)
	if err != nil {
		return reply{}, err
	}
	out := checkAnswer{Available: len(holds) == 0, Conflicts: []conflict{}}
	for _, h := range holds {
		out.Conflicts = append(out.Conflicts, conflict{h.Span, h.Kind})
	}
	return data(http.StatusOK, out)
}

func (a *API) cancel(ctx context.Context, p *IDPath) (reply, error) {
	id, err := p.ref()
	if err != nil {
		return reply{}, err
	}
	var in cancelBody
	if err := cancelShape.fill(askedOf(ctx).body, "", &in); err != nil {
		return reply{}, err
	}
	return one(matching(ctx, func(version int) (rental.Contract, error) {
		return a.Rental.Cancel(ctx, rental.ContractID(id), version, in.Reason)
	}))
}

func (a *API) markNotified(ctx context.Context, p *IDPath) (reply, error) {
	id, err := p.ref()
	if err != nil {
		return reply{}, err
	}
	return one(a.Rental.MarkNotified(ctx, rental.ContractID(id)))
}
