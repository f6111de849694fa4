package pages

import (
	"fmt"
	"net/http"

	"golang.org/x/text/language"

	"cartracker/internal/identity"
)

// words are what the pages say in one language.
type words struct {
	SignIn, SignedIn, SignOut      string
	Username, Password, Email      string
	Forgot, ForgotLink, ForgotHint string
	SendLink, Back                 string
	Sent, SentHint                 string
	SignedInAs, ToClient, ToDocs   string
	Choose, For, New, Repeat, Hint string
	Save, Set, SetHint             string
	Dead, DeadHint, AskAgain       string
	Failed, TryAgain, RequestID    string
	Refused, TooMany, Busy         string
	Foreign, Malformed, Broken     string
	ToStatus, AdminsOnly, Led      string
	DatabaseAway, Again, Who       string

	WaitSeconds, WaitMinutes string            // with %d for how many
	Problems                 map[string]string // what the domain says of a field, in this language; nil: as it says it
	Otherwise                string            // what it may say that is not known here
}

var english = words{
	SignIn: "Sign in", SignedIn: "You are signed in", SignOut: "Sign out",
	Username: "User name or e-mail address", Password: "Password", Email: "E-mail address",
	Forgot: "Forgot your password?", ForgotLink: "Forgot your password?",
	ForgotHint: "Enter the e-mail address of your account. We send you a link with which you can choose a new password.",
	SendLink:   "Send the link", Back: "Back to sign-in",
	Sent: "Look into your mail", SentHint: "If there is an account with this address, a mail with a link is on its way to it. The link can be used once, within 24 hours.",
	SignedInAs: "Signed in as", ToClient: "Go to the program", ToDocs: "Documents of the API",
	Choose: "Choose a password", For: "for the user", New: "New password", Repeat: "The same once more",
	Hint: "At least 8 characters. Several unrelated words make a good one.",
	Save: "Save the password", Set: "Your password is set", SetHint: "You were signed out everywhere. Sign in with your new password.",
	Dead: "This link does not work", DeadHint: "It was used already, is too old, or is not complete. Ask for a new one, or ask an administrator to send you one.",
	AskAgain: "Ask for a new link",
	Failed:   "That did not work", TryAgain: "Back to sign-in", RequestID: "If you ask for help, name this number:",
	Refused: "User name or password is wrong.", TooMany: "Too many attempts.", Busy: "The program has too much to do or is not ready.",
	Foreign:   "This form was sent by a page of another site. Nothing was done. Open the page here, and try again.",
	Malformed: "Your browser sent something that cannot be read. Go back, and try again.",
	Broken:    "Something went wrong on our side. Try again later.",
	ToStatus:  "How the program is", AdminsOnly: "Only an administrator may see this page. You are signed in as somebody else.",
	Led:          "A page of another site has led here. Open this page here to see it.",
	DatabaseAway: "The database is away. Without it nobody can be recognised, and nothing is shown. This page looks again every 10 seconds.",
	Again:        "Open the page again", Who: "Who is signed in",

	WaitSeconds: "Try again in %d s.", WaitMinutes: "Try again in %d min.",
	Problems: map[string]string{
		"is not the same":                   "This is not the same as above.",
		"is required":                       "Please fill this in.",
		"must be an e-mail address":         "This is not an e-mail address.",
		"must have 3 to 254 characters":     "This is not an e-mail address.",
		"must have 1 to 254 characters":     "This has too many characters.",
		"must have 1 to 1024 characters":    "This has too many characters.",
		"must have at least 8 characters":   "This must have at least 8 characters.",
		"must have at most 1024 characters": "This must have at most 1024 characters.",
		"must be more than the user name, the e-mail address or the name of this program": "This must be more than the user name, the e-mail address or the name of this program.",
		"is too common or too easy to guess; several unrelated words make a good one":     "This is too common or too easy to guess. Several unrelated words make a good one.",
	},
	Otherwise: "Please choose something else.",
}

