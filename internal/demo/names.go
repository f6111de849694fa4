package demo

import "strings"

// A land is where customers come from. Its phone numbers begin with one of
// the prefixes.
type land struct {
	country            string
	phones             []string
	women, men, family []string
	cities, streets    []string
	ofHundred          int // customers
}

func list(of string) []string { return strings.Split(of, ", ") }

// home is the land of most customers, the first of lands.
var lands = []land{
	{
		country: "Bosnia and Herzegovina", ofHundred: 64, phones: list("+387 60, +387 61, +387 62, +387 63, +387 65, +387 66"),
		women:   list("Amra, Lejla, Šejla, Emina, Dženana, Đulsa, Sanja, Jelena, Marija, Željka, Ajla, Selma, Gordana, Vesna, Mirela, Čarna"),
		men:     list("Amar, Emir, Haris, Đorđe, Žarko, Nedžad, Mirza, Goran, Siniša, Željko, Adnan, Ćamil, Zlatko, Vedran, Nikola, Fuad"),
		family:  list("Hadžić, Begović, Đurić, Čaušević, Šarić, Kovačević, Žunić, Ćosić, Delić, Marković, Perić, Imamović, Babić, Tomić, Suljić, Vuković, Hodžić, Šehić"),
		cities:  list("Sarajevo, Banja Luka, Tuzla, Zenica, Mostar, Bihać, Brčko, Trebinje, Goražde, Čapljina, Živinice"),
		streets: list("Hrastova, Obala, Kovačka, Školska, Bistrička, Vodena, Dugi sokak, Cvjetna, Staničina, Ćuprijska"),
	},
	{
		country: "Croatia", ofHundred: 7, phones: list("+385 91, +385 95, +385 98"),
		women: list("Ivana, Petra, Mirjana, Đurđica, Nikolina, Katarina"), men: list("Ante, Marko, Tomislav, Željko, Hrvoje, Šime"),
		family: list("Horvat, Jurić, Knežević, Šimić, Matić, Grgić, Blažević"), cities: list("Zagreb, Split, Rijeka, Osijek, Šibenik"),
		streets: list("Vinogradska, Morska, Lipova, Borova"),
	},
	{
		country: "Serbia", ofHundred: 6, phones: list("+381 60, +381 63, +381 64"),
		women: list("Milica, Jovana, Dragana, Ljiljana, Snežana"), men: list("Miloš, Stefan, Dušan, Živko, Aleksandar"),
		family: list("Jovanović, Petrović, Nikolić, Đorđević, Živković, Stanković"), cities: list("Beograd, Novi Sad, Niš, Užice, Čačak"),
		streets: list("Dunavska, Topolska, Zelena, Stara"),
	},
	{
		country: "Germany", ofHundred: 7, phones: list("+49 151, +49 160, +49 170"),
		women: list("Anke, Jörna, Käthe, Ursula, Birgit"), men: list("Jürgen, Björn, Götz, Stefan, Uwe"),
		family: list("Müller, Schröder, Köhler, Weiß, Jäger, Böhm, Lang"), cities: list("München, Köln, Berlin, Nürnberg, Düsseldorf"),
		streets: list("Mühlweg, Lindenstraße, Am Bühl, Gärtnergasse"),
	},
	{
		country: "Austria", ofHundred: 4, phones: list("+43 650, +43 664, +43 676"),
		women: list("Elfriede, Käthe, Sonja, Theresa"), men: list("Günther, Jörg, Matthias, Lukas"),
		family: list("Gruber, Pöltl, Höfler, Wögerer, Steiner"), cities: list("Wien, Graz, Linz, St. Pölten, Mödling"),
		streets: list("Rebengasse, Höhenweg, Marktzeile"),
	},
	{
		country: "Norway", ofHundred: 2, phones: list("+47 41, +47 92"),
		women: list("Sølvi, Åse, Ingrid, Bjørg"), men: list("Øyvind, Håkon, Søren, Lars"),
		family: list("Sørli, Bjørnstad, Ødegård, Nygård, Lund"), cities: list("Oslo, Tromsø, Bodø, Ålesund"),
		streets: list("Fjordveien, Skogveien, Bjørkeveien"),
	},
	{
		country: "Türkiye", ofHundred: 4, phones: list("+90 532, +90 543"),
		women: list("Ayşe, Gülay, Zeynep, Özlem"), men: list("Çağrı, Mehmet, Ömer, Yiğit"),
		family: list("Yıldız, Öztürk, Şahin, Güneş, Çelik"), cities: list("İstanbul, Ankara, İzmir, Eskişehir"),
		streets: list("Çınar Sokak, Gül Sokak, Deniz Caddesi"),
	},
	{
		country: "France", ofHundred: 3, phones: list("+33 6, +33 7"),
		women: list("Françoise, Hélène, Chloé, Océane"), men: list("Jérôme, Benoît, Loïc, Gaëtan"),
		family: list("Lefèvre, Garçon, Bérard, Noël, Marchand"), cities: list("Paris, Lyon, Orléans, Besançon"),
		streets: list("rue des Prés, allée du Moulin, rue de la Forêt"),
	},
	{
		country: "Poland", ofHundred: 3, phones: list("+48 50, +48 60"),
		women: list("Małgorzata, Agnieszka, Żaneta, Bożena"), men: list("Łukasz, Paweł, Michał, Wojciech"),
		family: list("Wójcik, Kamiński, Dąbrowski, Król, Zając"), cities: list("Kraków, Łódź, Wrocław, Gdańsk"),
		streets: list("Kwiatowa, Źródlana, Leśna"),
	},
}

var remarks = []string{
	"Prefers an automatic.", "Uvijek plaća gotovinom.", "Needs a child seat.", "Traži fakturu na firmu.", "Comes back every summer.",
	"Javiti se telefonom dan ranije.", "Speaks German and English.", "Vozi i supruga: i njena dozvola je u kopiji.",
}

var notes = []string{
	"Child seat in the back.", "Preuzimanje na aerodromu u 22:30.", "The customer brings the car back after 18:00.", "Drugi vozač: brat korisnika.",
	"A scratch on the rear bumper was there before.", "Zelena karta je u pretincu.", "Roof box included.", "Povrat u drugoj poslovnici, dogovoreno.",
	"Snow chains are in the boot.", "Polog plaćen karticom.",
}

var reasons = []string{
	"The flight was cancelled.", "Korisnik se razbolio.", "The customer took a larger car instead.", "Put je odgođen za proljeće.",
	"The customer came back early.", "Kvar na klimi, vozilo vraćeno.", "Booked twice by mistake.", "Firma je otkazala službeni put.",
}
