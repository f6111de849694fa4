package demo

import "cartracker/internal/fleet"

// A model is what a manufacturer builds. Several fuels are separated by
// spaces; price is that of a day for a new one, in whole units of money.
type model struct {
	manufacturer, name, maker string // maker begins the chassis numbers (ISO 3780)
	category                  fleet.Category
	fuels                     string
	seats, doors, power       int
	price                     int64
}

var models = []model{
	{"Dacia", "Sandero", "UU1", "economy", "petrol lpg", 5, 5, 90, 38},
	{"Dacia", "Duster", "UU1", "suv", "petrol diesel lpg", 5, 5, 115, 68},
	{"Fiat", "Panda", "ZFA", "economy", "petrol hybrid", 5, 5, 70, 35},
	{"Fiat", "Tipo", "ZFA", "compact", "petrol diesel", 5, 5, 110, 48},
	{"Fiat", "Ducato", "ZFA", "van", "diesel", 3, 5, 140, 115},
	{"Renault", "Clio", "VF1", "economy", "petrol diesel lpg", 5, 5, 90, 42},
	{"Renault", "Captur", "VF1", "suv", "petrol hybrid", 5, 5, 130, 66},
	{"Renault", "Trafic", "VF1", "van", "diesel", 9, 4, 145, 120},
	{"Peugeot", "208", "VF3", "economy", "petrol electric", 5, 5, 100, 45},
	{"Peugeot", "508", "VF3", "business", "diesel hybrid", 5, 5, 160, 92},
	{"Citroën", "C3", "VF7", "economy", "petrol", 5, 5, 83, 41},
	{"Citroën", "Berlingo", "VF7", "family", "diesel petrol", 5, 5, 102, 62},
	{"Opel", "Corsa", "W0L", "economy", "petrol electric", 5, 5, 95, 42},
	{"Opel", "Zafira", "W0L", "family", "diesel", 7, 5, 120, 78},
	{"Volkswagen", "Polo", "WVW", "economy", "petrol", 5, 5, 95, 45},
	{"Volkswagen", "Golf", "WVW", "compact", "diesel petrol", 5, 5, 130, 58},
	{"Volkswagen", "Passat", "WVW", "business", "diesel", 5, 5, 150, 88},
	{"Volkswagen", "Caddy", "WV1", "family", "diesel lpg", 7, 5, 115, 76},
	{"Volkswagen", "Tiguan", "WVG", "suv", "diesel petrol", 5, 5, 150, 98},
	{"Škoda", "Fabia", "TMB", "economy", "petrol", 5, 5, 80, 40},
	{"Škoda", "Octavia", "TMB", "family", "diesel petrol", 5, 5, 115, 56},
	{"Škoda", "Superb", "TMB", "business", "diesel hybrid", 5, 5, 150, 95},
	{"Škoda", "Kodiaq", "TMB", "suv", "diesel", 7, 5, 150, 105},
	{"Seat", "Leon", "VSS", "compact", "petrol diesel", 5, 5, 130, 54},
	{"Toyota", "Yaris", "VNK", "economy", "hybrid petrol", 5, 5, 116, 47},
	{"Toyota", "Corolla", "SB1", "compact", "hybrid", 5, 5, 140, 62},
	{"Toyota", "RAV4", "JTM", "suv", "hybrid", 5, 5, 218, 108},
	{"Hyundai", "i20", "NLH", "economy", "petrol", 5, 5, 84, 43},
	{"Hyundai", "Tucson", "TMA", "suv", "diesel hybrid", 5, 5, 136, 92},
	{"Kia", "Ceed", "U5Y", "compact", "petrol diesel", 5, 5, 120, 52},
	{"Kia", "EV6", "KNA", "business", "electric", 5, 5, 229, 128},
	{"Ford", "Focus", "WF0", "compact", "petrol diesel", 5, 5, 125, 53},
	{"Ford", "Transit", "WF0", "van", "diesel", 9, 4, 130, 118},
	{"Audi", "A4", "WAU", "business", "diesel petrol", 5, 5, 150, 112},
	{"Audi", "A6", "WAU", "luxury", "diesel", 5, 4, 204, 165},
	{"BMW", "320d", "WBA", "business", "diesel", 5, 4, 190, 125},
	{"BMW", "X5", "WBA", "luxury", "diesel hybrid", 5, 5, 286, 230},
	{"Mercedes-Benz", "C 220 d", "WDD", "luxury", "diesel", 5, 4, 200, 160},
	{"Mercedes-Benz", "Vito", "WDF", "van", "diesel", 9, 4, 136, 130},
	{"Tesla", "Model 3", "LRW", "business", "electric", 5, 4, 283, 135},
	{"Mazda", "MX-5", "JMZ", "sports", "petrol", 2, 2, 184, 170},
	{"Porsche", "911", "WP0", "sports", "petrol", 4, 2, 394, 520},
}

var (
	colors    = []string{"white", "white", "grey", "grey", "silver", "black", "black", "blue", "red", "green", "bordeaux"}
	locations = []string{"Sarajevo", "Sarajevo", "Sarajevo Airport", "Mostar", "Tuzla", "Banja Luka", "Zenica", "Bihać", "Trebinje"}
)
