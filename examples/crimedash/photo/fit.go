package photo

import (
	"image"
	"image/draw"
)

// fit returns a picture of at most [MaxSide] pixels a side, turned. Each of its pixels is
// the mean of a square of the other's: whole squares keep it simple, and what is left over
// at the right and the bottom, less than one of them, is cut off.
func fit(picture image.Image, turn turn) *image.NRGBA {
	bounds := picture.Bounds()
	step := (max(bounds.Dx(), bounds.Dy()) + MaxSide - 1) / MaxSide
	// A strip is thinner than a step: it is its own square.
	across, down := min(step, bounds.Dx()), min(step, bounds.Dy())
	width, height := bounds.Dx()/across, bounds.Dy()/down
	out := image.NewNRGBA(image.Rectangle{Max: turn.size(width, height)})
	// A row of squares at a time, so that no second picture of the old size is needed.
	// Colours are multiplied by their alpha there, as means of them have to be.
	row := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), down))
	for y := range height {
		draw.Draw(row, row.Rect, picture, image.Pt(bounds.Min.X, bounds.Min.Y+y*down), draw.Src)
		for x := range width {
			at := turn.point(x, y, width, height)
			mean(row, x*across, across, down, out.Pix[out.PixOffset(at.X, at.Y):])
		}
	}
	return out
}

// mean writes the mean of the square that begins at the column as one pixel.
func mean(row *image.RGBA, column, across, down int, pixel []byte) {
	var sum [4]uint32 // of at most 16 000 pixels, as MaxPixels and MaxSide have it: no overflow
	for y := range down {
		start := y*row.Stride + column*4
		for i, v := range row.Pix[start : start+across*4] {
			sum[i%4] += uint32(v)
		}
	}
	if sum[3] == 0 {
		return // nothing to be seen
	}
	n := uint32(across * down)
	for i := range 3 {
		pixel[i] = uint8((sum[i]*255 + sum[3]/2) / sum[3])
	}
	pixel[3] = uint8((sum[3] + n/2) / n)
}
