package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// fromClerk is how many of the first customers sign in with the shared Clerk app; the product keeps the others itself.
const fromClerk = 25

// name gives a customer a name and an address of their own.
func (c *Customer) name(r *rand.Rand, i int) {
	c.First, c.Last = firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]
	plain := fold.Replace(strings.ToLower(c.First + "." + c.Last))
	switch r.IntN(4) {
	case 0:
		plain = fold.Replace(strings.ToLower(c.First))
	case 1:
		plain = fold.Replace(strings.ToLower(string([]rune(c.First)[0]) + c.Last))
	}
	c.Email = fmt.Sprintf("%s.%d@example.com", plain, 101+i*7%100_003)
	if i >= fromClerk {
		c.ID = fmt.Sprintf("u_%05d", 10_001+i)
	}
	switch r.IntN(12) { // some say less
	case 0:
		c.First, c.Last = "", ""
	case 1:
		c.Last = ""
	}
}

// fold writes a name with what an address may hold.
var fold = strings.NewReplacer(" ", "", "'", "", "ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "å", "a", "ø", "o", "æ", "ae", "é", "e", "è", "e",
	"ë", "e", "á", "a", "à", "a", "ã", "a", "í", "i", "ó", "o", "ú", "u", "ñ", "n", "ç", "c", "ş", "s", "ğ", "g", "ı", "i", "ł", "l", "ń", "n",
	"ś", "s", "ž", "z", "š", "s", "č", "c", "ć", "c", "ř", "r", "ý", "y", "ő", "o", "ê", "e", "ô", "o")

var firstNames = []string{
	"Ada", "Adaeze", "Aiko", "Aisha", "Aleksandra", "Alejandro", "Amara", "Amélie", "Ananya", "Anders", "Anika", "Antoine", "Arjun", "Astrid",
	"Ayşe", "Beatriz", "Benedikt", "Bilal", "Björn", "Camila", "Carlos", "Chiara", "Chidi", "Chloé", "Daan", "Daniela", "Darius", "Dmitri",
	"Eleni", "Elif", "Emeka", "Emily", "Emre", "Esther", "Farid", "Fatima", "Federico", "Femi", "Fiona", "François", "Freya", "Gabriela",
	"Georgios", "Giulia", "Grace", "Hannah", "Haruto", "Hassan", "Helena", "Hiroshi", "Hugo", "Ibrahim", "Ines", "Ingrid", "Isabel", "Ivan",
	"Jakub", "James", "Jasmin", "Javier", "Jiho", "Joana", "Johan", "Jun", "Kaito", "Karim", "Katarzyna", "Kenji", "Khadija", "Kofi",
	"Lars", "Laura", "Leila", "Lena", "Liam", "Lin", "Linnea", "Lucas", "Lucía", "Luka", "Magnus", "Mai", "Malik", "Maren", "Maria", "Marek",
	"Mateo", "Mehmet", "Mei", "Mia", "Miguel", "Mika", "Milan", "Min-jun", "Mohamed", "Nadia", "Naledi", "Nia", "Niamh", "Nikolai", "Nils",
	"Noah", "Noor", "Olga", "Oliver", "Omar", "Oskar", "Paula", "Pedro", "Petra", "Priya", "Quentin", "Rafael", "Rania", "Ravi", "Rosa",
	"Sakura", "Salma", "Samuel", "Sanne", "Sara", "Sean", "Selin", "Sofía", "Søren", "Stefan", "Sven", "Tamar", "Tariq", "Tereza", "Thabo",
	"Theo", "Tomasz", "Uma", "Valentina", "Viktor", "Wanjiru", "Wei", "Xin", "Yara", "Yuki", "Yusuf", "Zainab", "Zoe", "Zuzana",
}

var lastNames = []string{
	"Abdullah", "Acheampong", "Adeyemi", "Aguilar", "Ahmed", "Almeida", "Andersson", "Bakker", "Banerjee", "Barbosa", "Bauer", "Becker",
	"Bernard", "Bianchi", "Brown", "Castillo", "Chen", "Clarke", "Cohen", "Costa", "Cruz", "Da Silva", "De Vries", "Demir", "Diallo",
	"Dubois", "Dvořák", "Eriksen", "Fernández", "Ferrari", "Fischer", "Fournier", "Gallo", "García", "Georgiou", "Gomes", "González",
	"Gupta", "Haddad", "Hansen", "Hashimoto", "Hernández", "Hoffmann", "Horváth", "Hughes", "Ibrahim", "Ito", "Ivanov", "Jansen", "Jensen",
	"Johansson", "Jones", "Kaya", "Keller", "Kelly", "Khan", "Kim", "Kowalski", "Kruger", "Kumar", "Larsen", "Lee", "Lefèvre", "Lehtonen",
	"Li", "Lindqvist", "López", "Madsen", "Mahlangu", "Martínez", "Mbeki", "Mehta", "Meyer", "Moreau", "Moreno", "Morris", "Murphy", "Müller",
	"Mwangi", "Nakamura", "Nguyen", "Nielsen", "Novák", "Nowak", "O'Brien", "Okafor", "Okonkwo", "Olsen", "Öztürk", "Papadopoulos", "Park",
	"Patel", "Pereira", "Petrov", "Popescu", "Ramírez", "Rao", "Ricci", "Rossi", "Roux", "Russo", "Sato", "Schmidt", "Schneider", "Sharma",
	"Silva", "Singh", "Smit", "Smith", "Sokolov", "Suzuki", "Svensson", "Tan", "Tanaka", "Taylor", "Thomas", "Torres", "Tran", "Tremblay",
	"Van Dijk", "Vargas", "Vega", "Virtanen", "Vogel", "Walker", "Wang", "Weber", "Williams", "Wilson", "Wójcik", "Wu", "Yamamoto", "Yıldız",
	"Zhang", "Zimmermann", "Zulu",
}
