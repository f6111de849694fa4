package bench

import (
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A curve is one line of a picture.
type curve struct {
	name   string
	points plotter.XYs
}

// A panel is one picture: what it shows, and against what.
type panel struct {
	title, x   string
	growing    bool // by factors of ten, and not by steps
	curves     []curve
	xTicks     []float64
	yFrom, yTo float64 // milliseconds
}

// picture draws panels with the same curves beside each other into an SVG file
// of this folder, if BENCH_PICTURES is set.
func picture(b testing.TB, file string, panels ...panel) {
	b.Helper()
	if os.Getenv("BENCH_PICTURES") == "" {
		return
	}
	const width, height, names = 13 * vg.Centimeter, 11 * vg.Centimeter, 7 * vg.Centimeter
	canvas := vgsvg.New(width*vg.Length(len(panels))+names, height)
	whole := draw.New(canvas)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: vg.Centimeter / 2, PadRight: vg.Centimeter / 2, PadTop: vg.Centimeter / 4}
	legend := plot.NewLegend()
	legend.Top, legend.Left, legend.Padding = true, true, vg.Millimeter
	var all []*plot.Plot
	for i, p := range panels {
		all = append(all, p.plot(b, &legend, i == 0))
	}
	for i, c := range plot.Align([][]*plot.Plot{all}, tiles, draw.Crop(whole, 0, -names, 0, 0))[0] {
		all[i].Draw(c)
	}
	legend.Draw(draw.Crop(whole, whole.Size().X-names, 0, 0, -vg.Centimeter))
	f, err := os.Create(filepath.Join(".", file))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := canvas.WriteTo(f); err != nil {
		b.Fatal(err)
	}
}

// plot draws the curves, and tells the legend of them if it is to name them.
func (p panel) plot(b testing.TB, legend *plot.Legend, name bool) *plot.Plot {
	b.Helper()
	out := plot.New()
	out.BackgroundColor = color.White
	out.Title.Text, out.X.Label.Text, out.Y.Label.Text = p.title, p.x, "ms"
	out.Y.Scale, out.Y.Tick.Marker = plot.LogScale{}, decades{}
	if p.growing {
		out.X.Scale = plot.LogScale{}
	}
	out.X.Tick.Marker = ticksAt(p.xTicks)
	out.Y.Min, out.Y.Max = p.yFrom, p.yTo
	out.Add(plotter.NewGrid())
	for i, c := range p.curves {
		line, points, err := plotter.NewLinePoints(c.points)
		if err != nil {
			b.Fatal(err)
		}
		line.Color, points.Color, points.Shape = plotutil.Color(i), plotutil.Color(i), plotutil.Shape(i)
		out.Add(line, points)
		if name {
			legend.Add(c.name, line, points)
		}
	}
	return out
}

// decades marks 1, 2 and 5 times each power of ten.
type decades struct{}

func (decades) Ticks(from, to float64) (out []plot.Tick) {
	for e := math.Floor(math.Log10(from)); e <= math.Ceil(math.Log10(to)); e++ {
		for _, n := range []float64{1, 2, 5} {
			if v := n * math.Pow(10, e); v >= from && v <= to {
				out = append(out, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 4, 64)})
			}
		}
	}
	return out
}

func ticksAt(values []float64) plot.ConstantTicks {
	var out plot.ConstantTicks
	for _, v := range values {
		out = append(out, plot.Tick{Value: v, Label: short(v)})
	}
	return out
}

// short writes a number such as 100k.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', -1, 64) + "M"
	case v >= 1e3:
		return strconv.FormatFloat(v/1e3, 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
