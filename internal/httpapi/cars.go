package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/overload"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// A Period is a range of days in a query.
type Period struct {
	From date.Date `query:"from" required:"true" doc:"First day."`
	To   date.Date `query:"to" required:"true" doc:"The day after the last; the same as from is that one day."`
}

func (p Period) span() (date.Span, error) {
	if p.To.Before(p.From) {
		return date.Span{}, page.ErrOrder
	}
	return date.Between(p.From, p.To), nil
}

type availableQuery struct {
	fleet.Filter
	Period
}

type availabilityQuery struct {
	CarPath
	Period
}

type mileageBody struct {
	Mileage           int     `json:"mileage" minimum:"0" maximum:"10000000" doc:"In km."`
	MileageCorrection *string `json:"mileageCorrection" maxLength:"500" doc:"Why the mileage goes down."`
}

type periodBody struct {
	StartingDate date.Date `json:"startingDate"`
	EndingDate   date.Date `json:"endingDate" doc:"The day after the last; the same as startingDate is that one day."`
}

type calendar struct {
	From date.Date            `json:"from"`
	To   date.Date            `json:"to"`
	Cars []rental.CalendarCar `json:"cars"`
}

var (
	mileageShape = newShape(reflect.TypeFor[mileageBody](), nil, true)
	periodShape  = newShape(reflect.TypeFor[periodBody](), nil, true)
)

func (a *API) carRoutes() {
	s := a.Fleet
	at := func(path, summary string, access record.Access) route {
		return route{path: "/api/cars" + path, tag: "Cars", summary: summary, access: access}
	}
	list(a, at("", "List cars", record.SignedIn).kept(5*time.Minute, "cars", "users"), s.List)
	create(a, at("", "Add a car", record.AdminOnly), func(c fleet.Car) string { return string(c.ID) }, s.Add)
	show[CarPath](a, at("/{car}", "Show a car", record.SignedIn).kept(5*time.Minute, "car:{car}", "users"), func(ctx context.Context, ref string) (fleet.Car, error) {
		return s.Get(ctx, fleet.Ref(ref))
	})
	amend(a, at("/{car}", "Change a car; employees change status, mileage and location only", record.Staff), a.carID,
		func(ctx context.Context, id string, version int, change func(*fleet.Draft) error) (fleet.Car, error) {
			return s.Amend(ctx, fleet.Ref(id), version, change)
		})
	remove[CarPath](a, at("/{car}", "Delete a car", record.AdminOnly), func(ctx context.Context, ref string, version int) (string, error) {
		return "deleted", s.Remove(ctx, fleet.Ref(ref), version)
	})
	archive := func(path, summary string, archived bool) {
		r := at(path, summary, record.AdminOnly)
		r.method, r.answer = http.MethodPost, reflect.TypeFor[success[fleet.Car]]()
		register(a, r, func(ctx context.Context, p *CarPath) (reply, error) {
			ref, err := p.ref()
			if err != nil {
				return reply{}, err
			}
			return one(s.Archive(ctx, fleet.Ref(ref), archived))
		})
	}
	archive("/{car}/archive", "Take a car out of the fleet", true)
	archive("/{car}/unarchive", "Put a car back into the fleet", false)
	r := at("/{car}/mileage", "Change the mileage of a car", record.Staff)
	r.method, r.versioned, r.body, r.answer = http.MethodPatch, true, reflect.TypeFor[mileageBody](), reflect.TypeFor[success[fleet.Car]]()
	register(a, r, a.changeMileage)
	a.occupancyRoutes(at)
}

func (a *API) occupancyRoutes(at func(string, string, record.Access) route) {
	cars := reflect.TypeFor[success[[]fleet.Car]]()
	r := at("/available", "List cars that are free for all of a period", record.SignedIn).kept(2*time.Minute, "cars", "users")
	r.method, r.answer = http.MethodGet, cars
	register(a, r, func(ctx context.Context, q *availableQuery) (reply, error) {
		span, err := q.span()
		if err != nil {
			return reply{}, err
		}
		return paged(a.Fleet.Available(ctx, span, q.Filter))
	})
	r = at("/available-period", "List cars that are free for all of a period", record.SignedIn)
	r.method, r.body, r.answer, r.load = http.MethodPost, reflect.TypeFor[periodBody](), cars, overload.Read
	register(a, r, func(ctx context.Context, f *fleet.Filter) (reply, error) {
		var in periodBody
		err := fault.All(periodShape.fill(askedOf(ctx).body, "", &in), ordered("endingDate", "startingDate", in.StartingDate, in.EndingDate))
		if err != nil {
			return reply{}, err
		}
		return paged(a.Fleet.Available(ctx, date.Between(in.StartingDate, in.EndingDate), *f))
	})
	r = at("/{car}/availability", "Tell what holds a car in a period", record.SignedIn).kept(2*time.Minute, "car:{car}", "customers")
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[[]rental.Hold]]()
	register(a, r, func(ctx context.Context, q *availabilityQuery) (reply, error) {
		ref, refErr := q.ref()
		span, err := q.span()
		if err := cmp.Or(refErr, err); err != nil {
			return reply{}, err
		}
		return one(a.Rental.Availability(ctx, fleet.Ref(ref), span))
	})
	r = at("/calendar", "Show what holds each car in a period of at most 92 days", record.Staff).kept(2*time.Minute, "cars", "customers")
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[calendar]]()
	register(a, r, func(ctx context.Context, p *Period) (reply, error) {
		span, err := p.span()
		if err != nil {
			return reply{}, err
		}
		cars, err := a.Rental.Calendar(ctx, span)
		return one(calendar{From: span.Start, To: span.End, Cars: cars}, err)
	})
}

// ordered refuses a range of days that ends before it begins.
func ordered(endField, startField string, start, end date.Date) error {
	var bad fault.Fields
	bad.Check(start.IsZero() || end.IsZero() || !end.Before(start), endField, "must not be before "+startField)
	return bad.Err()
}

// carID resolves a license plate to the car's id.
func (a *API) carID(ctx context.Context, p CarPath) (string, error) {
	ref, err := p.ref()
	if err != nil || fleet.Ref(ref).IsID() {
		return ref, err
	}
	car, err := a.Fleet.Get(ctx, fleet.Ref(ref))
	return string(car.ID), err
}

func (a *API) changeMileage(ctx context.Context, p *CarPath) (reply, error) {
	ref, err := p.ref()
	if err != nil {
		return reply{}, err
	}
	return one(matching(ctx, func(version int) (fleet.Car, error) {
		return a.Fleet.Amend(ctx, fleet.Ref(ref), version, func(d *fleet.Draft) error {
			var in mileageBody
			err := mileageShape.fill(askedOf(ctx).body, "", &in)
			d.Mileage, d.MileageCorrection = in.Mileage, in.MileageCorrection
			return err
		})
	}))
}
