package server

import (
	"strings"

	"github.com/labstack/echo/v4"
)

// componentsPage shows what pages are made of, in each of its states, for whoever works on them. Only dev serves it.
func (s *Server) componentsPage(c echo.Context) error {
	signed := chart{Title: "With losses", Note: "Days of UTC.", Series: []string{"New", "Left"}, Write: short}
	plain := chart{Title: "Large numbers", Series: []string{"Calls"}, Write: short}
	for i := range 14 {
		day := string(rune('a' + i))
		signed.Columns = append(signed.Columns, chartColumn{day, "day " + day, []int64{int64(i * 7 % 11), -int64(i * 5 % 7)}})
		plain.Columns = append(plain.Columns, chartColumn{day, "day " + day, []int64{int64(i*i) * 98_765}})
	}
	none := chart{Title: "Nothing yet", Series: []string{"Calls"}, Write: short}
	return s.view(c, "components", "Components", map[string]any{
		"Charts": []drawnChart{plain.draw(), signed.draw(), none.draw()}, "Kinds": []string{"good", "info", "warn", "bad"},
		"Long":   strings.Repeat("Donaudampfschifffahrtsgesellschaftskapitän", 4),
		"Shares": []meterBar{{Share: 12, Kind: "good"}, {Share: 85, Kind: "warn"}, {Share: 100, Kind: "bad"}},
	})
}
