//go:build screenshots

package screenshots

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
)

// shrink has an image use the 128 colours that it uses most, which is half of the bytes and hardly shows on a page.
func shrink(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	size := full.Bounds()
	pixels := image.NewNRGBA(size)
	draw.Draw(pixels, size, full, size.Min, draw.Src)
	used := map[color.NRGBA]int{}
	for i := 0; i < len(pixels.Pix); i += 4 {
		used[color.NRGBA{pixels.Pix[i], pixels.Pix[i+1], pixels.Pix[i+2], 255}]++
	}
	colours := make([]color.NRGBA, 0, len(used))
	for c := range used {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.NRGBA) int {
		return cmp.Or(cmp.Compare(used[b], used[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := color.Palette{}
	for _, c := range colours[:min(len(colours), 128)] {
		palette = append(palette, c)
	}
	nearest := make(map[color.NRGBA]uint8, len(used))
	for c := range used {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(size, palette)
	for i := range small.Pix {
		small.Pix[i] = nearest[color.NRGBA{pixels.Pix[4*i], pixels.Pix[4*i+1], pixels.Pix[4*i+2], 255}]
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}
