package transfer

import (
	"strconv"

	"cartracker/internal/fleet"
	"cartracker/internal/money"
)

var carColumns = []column[fleet.Car, fleet.Draft]{
	{
		"licensePlate",
		[]string{"plate", "registration", "registracija", "registarska oznaka", "registarske oznake", "registarski broj", "tablice", "tablica", "reg. oznaka"},
		func(c *fleet.Car) string { return c.LicensePlate },
		words(func(d *fleet.Draft) *string { return &d.LicensePlate }),
	},
	{
		"manufacturer",
		[]string{"make", "brand", "proizvođač", "marka", "marka vozila"},
		func(c *fleet.Car) string { return c.Manufacturer },
		words(func(d *fleet.Draft) *string { return &d.Manufacturer }),
	},
	{
		"model",
		[]string{"model vozila", "tip", "tip vozila"},
		func(c *fleet.Car) string { return c.Model },
		words(func(d *fleet.Draft) *string { return &d.Model }),
	},
	{
		"year",
		[]string{"year of manufacture", "model year", "godina", "godina proizvodnje", "godište"},
		func(c *fleet.Car) string { return strconv.Itoa(c.Year) },
		whole(func(d *fleet.Draft) *int { return &d.Year }),
	},
	{
		"category",
		[]string{"class", "kategorija", "klasa"},
		func(c *fleet.Car) string { return string(c.Category) },
		word(func(d *fleet.Draft) *fleet.Category { return &d.Category }, categories),
	},
	{
		"fuelType",
		[]string{"fuel", "gorivo", "vrsta goriva", "tip goriva", "pogon"},
		func(c *fleet.Car) string { return string(c.FuelType) },
		word(func(d *fleet.Draft) *fleet.FuelType { return &d.FuelType }, fuels),
	},
	{
		"transmission",
		[]string{"gearbox", "mjenjač", "menjač", "vrsta mjenjača", "transmisija"},
		func(c *fleet.Car) string { return string(c.Transmission) },
		word(func(d *fleet.Draft) *fleet.Transmission { return &d.Transmission }, transmissions),
	},
	{
		"seats",
		[]string{"number of seats", "sjedišta", "sjedala", "broj sjedišta", "broj sjedala", "broj mjesta"},
		func(c *fleet.Car) string { return orNothing(c.Seats) },
		optionalWhole(func(d *fleet.Draft) **int { return &d.Seats }),
	},
	{
		"doors",
		[]string{"number of doors", "vrata", "broj vrata"},
		func(c *fleet.Car) string { return orNothing(c.Doors) },
		optionalWhole(func(d *fleet.Draft) **int { return &d.Doors }),
	},
	{
		"mileage",
		[]string{"odometer", "mileage km", "kilometraža", "kilometri", "km", "pređeni kilometri", "stanje km"},
		func(c *fleet.Car) string { return strconv.Itoa(c.Mileage) },
		whole(func(d *fleet.Draft) *int { return &d.Mileage }),
	},
	{
		"mileageCorrection",
		[]string{"razlog ispravke kilometraže"},
		nil,
		optional(func(d *fleet.Draft) **string { return &d.MileageCorrection }),
	},
	{
		"enginePower",
		[]string{"power", "engine power hp", "hp", "snaga", "snaga motora", "snaga ks", "ks"},
		func(c *fleet.Car) string { return orNothing(c.EnginePower) },
		optionalWhole(func(d *fleet.Draft) **int { return &d.EnginePower }),
	},
	{
		"pricePerDay",
		[]string{"price", "daily price", "cijena", "cijena po danu", "dnevna cijena", "cijena dan", "cijena na dan"},
		func(c *fleet.Car) string { return c.PricePerDay.String() },
		amount(func(d *fleet.Draft) *money.Amount { return &d.PricePerDay }),
	},
	{
		"color",
		[]string{"colour", "boja"},
		func(c *fleet.Car) string { return orEmpty(c.Color) },
		optional(func(d *fleet.Draft) **string { return &d.Color }),
	},
	{
		"chassisNumber",
		[]string{"chassis", "vin", "broj šasije", "šasija"},
		func(c *fleet.Car) string { return orEmpty(c.ChassisNumber) },
		optional(func(d *fleet.Draft) **string { return &d.ChassisNumber }),
	},
	{
		"currentLocation",
		[]string{"location", "lokacija", "trenutna lokacija", "poslovnica"},
		func(c *fleet.Car) string { return orEmpty(c.CurrentLocation) },
		optional(func(d *fleet.Draft) **string { return &d.CurrentLocation }),
	},
	{
		"status",
		[]string{"stanje", "stanje vozila"},
		func(c *fleet.Car) string { return string(c.Status) },
		word(func(d *fleet.Draft) *fleet.Status { return &d.Status }, statuses),
	},
	{
		"photoUrl",
		[]string{"photo", "fotografija", "slika"},
		func(c *fleet.Car) string { return orEmpty(c.PhotoURL) },
		optional(func(d *fleet.Draft) **string { return &d.PhotoURL }),
	},
	{"isArchived", nil, func(c *fleet.Car) string { return strconv.FormatBool(c.IsArchived) }, nil},
	{"id", nil, func(c *fleet.Car) string { return string(c.ID) }, nil},
	{"version", nil, func(c *fleet.Car) string { return strconv.Itoa(c.Version) }, nil},
	{"createdAt", nil, func(c *fleet.Car) string { return at(&c.CreatedAt) }, nil},
	{"updatedAt", nil, func(c *fleet.Car) string { return at(&c.UpdatedAt) }, nil},
}

