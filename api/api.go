// Package api owns the contract: what the three surfaces take and answer. It is written by hand, and apitest holds every
// answer that the tests see to it.
package api

import (
	_ "embed" // the contract
	"strings"
)

//go:embed openapi.yaml
var contract string

// The addresses of the surfaces as the file has them.
const (
	CustomerURL  = "https://api.example.com"
	DeveloperURL = "https://dashboard.example.com"
	OAuthURL     = "https://connect.example.com"
)

// Contract is the contract of a server with these addresses, in YAML.
func Contract(customer, developer, oauth string) string {
	return strings.NewReplacer(CustomerURL, customer, DeveloperURL, developer, OAuthURL, oauth).Replace(contract)
}