var bosnian = words{
	SignIn: "Prijava", SignedIn: "Prijavljeni ste", SignOut: "Odjava",
	Username: "Korisničko ime ili e-mail adresa", Password: "Lozinka", Email: "E-mail adresa",
	Forgot: "Zaboravili ste lozinku?", ForgotLink: "Zaboravili ste lozinku?",
	ForgotHint: "Unesite e-mail adresu svog računa. Poslat ćemo vam link kojim možete odabrati novu lozinku.",
	SendLink:   "Pošalji link", Back: "Nazad na prijavu",
	Sent: "Pogledajte svoju poštu", SentHint: "Ako postoji račun s ovom adresom, e-mail s linkom je na putu. Link se može iskoristiti jednom, u roku od 24 sata.",
	SignedInAs: "Prijavljeni ste kao", ToClient: "Idi u program", ToDocs: "Dokumentacija API-ja",
	Choose: "Odaberite lozinku", For: "za korisnika", New: "Nova lozinka", Repeat: "Ista još jednom",
	Hint: "Najmanje 8 znakova. Dobra je ona od nekoliko riječi koje nemaju veze jedna s drugom.",
	Save: "Sačuvaj lozinku", Set: "Lozinka je postavljena", SetHint: "Odjavljeni ste svugdje. Prijavite se novom lozinkom.",
	Dead: "Ovaj link ne radi", DeadHint: "Već je iskorišten, prestar je ili nije potpun. Zatražite novi, ili zamolite administratora da vam ga pošalje.",
	AskAgain: "Zatraži novi link",
	Failed:   "To nije uspjelo", TryAgain: "Nazad na prijavu", RequestID: "Ako tražite pomoć, navedite ovaj broj:",
	Refused: "Korisničko ime ili lozinka nije ispravno.", TooMany: "Previše pokušaja.", Busy: "Program ima previše posla ili nije spreman.",
	Foreign:   "Ovaj obrazac poslala je stranica s drugog mjesta. Ništa nije urađeno. Otvorite stranicu ovdje i pokušajte ponovo.",
	Malformed: "Vaš preglednik poslao je nešto što se ne može pročitati. Vratite se nazad i pokušajte ponovo.",
	Broken:    "Kod nas je nešto pošlo po zlu. Pokušajte ponovo kasnije.",
	ToStatus:  "Kako je programu", AdminsOnly: "Ovu stranicu smije vidjeti samo administrator. Prijavljeni ste kao neko drugi.",
	Led:          "Ovamo vas je dovela stranica s drugog mjesta. Otvorite ovu stranicu ovdje da je vidite.",
	DatabaseAway: "Baza podataka nije dostupna. Bez nje se niko ne može prepoznati i ništa se ne prikazuje. Ova stranica pokušava ponovo svakih 10 sekundi.",
	Again:        "Otvori stranicu ponovo", Who: "Ko je prijavljen",

	WaitSeconds: "Pokušajte ponovo za %d s.", WaitMinutes: "Pokušajte ponovo za %d min.",
	Problems: map[string]string{
		"is not the same":                   "Ovo nije isto kao gore.",
		"is required":                       "Molimo popunite.",
		"must be an e-mail address":         "Ovo nije e-mail adresa.",
		"must have 3 to 254 characters":     "Ovo nije e-mail adresa.",
		"must have 1 to 254 characters":     "Ovo ima previše znakova.",
		"must have 1 to 1024 characters":    "Ovo ima previše znakova.",
		"must have at least 8 characters":   "Ovo mora imati najmanje 8 znakova.",
		"must have at most 1024 characters": "Ovo smije imati najviše 1024 znaka.",
		"must be more than the user name, the e-mail address or the name of this program": "Ovo mora biti više od korisničkog imena, e-mail adrese ili imena programa.",
		"is too common or too easy to guess; several unrelated words make a good one":     "Ovo je previše uobičajeno ili se lako pogađa. Dobra je lozinka od nekoliko nepovezanih riječi.",
	},
	Otherwise: "Molimo odaberite nešto drugo.",
}

func wordsIn(l identity.Language) *words {
	if l == identity.Bosnian {
		return &bosnian
	}
	return &english
}

// of says what the domain says of a field.
func (w *words) of(problem string) string {
	if said, ok := w.Problems[problem]; ok {
		return said
	}
	return w.Otherwise
}

// wait says in how long to try again.
func (w *words) wait(seconds int) string {
	if seconds < 60 {
		return fmt.Sprintf(w.WaitSeconds, max(1, seconds))
	}
	return fmt.Sprintf(w.WaitMinutes, (seconds+59)/60)
}

// languageOf returns the language of ours that a browser asks for first. Who
// reads Croatian, Serbian or Montenegrin reads Bosnian.
func languageOf(r *http.Request, otherwise identity.Language) identity.Language {
	asked, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil {
		return otherwise
	}
	for _, tag := range asked {
		switch base, _ := tag.Base(); base.String() {
		case "bs", "hr", "sr", "sh", "cnr":
			return identity.Bosnian
		case "en":
			return identity.English
		}
	}
	return otherwise
}