// The words below are folded, and without anything but letters and digits.

var fuels = map[string]fleet.FuelType{
	"petrol": "petrol", "gasoline": "petrol", "benzin": "petrol", "benzinac": "petrol", "benzinski": "petrol", "bmb95": "petrol",
	"diesel": "diesel", "dizel": "diesel", "dizelas": "diesel", "dizelski": "diesel", "eurodizel": "diesel",
	"hybrid": "hybrid", "hibrid": "hybrid", "hibridni": "hybrid", "hibridno": "hybrid",
	"electric": "electric", "elektricni": "electric", "elektricno": "electric", "elektricna": "electric", "elektro": "electric", "struja": "electric", "ev": "electric",
	"lpg": "lpg", "plin": "lpg", "autoplin": "lpg", "autogas": "lpg", "tng": "lpg", "unp": "lpg",
}

var transmissions = map[string]fleet.Transmission{
	"manual": "manual", "manuelni": "manual", "manualni": "manual", "manuelno": "manual", "rucni": "manual", "rucno": "manual",
	"automatic": "automatic", "auto": "automatic", "automatski": "automatic", "automatik": "automatic", "automatika": "automatic", "automat": "automatic",
	"semiautomatic": "semi-automatic", "poluautomatski": "semi-automatic", "poluautomatik": "semi-automatic", "poluautomat": "semi-automatic",
}

var categories = map[string]fleet.Category{
	"economy": "economy", "ekonomska": "economy", "ekonomski": "economy", "ekonomicna": "economy", "ekonomicni": "economy", "ekonomik": "economy",
	"compact": "compact", "kompakt": "compact", "kompaktna": "compact", "kompaktni": "compact",
	"luxury": "luxury", "luksuz": "luxury", "luksuzna": "luxury", "luksuzni": "luxury", "luksuzno": "luxury",
	"sports": "sports", "sport": "sports", "sportska": "sports", "sportski": "sports", "sportsko": "sports",
	"suv": "suv", "terenac": "suv", "terenski": "suv", "terensko": "suv", "dzip": "suv",
	"van": "van", "kombi": "van", "kombivozilo": "van", "dostavno": "van",
	"family": "family", "porodicna": "family", "porodicni": "family", "porodicno": "family", "obiteljska": "family", "obiteljski": "family", "karavan": "family",
	"business": "business", "poslovna": "business", "poslovni": "business", "poslovno": "business", "biznis": "business",
}

var statuses = map[string]fleet.Status{
	"available": fleet.Available, "dostupan": fleet.Available, "dostupno": fleet.Available, "dostupna": fleet.Available, "slobodan": fleet.Available, "slobodno": fleet.Available, "slobodna": fleet.Available,
	"maintenance": fleet.Maintenance, "servis": fleet.Maintenance, "uservisu": fleet.Maintenance, "naservisu": fleet.Maintenance, "odrzavanje": fleet.Maintenance, "naodrzavanju": fleet.Maintenance,
	"unavailable": fleet.Unavailable, "nedostupan": fleet.Unavailable, "nedostupno": fleet.Unavailable, "nedostupna": fleet.Unavailable, "vanupotrebe": fleet.Unavailable,
}
