package notifications

import (
	"fmt"
	"strings"
	"time"

	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// A wording says one thing in one language: with what is known of it in the
// place of each {name}, and what is said where something of that is missing.
type wording struct{ full, short string }

// wordings are what people are told, by type and, where data has one, change.
var wordings = map[identity.Language]map[string]wording{
	identity.English: {
		"car-new":                    {"New in the fleet: {car}, {licensePlate}", "There is a new car in the fleet"},
		"customer-new":               {"New customer: {customer}", "There is a new customer"},
		"user-new":                   {"New user: {username}", "There is a new user"},
		"user-new registered":        {"{username} made an account", "Somebody made an account"},
		"user-updated":               {"The user {username} was changed", "A user was changed"},
		"user-updated activated":     {"The user {username} was activated", "A user was activated"},
		"user-updated deactivated":   {"The user {username} was deactivated", "A user was deactivated"},
		"contract-new":               {"New contract {number}: {car}, {licensePlate}, for {customer}, {days}", "There is a new contract"},
		"contract-updated":           {"Contract {number} was changed: {car}, {licensePlate}, {customer}", "A contract was changed"},
		"contract-updated cancelled": {"Contract {number} was cancelled: {car}, {licensePlate}, {customer}", "A contract was cancelled"},
		"contract-updated deleted":   {"Contract {number} was deleted: {car}, {licensePlate}, {customer}", "A contract was deleted"},
		"contract-expiring":          {"Contract {number} ({car}, {licensePlate}, {customer}) ends on {endDate}", "A contract ends soon"},
		"contract-expired":           {"Contract {number} ({car}, {licensePlate}, {customer}) ended on {endDate}", "A contract has ended"},
		"message":                    {"{message}", "There is a message for you"},
		"":                           {"", "Something has changed"},
	},
	identity.Bosnian: {
		"car-new":                    {"Novo vozilo u voznom parku: {car}, {licensePlate}", "U voznom parku je novo vozilo"},
		"customer-new":               {"Novi klijent: {customer}", "Upisan je novi klijent"},
		"user-new":                   {"Novi korisnik: {username}", "Dodan je novi korisnik"},
		"user-new registered":        {"Novi korisnik se registrovao: {username}", "Registrovao se novi korisnik"},
		"user-updated":               {"Izmijenjeni su podaci korisnika {username}", "Izmijenjeni su podaci jednog korisnika"},
		"user-updated activated":     {"Ponovo je aktivan korisnik {username}", "Jedan korisnik je ponovo aktivan"},
		"user-updated deactivated":   {"Deaktiviran je korisnik {username}", "Deaktiviran je jedan korisnik"},
		"contract-new":               {"Novi ugovor {number}: {car}, {licensePlate}, klijent {customer}, {days}", "Sklopljen je novi ugovor"},
		"contract-updated":           {"Izmijenjen je ugovor {number}: {car}, {licensePlate}, {customer}", "Izmijenjen je jedan ugovor"},
		"contract-updated cancelled": {"Otkazan je ugovor {number}: {car}, {licensePlate}, {customer}", "Otkazan je jedan ugovor"},
		"contract-updated deleted":   {"Obrisan je ugovor {number}: {car}, {licensePlate}, {customer}", "Obrisan je jedan ugovor"},
		"contract-expiring":          {"Ugovor {number} ({car}, {licensePlate}, {customer}) ističe {endDate}", "Jedan ugovor uskoro ističe"},
		"contract-expired":           {"Ugovor {number} ({car}, {licensePlate}, {customer}) istekao je {endDate}", "Jedan ugovor je istekao"},
		"message":                    {"{message}", "Imate poruku"},
		"":                           {"", "Nešto se promijenilo"},
	},
}

// tell makes the message of n, in the language of its recipient.
func (n *Notification) tell() { n.Message = text(n.Language, n.Type, n.Data) }

// text says what data tells, of whatever shape that is.
func text(l identity.Language, t record.NoticeType, data map[string]any) string {
	all, known := wordings[l]
	if !known {
		l, all = identity.English, wordings[identity.English]
	}
	change, _ := data["change"].(string)
	w, known := all[string(t)+" "+change]
	if !known {
		w, known = all[string(t)]
	}
	if !known {
		w = all[""]
	}
	if full, ok := fillIn(w.full, l, data); ok {
		return full
	}
	return w.short
}

// fillIn puts what is known in the place of each {name} of a text, and reports
// whether all of it is.
func fillIn(text string, l identity.Language, data map[string]any) (string, bool) {
	var b strings.Builder
	for {
		before, rest, more := strings.Cut(text, "{")
		b.WriteString(before)
		if !more {
			return b.String(), b.Len() > 0
		}
		name, after, _ := strings.Cut(rest, "}")
		word := say(l, name, data[name])
		if word == "" {
			return "", false
		}
		b.WriteString(word)
		text = after
	}
}

// say writes a value of data in a language; "" if it is none of those that
// this program writes.
func say(l identity.Language, name string, v any) string {
	switch name {
	case "days":
		n, _ := v.(float64)
		return days(l, n)
	case "endDate":
		on, _ := v.(string)
		return day(l, on)
	}
	word, _ := v.(string)
	return word
}

func day(l identity.Language, text string) string {
	t, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil:
		return ""
	case l == identity.Bosnian:
		return t.Format("2. 1. 2006.")
	}
	return t.Format("2 January 2006")
}

// days counts days. In Bosnian one, twenty-one and so on have the singular.
func days(l identity.Language, count float64) string {
	n := int(count)
	if n < 1 || float64(n) != count {
		return ""
	}
	word := "days"
	switch one := n%10 == 1 && n%100 != 11; {
	case l == identity.Bosnian && one:
		word = "dan"
	case l == identity.Bosnian:
		word = "dana"
	case n == 1:
		word = "day"
	}
	return fmt.Sprint(n, " ", word)
}
