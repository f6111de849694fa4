package pages

import "cartracker/internal/identity"

// statusWords are what the status page says in one language.
type statusWords struct {
	Title, Sub, Refreshes, SignedIn                                                             string
	OfAll, OfThis, Shared                                                                       string
	State, Ready, Unready, Stopping                                                             string
	Version, Up, Began, Instance, Instances, This, Worker, NoRedis, RedisAway                   string
	Database, Connected, Down, Embedded, Pool, InUse, Most, Waits, WaitingRequests              string
	Replicas, Replica, Lag, Used, LeftOut, Redis, Calls, CallsNone, Half, NinetyFive            string
	Cache, HitRate, Target, NoQuestions, Memory, Entries, Untrusted, Limits, Refused            string
	Queue, Waiting, Active, Delayed, Failed, Oldest, Paused, Counted                            string
	People, Sockets, Online, Unknown, Company, Cars, Contracts, Out, Back, Booked               string
	SlowRoutes, Route, Times, SlowStatements, Statement, Longest, NoRoutes                      string
	SlowFrom, SlowOff, NoSlow, Errors, Troubles, When, Where, What, RequestID, TraceID, NoError string
	Charts, Now, HourAgo, ChartLabel                                                            string
	Requests, P95, ErrorsPerMinute, HitCurve, QueueCurve, ConnectionCurve, LagCurve             string
	PerSecond, Nothing, Of, Day, HourShort, Minute, Second                                      string

	Pools, CarStates, Whys map[string]string
}

var englishStatus = statusWords{
	Title: "Status", Sub: "As of", Refreshes: "It looks again every 10 seconds.", SignedIn: "Signed in as",
	OfAll: "of all instances", OfThis: "of this instance", Shared: "as this instance sees it",
	State: "State", Ready: "ready", Unready: "not ready", Stopping: "stopping",
	Version: "Version", Up: "up for", Began: "Started", Instance: "Instance", Instances: "Instances", This: "this one", Worker: "works jobs only",
	NoRedis: "Only this instance is known: REDIS_URL is not set, and instances tell of themselves by Redis.", RedisAway: "Only this instance is known now: Redis is away, by which the others tell of themselves.",
	Database: "Database", Connected: "connected", Down: "away", Embedded: "in this process", Pool: "Connections", InUse: "In use", Most: "At most", Waits: "Had to wait", WaitingRequests: "Requests that wait for a place now",
	Replicas: "Replicas", Replica: "Replica", Lag: "Behind", Used: "used", LeftOut: "left out", Redis: "Redis", Calls: "Calls in the last hour", CallsNone: "none in the last hour", Half: "Half of them within", NinetyFive: "95 of 100 within",
	Cache: "Cache", HitRate: "Answered from the cache, last hour", Target: "target 80 %", NoQuestions: "nothing was asked", Memory: "Memory", Entries: "Answers kept", Untrusted: "What is kept is not used at the moment, since changes by others are not known up to now.",
	Limits: "Limits", Refused: "Refused with 429, last hour",
	Queue: "Jobs and mails", Waiting: "Waiting", Active: "At work", Delayed: "To be tried later", Failed: "Failed", Oldest: "Waits longest", Paused: "Mails are paused", Counted: "Counted",
	People: "People", Sockets: "Connections of browsers here", Online: "People online, of all instances", Unknown: "not known", Company: "Company", Cars: "Cars", Contracts: "Contracts active", Out: "Go out today", Back: "Come back today", Booked: "Price of those active",
	SlowRoutes: "Slowest routes of the last hour", Route: "Route", Times: "Times", SlowStatements: "Slowest statements of the last hour", Statement: "Statement", Longest: "Longest", NoRoutes: "Nothing was asked.",
	SlowFrom: "Those that took longer than", SlowOff: "SLOW_QUERY is 0: none is noted.", NoSlow: "There were none.",
	Troubles: "Errors, last hour", Errors: "Errors of the last hour", When: "Last at", Where: "Where", What: "What", RequestID: "Request", TraceID: "Trace", NoError: "There were none.",
	Charts: "The last hour", Now: "now", HourAgo: "an hour ago", ChartLabel: "%s: now %s, top of the chart %s, over the last hour",
	Requests: "Requests per second", P95: "Answer time, 95 of 100", ErrorsPerMinute: "Errors (5xx) in a minute", HitCurve: "Answered from the cache", QueueCurve: "Jobs waiting or delayed", ConnectionCurve: "Database connections in use", LagCurve: "Replicas behind, at most",
	PerSecond: "/s", Nothing: "–", Of: "of", Day: "d", HourShort: "h", Minute: "min", Second: "s",

	Pools:     map[string]string{"writer": "write", "readers": "read", "primary": "primary"},
	CarStates: map[string]string{"available": "available", "maintenance": "in maintenance", "unavailable": "unavailable", "archived": "archived"},
}

