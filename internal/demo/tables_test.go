package demo

import "testing"

func TestLands(t *testing.T) {
	sum := 0
	for _, l := range lands {
		sum += l.ofHundred
	}
	if sum != 100 {
		t.Errorf("%d of 100 customers have a land", sum)
	}
}

// A step that shares a divisor with the places would give some of them twice.
func TestScatter(t *testing.T) {
	r := Size{}.random(forCars)
	for _, s := range []scatter{
		scattered(r, uint64(plates), plateStep), scattered(r, serials, serialStep),
		scattered(r, passports, passportStep), scattered(r, licences, licenceStep),
	} {
		a, b := s.of, s.step
		for b != 0 {
			a, b = b, a%b
		}
		if a != 1 {
			t.Errorf("%+v gives some places twice", s)
		}
	}
	if plates < MaxCars || serials < MaxCars || passports < MaxCustomers || licences < MaxCustomers {
		t.Error("there are not enough papers")
	}
}

func TestModels(t *testing.T) {
	for _, m := range models {
		if len(m.maker) != 3 || m.price <= 0 {
			t.Errorf("%s: %q, %d", m.name, m.maker, m.price)
		}
	}
}
