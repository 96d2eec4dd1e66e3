package server

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/dream-api/dream-api/internal/tenant"
)

const exportedAtOnce = 1000

// exportCustomers streams all customers that fit the search as CSV, a page at a time: neither the database nor this
// program ever holds them all.
func (s *Server) exportCustomers(c echo.Context) error {
	filter, err := customerFilter(c)
	if err != nil {
		return err
	}
	if filter.Near {
		if _, err := s.watch.AsOf(c.Request().Context(), platformOf(c).ID); err != nil {
			return err
		}
	}
	filter.Limit = exportedAtOnce
	page, err := s.customersRead.List(c.Request().Context(), platformOf(c).ID, filter)
	if err != nil { // while an error can still be answered
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="customers.csv"`)
	out := csv.NewWriter(c.Response())
	if err := out.Write([]string{
		"id", "email", "firstName", "lastName", "plan", "createdAt", "status", "monthly", "nearMeter", "nearCount", "nearLimit", "nearPeriodEnd",
	}); err != nil {
		return err
	}
	for {
		for _, one := range page.Customers {
			row := []string{
				plainCell(one.ID), plainCell(orDefault(one.Email, "")), plainCell(one.FirstName), plainCell(one.LastName), one.Plan,
				one.CreatedAt.UTC().Format(time.RFC3339), one.Status, strconv.FormatInt(one.Monthly, 10),
			}
			if err := out.Write(append(row, nearCells(one.Near)...)); err != nil {
				return err
			}
		}
		if out.Flush(); out.Error() != nil || page.Next == "" {
			return out.Error()
		}
		filter.Cursor = page.Next
		if page, err = s.customersRead.List(c.Request().Context(), platformOf(c).ID, filter); err != nil {
			return s.breakOff(c, err)
		}
	}
}

// nearCells are the cells of the limit that a customer is nearest: the one that the page shows. Empty for who is near none.
func nearCells(near *tenant.NearLimit) []string {
	if near == nil {
		return []string{"", "", "", ""}
	}
	ends := ""
	if near.PeriodEnd != nil {
		ends = near.PeriodEnd.Format(time.RFC3339)
	}
	return []string{near.Meter, strconv.FormatInt(near.Count, 10), strconv.FormatInt(near.Limit, 10), ends}
}

// breakOff ends an answer that has begun and can't be finished in a way that shows: the connection ends in the middle, and whoever
// reads has no whole file.
func (s *Server) breakOff(c echo.Context, err error) error {
	s.log.ErrorContext(c.Request().Context(), "an answer was broken off", "requestId", requestID(c), "error", err)
	panic(http.ErrAbortHandler)
}
