package tenant

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
)

const (
	// LargestLogo bounds the file of a logo, in bytes.
	LargestLogo = 200_000

	longestSide  = 1024 // of a logo as it is sent, in pixels
	keptSide     = 256  // as it is kept
	mostJPEGScan = 64   // a photograph has about ten; each may have us go over all pixels for a few bytes
)

var (
	errNoLogo    = errors.New("is a PNG or a JPEG, and whole")
	errLargeLogo = fmt.Errorf("has %d kB at the most", LargestLogo/1000)
	errWideLogo  = fmt.Errorf("is %d × %d pixels at the most", longestSide, longestSide)
)

// encodeLogo makes a small PNG of a file that anybody may have sent. The pixels alone come through: what else the file
// holds, or is to who reads it as something else, is gone.
func encodeLogo(file []byte) ([]byte, error) {
	if len(file) > LargestLogo {
		return nil, errLargeLogo
	}
	// By its first bytes and not by image.Decode, which knows whatever some package has registered.
	config, decode := png.DecodeConfig, png.Decode
	switch {
	case bytes.HasPrefix(file, []byte("\x89PNG\r\n\x1a\n")):
	case bytes.HasPrefix(file, []byte("\xff\xd8\xff")) && bytes.Count(file, []byte("\xff\xda")) <= mostJPEGScan:
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	default:
		return nil, errNoLogo
	}
	// The size comes first: a file of a few bytes may unfold to gigabytes.
	size, err := config(bytes.NewReader(file))
	switch {
	case err != nil || size.Width < 1 || size.Height < 1:
		return nil, errNoLogo
	case size.Width > longestSide || size.Height > longestSide:
		return nil, errWideLogo
	}
	full, err := decode(bytes.NewReader(file))
	if err != nil {
		return nil, errNoLogo
	}
	return keepLogo(full)
}

// keepLogo has few enough pixels of the image as a PNG, which is noise with transparency at the worst.
func keepLogo(full image.Image) ([]byte, error) {
	for side := keptSide; ; side = side * 3 / 4 {
		var out bytes.Buffer
		if err := png.Encode(&out, scaled(full, side)); err != nil {
			return nil, err
		}
		if out.Len() <= LargestLogo {
			return out.Bytes(), nil
		}
	}
}

// scaled is the image with its longer side no longer than that.
func scaled(full image.Image, side int) image.Image {
	bounds := full.Bounds()
	width, height := bounds.Dx(), bounds.Dy()
	if longer := max(width, height); longer > side {
		width, height = max(1, width*side/longer), max(1, height*side/longer)
	}
	small := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.CatmullRom.Scale(small, small.Bounds(), full, bounds, draw.Src, nil)
	return small
}
