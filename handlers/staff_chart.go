package handlers

import "strconv"

// chart is a picture as the pages draw it in SVG: every place is worked out here, every colour is a class of the
// style sheet. What it shows stands in a table beneath it.
type chart struct {
	Title  string
	Width  int
	Height int
	// Rows tells that the bars lie: such a picture may be made as narrow as a phone.
	Rows   bool
	Lines  []chartLine
	Bars   []chartBar
	Labels []chartLabel
	Legend []chartLegend
}

type chartLine struct{ X1, Y1, X2, Y2 int }

// chartBar is a bar; Series counts from 1 and chooses its colour.
type chartBar struct{ X, Y, Width, Height, Series int }

// chartLabel is a text; Anchor is start, middle or end.
type chartLabel struct {
	X, Y   int
	Anchor string
	Text   string
}

type chartLegend struct {
	Series int
	Text   string
}

// chartColumn is a group of columns over one label.
type chartColumn struct {
	Label  string
	Values []int64
}

const (
	chartWidth   = 720
	columnHeight = 260
	axisWidth    = 60
	axisTop      = 14
	axisBottom   = 30
	axisSteps    = 4
	// mostAxisLabels is how many labels fit beneath the columns.
	mostAxisLabels = 10
	widestColumn   = 26
)

// columnChart draws groups of columns, one column for each series.
func columnChart(title string, series []string, columns []chartColumn) chart {
	drawn := chart{Title: title, Width: chartWidth, Height: columnHeight}
	for i, name := range series {
		drawn.Legend = append(drawn.Legend, chartLegend{i + 1, name})
	}
	most := int64(0)
	for _, column := range columns {
		for _, value := range column.Values {
			most = max(most, value)
		}
	}
	top := scaleEnd(most)
	floor, right := columnHeight-axisBottom, chartWidth-axisTop
	for step := range axisSteps + 1 {
		y := floor - (floor-axisTop)*step/axisSteps
		drawn.Lines = append(drawn.Lines, chartLine{axisWidth, y, right, y})
		drawn.Labels = append(drawn.Labels, chartLabel{axisWidth - 8, y + 4, "end", thousands(top * int64(step) / axisSteps)})
	}
	every := (len(columns) + mostAxisLabels - 1) / mostAxisLabels
	for i, column := range columns {
		left := axisWidth + (right-axisWidth)*i/len(columns)
		group := (right - axisWidth) / len(columns)
		width := max(1, min(widestColumn, group*4/5/len(column.Values)))
		start := left + (group-width*len(column.Values))/2
		for j, value := range column.Values {
			height := int(int64(floor-axisTop) * value / top)
			if value > 0 {
				height = max(height, 2)
			}
			drawn.Bars = append(drawn.Bars, chartBar{start + j*width, floor - height, max(1, width-1), height, j + 1})
		}
		if i%every == 0 {
			drawn.Labels = append(drawn.Labels, chartLabel{left + group/2, columnHeight - 10, "middle", column.Label})
		}
	}
	return drawn
}

// chartRow is a bar with its label above it.
type chartRow struct {
	Label  string
	Series int
	Value  int64
	Text   string
}

const (
	rowHeight    = 46
	rowBarHeight = 16
	rowWidth     = 440
	rowTextSpace = 120
)

// rowChart draws one bar beneath the other.
func rowChart(title string, rows []chartRow) chart {
	drawn := chart{Title: title, Rows: true, Width: rowWidth, Height: rowHeight*len(rows) + axisTop}
	most := int64(1)
	for _, row := range rows {
		most = max(most, row.Value)
	}
	for i, row := range rows {
		y := rowHeight*i + axisTop
		width := int(int64(rowWidth-rowTextSpace) * row.Value / most)
		if row.Value > 0 {
			width = max(width, 2)
		}
		drawn.Labels = append(drawn.Labels,
			chartLabel{0, y + 10, "start", row.Label}, chartLabel{width + 8, y + 29, "start", row.Text})
		drawn.Bars = append(drawn.Bars, chartBar{0, y + 16, width, rowBarHeight, row.Series})
	}
	return drawn
}

// scaleEnd is the end of an axis that four even steps lead to: 4, 8, 20, 40, 80, 200 and so on.
func scaleEnd(most int64) int64 {
	for end := int64(axisSteps); ; end *= 10 {
		for _, times := range []int64{1, 2, 5} {
			if end*times >= most {
				return end * times
			}
		}
	}
}

// thousands writes a count in groups of three digits.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
