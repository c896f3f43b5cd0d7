package handlers

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNoFieldOfAFileIsAFormula(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"":                "",
		"lost on the bus": "lost on the bus",
		"2026-11-22":      "2026-11-22",
		"a=b":             "a=b",
		"=1+1":            "'=1+1",
		"+86 10":          "'+86 10",
		"-1":              "'-1",
		"@SUM(A1)":        "'@SUM(A1)",
		"\t=1":            "'\t=1",
		"\r=1":            "'\r=1",
		"x\n=1":           "'x\n=1",
		" =1":             "' =1",
		"\u3000＝1":        "'\u3000＝1",
		"＋1":              "'＋1",
		"－1":              "'－1",
		"＠x":              "'＠x",
	} {
		assert.Equal(t, want, inert(field), "%q", field)
	}
}
