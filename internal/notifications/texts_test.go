package notifications

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// types are all that people are told of.
var types = []record.NoticeType{
	record.CarNew, record.CustomerNew, record.UserNew, record.UserUpdated, record.ContractNew,
	record.ContractUpdated, record.ContractExpiring, record.ContractExpired, record.Message,
}

const contract = `"contractId":"c","number":"CTR-2026-00001","carId":"v","car":"VW Golf","licensePlate":"A12-K-345",
	"customerId":"u","customer":"Šaćir Đurić","startDate":"2026-08-01","endDate":"2026-08-22"`

func TestText(t *testing.T) {
	for _, c := range []struct {
		kind             record.NoticeType
		data             string
		english, bosnian string
	}{
		{record.CarNew, `{"carId":"v","car":"VW Golf","licensePlate":"A12-K-345"}`, "New in the fleet: VW Golf, A12-K-345", "Novo vozilo u voznom parku: VW Golf, A12-K-345"},
		{record.CustomerNew, `{"customerId":"u","customer":"Šaćir Đurić"}`, "New customer: Šaćir Đurić", "Novi klijent: Šaćir Đurić"},
		{record.UserNew, `{"username":"emir","change":"made"}`, "New user: emir", "Novi korisnik: emir"},
		{record.UserNew, `{"username":"emir","change":"registered"}`, "emir made an account", "Novi korisnik se registrovao: emir"},
		{record.UserUpdated, `{"username":"emir","change":"amended"}`, "The user emir was changed", "Izmijenjeni su podaci korisnika emir"},
		{record.UserUpdated, `{"username":"emir","change":"activated"}`, "The user emir was activated", "Ponovo je aktivan korisnik emir"},
		{record.UserUpdated, `{"username":"emir","change":"deactivated"}`, "The user emir was deactivated", "Deaktiviran je korisnik emir"},
		{record.ContractNew, `{` + contract + `,"days":1}`, "New contract CTR-2026-00001: VW Golf, A12-K-345, for Šaćir Đurić, 1 day", "Novi ugovor CTR-2026-00001: VW Golf, A12-K-345, klijent Šaćir Đurić, 1 dan"},
		{record.ContractNew, `{` + contract + `,"days":21}`, "New contract CTR-2026-00001: VW Golf, A12-K-345, for Šaćir Đurić, 21 days", "Novi ugovor CTR-2026-00001: VW Golf, A12-K-345, klijent Šaćir Đurić, 21 dan"},
		{record.ContractNew, `{` + contract + `,"days":111}`, "New contract CTR-2026-00001: VW Golf, A12-K-345, for Šaćir Đurić, 111 days", "Novi ugovor CTR-2026-00001: VW Golf, A12-K-345, klijent Šaćir Đurić, 111 dana"},
		{record.ContractUpdated, `{` + contract + `,"change":"amended"}`, "Contract CTR-2026-00001 was changed: VW Golf, A12-K-345, Šaćir Đurić", "Izmijenjen je ugovor CTR-2026-00001: VW Golf, A12-K-345, Šaćir Đurić"},
		{record.ContractUpdated, `{` + contract + `,"change":"cancelled"}`, "Contract CTR-2026-00001 was cancelled: VW Golf, A12-K-345, Šaćir Đurić", "Otkazan je ugovor CTR-2026-00001: VW Golf, A12-K-345, Šaćir Đurić"},
		{record.ContractUpdated, `{` + contract + `,"change":"deleted"}`, "Contract CTR-2026-00001 was deleted: VW Golf, A12-K-345, Šaćir Đurić", "Obrisan je ugovor CTR-2026-00001: VW Golf, A12-K-345, Šaćir Đurić"},
		{record.ContractExpiring, `{` + contract + `}`, "Contract CTR-2026-00001 (VW Golf, A12-K-345, Šaćir Đurić) ends on 22 August 2026", "Ugovor CTR-2026-00001 (VW Golf, A12-K-345, Šaćir Đurić) ističe 22. 8. 2026."},
		{record.ContractExpired, `{` + contract + `}`, "Contract CTR-2026-00001 (VW Golf, A12-K-345, Šaćir Đurić) ended on 22 August 2026", "Ugovor CTR-2026-00001 (VW Golf, A12-K-345, Šaćir Đurić) istekao je 22. 8. 2026."},
		{record.Message, `{"message":"the {car} is \"back\""}`, `the {car} is "back"`, `the {car} is "back"`},
		// Of a shape that this program does not write.
		{record.CarNew, `{"car":"VW Golf"}`, "There is a new car in the fleet", "U voznom parku je novo vozilo"},
		{record.CarNew, `{"car":7,"licensePlate":["A"]}`, "There is a new car in the fleet", "U voznom parku je novo vozilo"},
		{record.ContractNew, `{` + contract + `,"days":"nine"}`, "There is a new contract", "Sklopljen je novi ugovor"},
		{record.ContractNew, `{` + contract + `,"days":1.5}`, "There is a new contract", "Sklopljen je novi ugovor"},
		{record.ContractExpiring, `{` + strings.Replace(contract, "2026-08-22", "soon", 1) + `}`, "A contract ends soon", "Jedan ugovor uskoro ističe"},
		{record.ContractUpdated, `{"number":"CTR-1","change":"deleted"}`, "A contract was deleted", "Obrisan je jedan ugovor"},
		{record.ContractUpdated, `{"number":"CTR-1","change":"painted"}`, "A contract was changed", "Izmijenjen je jedan ugovor"},
		{record.Message, `{}`, "There is a message for you", "Imate poruku"},
		{record.UserNew, `null`, "There is a new user", "Dodan je novi korisnik"},
		{"car-sold", `{"car":"VW Golf"}`, "Something has changed", "Nešto se promijenilo"},
	} {
		var data map[string]any
		if err := json.Unmarshal([]byte(c.data), &data); err != nil {
			t.Fatal(err, c.data)
		}
		for language, want := range map[identity.Language]string{identity.English: c.english, identity.Bosnian: c.bosnian, "de": c.english} {
			n := Notification{Type: c.kind, Data: data, Language: language}
			if n.tell(); n.Message != want {
				t.Errorf("%s %s in %s: %q, want %q", c.kind, c.data, language, n.Message, want)
			}
		}
	}
}

// Each type has a wording in each language, and the same of it is known in both.
func TestWordings(t *testing.T) {
	english, bosnian := wordings[identity.English], wordings[identity.Bosnian]
	for _, kind := range types {
		if english[string(kind)].short == "" {
			t.Errorf("nothing is said of %s", kind)
		}
	}
	names := func(text string) (out []string) {
		for _, part := range strings.Split(text, "{")[1:] {
			name, _, _ := strings.Cut(part, "}")
			out = append(out, name)
		}
		slices.Sort(out)
		return out
	}
	for key, w := range english {
		other, ok := bosnian[key]
		if !ok || w.short == "" || other.short == "" || w.short == other.short {
			t.Errorf("%q: %+v and %+v", key, w, other)
		}
		if !slices.Equal(names(w.full), names(other.full)) {
			t.Errorf("%q tells of %v in English and of %v in Bosnian", key, names(w.full), names(other.full))
		}
	}
	if len(english) != len(bosnian) {
		t.Errorf("%d wordings in English, %d in Bosnian", len(english), len(bosnian))
	}
}
