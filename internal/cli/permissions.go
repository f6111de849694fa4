package cli

import "strings"

// Permissions returns the matrix of routes and roles as a Markdown document.
func Permissions(routes []Route) string {
	var b strings.Builder
	b.WriteString(`# Who may do what

Generated from the route table by ` + "`cartracker routes --markdown`" + `; do not edit. A signed-in caller who may not is
answered 403, anybody who is not signed in 401. Within a route the services restrict further: employees change only
status, mileage and location of a car, users see no people behind records, and everybody changes the own profile only.
In development ` + "`GET /routes`" + ` is open to anyone.

| route | anonymous | user | employee | admin |
|---|---|---|---|---|
`)
	for _, r := range routes {
		b.WriteString("| `" + r.Method + " " + r.Path + "` |")
		for _, role := range []string{"anyone", "user", "employee", "admin"} {
			b.WriteString(map[bool]string{true: " yes |", false: " no |"}[rank(role) >= rank(r.Role)])
		}
		b.WriteString("\n")
	}
	return b.String()
}

func rank(role string) int {
	return map[string]int{"anyone": 0, "user": 1, "employee": 2, "admin": 3}[role]
}
