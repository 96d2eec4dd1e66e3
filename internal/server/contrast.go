package server

import (
	"math"
	"strconv"
)

// inkOn is black or white, whichever can be read better on a colour, given as three pairs of hexadecimal digits. The
// contrast is 4.58 at the least, on the worst of greys.
func inkOn(rgb []string) string {
	if luminance := luminanceOf(rgb); (1.05)/(luminance+0.05) >= (luminance+0.05)/0.05 {
		return "#ffffff"
	}
	return "#000000"
}

// luminanceOf is the relative luminance of WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
func luminanceOf(rgb []string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(rgb[i], 16, 8)
		if err != nil {
			return 0
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
