package pages

import (
	"math"
	"strconv"
)

// A chart is a curve of the last hour, drawn on paper of one unit for each value
// of an hour by chartHeight.
type chart struct {
	ID     string
	Title  string
	Value  string // the newest
	Most   string // the top of the paper
	Label  string // all of it in words, for who cannot see it
	Scope  string
	Width  int
	Height int
	Line   string // the path of the curve
	Area   string // and of what is below it
	Target string // where a line across is; "" for none
}

const chartHeight = 100

// draw draws a curve on paper whose top is most. Where there is no value there is
// a gap; one value between two gaps is a dot.
func (c *chart) draw(curve []float64, points int, most float64) {
	c.Width, c.Height = points, chartHeight
	var line, area []byte
	left := points - len(curve)
	from := -1 // where the piece begins
	for i, v := range curve {
		if math.IsNaN(v) {
			continue
		}
		x, y := left+i, heightOf(v, most)
		if from < 0 {
			from = x
			line = spot(line, 'M', x, y)
			area = spot(spot(area, 'M', x, chartHeight), 'L', x, y)
		} else {
			line, area = spot(line, 'L', x, y), spot(area, 'L', x, y)
		}
		if i+1 == len(curve) || math.IsNaN(curve[i+1]) {
			if from == x {
				line = append(line, "h.1"...)
			}
			area = append(spot(area, 'L', x, chartHeight), 'Z')
			from = -1
		}
	}
	c.Line, c.Area = string(line), string(area)
}

// heightOf is how far from the top a value is, to a tenth.
func heightOf(v, most float64) float64 {
	return math.Round(10*chartHeight*(1-min(max(v, 0)/most, 1))) / 10
}

func spot(path []byte, to byte, x int, y float64) []byte {
	path = strconv.AppendInt(append(path, to), int64(x), 10)
	return strconv.AppendFloat(append(path, ' '), y, 'f', -1, 64)
}

// top returns the next round number above all values of a curve, and at least
// least: 1, 2 or 5 with as many zeros as it takes.
func top(curve []float64, least float64) float64 {
	most := least
	for _, v := range curve {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			most = max(most, v)
		}
	}
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= most*(1-1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// last returns the newest value of a curve; NaN if there is none.
func last(curve []float64) float64 {
	if len(curve) == 0 {
		return math.NaN()
	}
	return curve[len(curve)-1]
}

// over returns a curve with what f makes of the sums of n values, up to each.
func over(n int, f func(a, b float64) float64, a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		var x, y float64
		for j := max(0, i+1-n); j <= i; j++ {
			x, y = x+a[j], y+b[j]
		}
		out[i] = f(x, y)
	}
	return out
}

// times returns a curve with each value so many times as high.
func times(factor float64, curve []float64) []float64 {
	out := make([]float64, len(curve))
	for i, v := range curve {
		out[i] = factor * v
	}
	return out
}

func sum(curve []float64) (all float64) {
	for _, v := range curve {
		if !math.IsNaN(v) {
			all += v
		}
	}
	return all
}

// share is which part of both a is, in percent; NaN if there is nothing.
func share(a, b float64) float64 {
	if a+b == 0 {
		return math.NaN()
	}
	return 100 * a / (a + b)
}