var bosnianStatus = statusWords{
	Title: "Stanje", Sub: "Prikazano", Refreshes: "Osvježava se svakih 10 sekundi.", SignedIn: "Prijavljeni ste kao",
	OfAll: "sve instance", OfThis: "ova instanca", Shared: "kako ga vidi ova instanca",
	State: "Stanje", Ready: "spremna", Unready: "nije spremna", Stopping: "gasi se",
	Version: "Verzija", Up: "radi već", Began: "Pokrenuta", Instance: "Instanca", Instances: "Instance", This: "ova", Worker: "obavlja samo poslove",
	NoRedis: "Poznata je samo ova instanca: REDIS_URL nije postavljen, a instance se javljaju preko Redisa.", RedisAway: "Trenutno je poznata samo ova instanca: Redis, preko kojeg se ostale javljaju, nije dostupan.",
	Database: "Baza podataka", Connected: "dostupno", Down: "nije dostupno", Embedded: "u ovom procesu", Pool: "Veze", InUse: "U upotrebi", Most: "Najviše", Waits: "Broj čekanja", WaitingRequests: "Zahtjevi koji sada čekaju mjesto",
	Replicas: "Replike", Replica: "Replika", Lag: "Kasni", Used: "koristi se", LeftOut: "izostavljena", Redis: "Redis", Calls: "Pozivi u zadnjem satu", CallsNone: "nijedan u zadnjem satu", Half: "Polovina unutar", NinetyFive: "95 od 100 unutar",
	Cache: "Keš", HitRate: "Odgovoreno iz keša, zadnji sat", Target: "cilj 80 %", NoQuestions: "ništa nije traženo", Memory: "Memorija", Entries: "Sačuvani odgovori", Untrusted: "Sačuvano se trenutno ne koristi, jer izmjene drugih nisu poznate do ovog trenutka.",
	Limits: "Ograničenja", Refused: "Odbijeno s 429, zadnji sat",
	Queue: "Poslovi i pošta", Waiting: "Čekaju", Active: "U toku", Delayed: "Pokušat će se kasnije", Failed: "Neuspjeli", Oldest: "Najduže čeka", Paused: "Pošta je pauzirana", Counted: "Prebrojano",
	People: "Ljudi", Sockets: "Veze preglednika ovdje", Online: "Ljudi na mreži, sve instance", Unknown: "nije poznato", Company: "Firma", Cars: "Vozila", Contracts: "Aktivni ugovori", Out: "Izlaze danas", Back: "Vraćaju se danas", Booked: "Cijena aktivnih",
	SlowRoutes: "Najsporije rute u zadnjem satu", Route: "Ruta", Times: "Puta", SlowStatements: "Najsporiji upiti u zadnjem satu", Statement: "Upit", Longest: "Najduže", NoRoutes: "Ništa nije traženo.",
	SlowFrom: "Oni koji su trajali duže od", SlowOff: "SLOW_QUERY je 0: ne bilježi se nijedan.", NoSlow: "Nije bilo nijednog.",
	Troubles: "Greške, zadnji sat", Errors: "Greške u zadnjem satu", When: "Zadnji put", Where: "Gdje", What: "Šta", RequestID: "Zahtjev", TraceID: "Trag", NoError: "Nije bilo nijedne.",
	Charts: "Zadnji sat", Now: "sada", HourAgo: "prije sat", ChartLabel: "%s: sada %s, vrh grafikona %s, u zadnjem satu",
	Requests: "Zahtjevi u sekundi", P95: "Vrijeme odgovora, 95 od 100", ErrorsPerMinute: "Greške (5xx) u minuti", HitCurve: "Odgovoreno iz keša", QueueCurve: "Poslovi koji čekaju", ConnectionCurve: "Veze s bazom u upotrebi", LagCurve: "Replike kasne, najviše",
	PerSecond: "/s", Nothing: "–", Of: "od", Day: "d", HourShort: "h", Minute: "min", Second: "s",

	Pools:     map[string]string{"writer": "pisanje", "readers": "čitanje", "primary": "primarna"},
	CarStates: map[string]string{"available": "dostupna", "maintenance": "na održavanju", "unavailable": "nedostupna", "archived": "arhivirana"},
	Whys: map[string]string{
		"it does not answer":                                            "ne odgovara",
		"it is too far behind":                                          "previše kasni",
		"it is not known how far it is behind":                          "nije poznato koliko kasni",
		"it may lack what others were not told of":                      "možda joj nedostaje ono što drugima nije javljeno",
		"the primary does not tell where it is":                         "primarna baza ne kaže dokle je stigla",
		"it is no replica: it takes writes":                             "nije replika: prima izmjene",
		"it is a replica of another cluster than DATABASE_URL":          "replika je drugog klastera nego DATABASE_URL",
		"it is another database of the cluster than DATABASE_URL":       "druga je baza klastera nego DATABASE_URL",
		"it refuses the user, the password or the name of the database": "odbija korisnika, lozinku ili ime baze",
	},
}

func statusWordsIn(l identity.Language) *statusWords {
	if l == identity.Bosnian {
		return &bosnianStatus
	}
	return &englishStatus
}

// in returns a word of a table in this language, or as the program has it.
func in(words map[string]string, word string) string {
	if said, ok := words[word]; ok {
		return said
	}
	return word
}
