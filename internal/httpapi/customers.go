package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

type customerContracts struct {
	IDPath
	rental.Filter
}

func (a *API) customerRoutes() {
	s := a.Customers
	at := func(path, summary string, access record.Access) route {
		return route{path: "/api/customers" + path, tag: "Customers", summary: summary, access: access}
	}
	list(a, at("", "List customers", record.Staff).kept(5*time.Minute, "customers", "users"), s.List)
	create(a, at("", "Add a customer", record.Staff), func(c customers.Customer) string { return string(c.ID) }, s.Add)
	show[IDPath](a, at("/{id}", "Show a customer", record.Staff).kept(5*time.Minute, "customer:{id}", "users"), func(ctx context.Context, id string) (customers.Customer, error) {
		return s.Get(ctx, customers.CustomerID(id))
	})
	amend(a, at("/{id}", "Change a customer", record.Staff), byID,
		func(ctx context.Context, id string, version int, change func(*customers.Draft) error) (customers.Customer, error) {
			return s.Amend(ctx, customers.CustomerID(id), version, change)
		})
	remove[IDPath](a, at("/{id}", "Delete a customer", record.AdminOnly), func(ctx context.Context, id string, version int) (string, error) {
		return "deleted", s.Remove(ctx, customers.CustomerID(id), version)
	})
	r := at("/{id}/contracts", "List the contracts of a customer", record.Staff).kept(contractLife, contractTags...)
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[[]rental.Contract]]()
	register(a, r, func(ctx context.Context, q *customerContracts) (reply, error) {
		id, err := q.ref()
		if err != nil {
			return reply{}, err
		}
		return paged(a.Rental.Of(ctx, customers.CustomerID(id), q.Filter))
	})
}
