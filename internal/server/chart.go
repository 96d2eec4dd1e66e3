package server

import (
	"math"
	"strconv"
	"strings"
)

// A chart of columns, drawn as SVG by the template "chart": the numbers are laid out here. No library draws them: those for
// Go make pictures without focus and names, or need a script.

// chart is columns of one or several series over time. A negative part hangs below the line of zero.
type chart struct {
	Title   string
	Note    string // how the numbers are computed
	Series  []string
	Columns []chartColumn
	Write   func(int64) string // a number as people read it
	Tick    func(int64) string // the same beside the axis, in few characters; nil: as Write does
}

type chartColumn struct {
	Label string // short, below the column
	Name  string // of the whole, for focus and table
	Parts []int64
}

// The picture's size, in the units of its viewBox.
const (
	chartWidth  = 640
	chartHeight = 220
	chartLeft   = 64
	chartTop    = 12
	chartBottom = 28
	mostLabels  = 12 // that fit below the columns
)

// drawnChart is a chart laid out.
type drawnChart struct {
	chart
	Width, Height int
	Left, Right   float64
	Ticks         []drawnTick
	Bars          []drawnColumn
	Empty         bool // nothing but zeros
}

type drawnTick struct {
	Y    float64
	Text string
	Zero bool
}

type drawnColumn struct {
	X, Middle, W, Top, H float64 // of the area that can be pointed at
	Label, Name          string
	Parts                []drawnPart
}

type drawnPart struct {
	Y, H   float64
	Series int // from 1
	Text   string
}

// draw lays the chart out.
func (c chart) draw() drawnChart {
	d := drawnChart{chart: c, Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth}
	var high, low int64
	for _, column := range c.Columns {
		up, down := int64(0), int64(0)
		for _, part := range column.Parts {
			if part > 0 {
				up += part
			} else {
				down += part
			}
		}
		high, low = max(high, up), min(low, down)
	}
	d.Empty = high == 0 && low == 0
	step := niceStep(high, low)
	top, bottom := ceilTo(high, step), -ceilTo(-low, step)
	if top == bottom {
		top = step
	}
	write := c.Write
	if c.Tick != nil {
		write = c.Tick
	}
	height := float64(chartHeight - chartTop - chartBottom)
	y := func(n int64) float64 {
		return round1(chartTop + height*float64(top-n)/float64(top-bottom))
	}
	for n := bottom; n <= top; n += step {
		d.Ticks = append(d.Ticks, drawnTick{y(n), write(n), n == 0})
	}
	slot := float64(chartWidth-chartLeft) / float64(max(len(c.Columns), 1))
	every := (len(c.Columns) + mostLabels - 1) / mostLabels
	for i, column := range c.Columns {
		bar := drawnColumn{
			X: round1(chartLeft + slot*float64(i) + slot*0.12), W: round1(slot * 0.76), Middle: round1(chartLeft + slot*(float64(i)+0.5)),
			Top: chartTop, H: height, Name: column.Name,
		}
		if i%max(every, 1) == 0 {
			bar.Label = column.Label
		}
		up, down := int64(0), int64(0)
		for s, part := range column.Parts {
			from, to := up, up+part
			if part < 0 {
				from, to = down+part, down
				down += part
			} else {
				up += part
			}
			if part != 0 {
				bar.Parts = append(bar.Parts, drawnPart{Y: y(to), H: round1(math.Max(y(from)-y(to), 1)), Series: s + 1})
			}
		}
		d.Bars = append(d.Bars, bar)
	}
	return d
}

// Says is a column in words: what it is of, and each part that is not nothing.
func (c chart) Says(i int) string {
	column := c.Columns[i]
	text := column.Name + ": "
	if len(c.Series) == 1 {
		return text + c.Write(column.Parts[0])
	}
	var parts []string
	for s, part := range column.Parts {
		if part != 0 {
			parts = append(parts, c.Series[s]+" "+c.Write(part))
		}
	}
	if len(parts) == 0 {
		return text + "nothing"
	}
	return text + strings.Join(parts, ", ")
}

// Cell is a number of the chart's table.
func (c chart) Cell(n int64) string { return c.Write(n) }

// niceStep is a step of 1, 2 or 5 times a power of ten that divides the range into four or so.
func niceStep(high, low int64) int64 {
	rough := float64(high-low) / 4
	if rough < 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, times := range []float64{1, 2, 5, 10} {
		if times*power >= rough {
			return int64(times * power)
		}
	}
	return int64(10 * power)
}

func ceilTo(n, step int64) int64 {
	if n <= 0 {
		return 0
	}
	return (n + step - 1) / step * step
}

func round1(x float64) float64 { return math.Round(x*10) / 10 }

// short writes a large number in few characters: 1.2k, 3.4M.
func short(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1_000_000_000, "B"}, {1_000_000, "M"}, {1_000, "k"}} {
		if n >= unit.size || -n >= unit.size {
			return strconv.FormatFloat(math.Round(float64(n)/float64(unit.size)*10)/10, 'f', -1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}
