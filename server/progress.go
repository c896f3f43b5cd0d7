package main

import (
	"fmt"
	"io"
	"math"

	"github.com/schollz/progressbar/v3"
)

// progress tells a person how far an import is: by a bar on a terminal, by a line for every tenth otherwise.
type progress struct {
	out   io.Writer
	bar   *progressbar.ProgressBar
	tenth *int
}

const barSteps = 1000

func (p *program) progress() progress {
	made := progress{out: p.stderr, tenth: new(int)}
	if isTerminal(p.stderr) {
		made.bar = progressbar.NewOptions(barSteps, progressbar.OptionSetWriter(p.stderr),
			progressbar.OptionSetDescription("importing"), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish())
	}
	return made
}

// tell shows the part of the file that is done, from 0 to 1, and the rows so far.
func (p progress) tell(done float64, good, rejected int) {
	if p.bar != nil {
		_ = p.bar.Set(int(math.Round(done * barSteps)))
		return
	}
	if tenth := int(done * 10); tenth > *p.tenth {
		*p.tenth = tenth
		_, _ = fmt.Fprintf(p.out, "%d %%: %d rows good, %d rejected\n", tenth*10, good, rejected)
	}
}

// finish removes the bar.
func (p progress) finish() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
