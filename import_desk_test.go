package citycard_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
)

// shelf is a store of uploads in memory. Stop makes an import fail behind as many batches.
type shelf struct {
	*desktop

	jobs    map[string]citycard.ImportJob
	pieces  map[string][]string
	rejects []citycard.RowProblem
	lines   []int64
	stop    int
}

func (s *shelf) AddImport(_ context.Context, job citycard.ImportJob) error {
	s.jobs[job.ID] = job
	return nil
}

func (s *shelf) AddImportPiece(_ context.Context, id string, _ int64, data []byte) error {
	s.pieces[id] = append(s.pieces[id], string(data))
	return nil
}

func (s *shelf) ImportPiece(_ context.Context, id string, piece int64) ([]byte, error) {
	return []byte(s.pieces[id][piece]), nil
}

func (s *shelf) Import(_ context.Context, id string) (citycard.ImportJob, error) {
	return s.jobs[id], nil
}

func (s *shelf) Imports(context.Context, string, int) ([]citycard.ImportJob, error) { return nil, nil }

func (s *shelf) ImportRejects(context.Context, string, citycard.RowProblem, int) ([]citycard.RowProblem, error) {
	return s.rejects, nil
}

func (s *shelf) MoveImport(_ context.Context, from citycard.ImportState, job citycard.ImportJob, by *citycard.StaffAction) (bool, error) {
	stored := s.jobs[job.ID]
	if stored.State != from || stored.Claim != job.Claim {
		return false, nil
	}
	job.Claim, job.ClaimedUntil = "", time.Time{}
	s.jobs[job.ID] = job
	if job.State.Final() {
		delete(s.pieces, job.ID)
	}
	if by != nil {
		s.actions = append(s.actions, *by)
	}
	return true, nil
}

func (s *shelf) ClaimImport(_ context.Context, claim string, now, until time.Time) (citycard.ImportJob, bool, error) {
	for id, job := range s.jobs {
		waits := job.State == citycard.ImportWaiting || job.State == citycard.ImportConfirmed
		if waits && !job.ClaimedUntil.After(now) {
			job.Claim, job.ClaimedUntil = claim, until
			s.jobs[id] = job
			return job, true, nil
		}
	}
	return citycard.ImportJob{}, false, nil
}

func (s *shelf) ProgressImport(_ context.Context, job citycard.ImportJob, problems []citycard.RowProblem) (bool, error) {
	stored := s.jobs[job.ID]
	if stored.Claim != job.Claim {
		return false, nil
	}
	stored.Good, stored.Bad, stored.Preview, stored.Done, stored.ClaimedUntil = job.Good, job.Bad, job.Preview, job.Done, job.ClaimedUntil
	s.jobs[job.ID] = stored
	s.rejects = append(s.rejects, problems...)
	return true, nil
}

func (s *shelf) AbandonedImports(_ context.Context, state citycard.ImportState, before time.Time) ([]citycard.ImportJob, error) {
	var found []citycard.ImportJob
	for _, job := range s.jobs {
		if job.State == state && job.UploadedAt.Before(before) {
			found = append(found, job)
		}
	}
	return found, nil
}

var errPower = errors.New("the power went")

func (s *shelf) ImportCards(_ context.Context, batch citycard.ImportBatch) (citycard.ImportCount, error) {
	if s.stop--; s.stop == 0 {
		return citycard.ImportCount{}, errPower
	}
	job := s.jobs[batch.Job]
	if job.Claim != batch.Claim || batch.LastLine <= job.Line {
		return citycard.ImportCount{}, &citycard.Error{Code: citycard.CodeVersionConflict}
	}
	job.Added, job.Rejected, job.Line = job.Added+int64(len(batch.Rows)), job.Rejected+int64(len(batch.Problems)), batch.LastLine
	s.jobs[batch.Job] = job
	for _, row := range batch.Rows {
		s.lines = append(s.lines, row.Line)
	}
	return citycard.ImportCount{Added: len(batch.Rows)}, nil
}

func (s *shelf) ImportedLine(context.Context, string) (int64, error) { return 0, nil }

// commas reads comma-separated lines.
type commas struct {
	lines []string
	at    int
}

func (p *commas) NextRow() (citycard.RawRow, error) {
	if p.at == len(p.lines) {
		return citycard.RawRow{}, io.EOF
	}
	p.at++
	return citycard.RawRow{Line: int64(p.at), Fields: strings.Split(p.lines[p.at-1], ",")}, nil
}

func (p *commas) Done() float64 { return float64(p.at) / float64(len(p.lines)) }
func (*commas) Close() error    { return nil }

func uploading(t *testing.T) (*citycard.ImportDesk, *shelf, *time.Time) {
	t.Helper()
	_, d := working(t)
	policies, err := citycard.ParsePolicies(strings.NewReader(twoPeriods))
	require.NoError(t, err)
	s := &shelf{desktop: d, jobs: map[string]citycard.ImportJob{}, pieces: map[string][]string{}}
	now, ids := noonOf("2026-11-22"), 0
	return &citycard.ImportDesk{
		Jobs: s, Cards: s, Records: s, Wake: func() {}, Clock: func() time.Time { return now }, LeaseClock: func() time.Time { return now },
		NewID: func() string { ids++; return "id-" + strings.Repeat("i", ids) },
		Rules: func() citycard.CardRules {
			return citycard.CardRules{Policies: policies, NFKC: norm.NFKC.String, Today: day(t, "2026-11-22")}
		},
		Admit: func(context.Context, citycard.ImportBatch) error { return nil },
		Open: func(file io.ReadSeeker) (citycard.CardRows, error) {
			text, err := io.ReadAll(file)
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(string(text), "broken") {
				return nil, &citycard.Error{Code: citycard.CodeInvalidPayload, Message: "no card file"}
			}
			_, err = file.Seek(0, io.SeekStart)
			return &commas{lines: strings.Split(strings.TrimSpace(string(text)), "\n")}, err
		},
	}, s, &now
}

const goodRow = "320100,320100199001010034,李雷,A12345678,320100ABCDEF0123456789ABCDEF0123,102,6222020000000000000,collected,2026-11-01,,,,"

func upload(file string) citycard.ImportUpload {
	return citycard.ImportUpload{Reason: citycard.ImportOfBureau, Note: "case 7", File: strings.NewReader(file)}
}

func TestAnImportGoesOnBehindTheLastBatch(t *testing.T) {
	t.Parallel()
	desk, s, _ := uploading(t)
	header := strings.Join(citycard.CardColumns(), ",")
	lines := slices.Repeat([]string{goodRow}, 12_000)
	lines[2] = "999999" + lines[2][6:]
	file := header + "\n" + strings.Join(lines, "\n")
	sue := as(citycard.RoleSupervisor)
	job, err := desk.Receive(t.Context(), sue, upload(file))
	require.NoError(t, err)
	assert.Equal(t, int64(len(file)), job.Size)
	assert.Greater(t, job.Pieces, int64(1))
	_, err = desk.Confirm(t.Context(), sue, job.ID)
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err), "not checked yet")
	worked, err := desk.Work(t.Context())
	require.NoError(t, err)
	require.True(t, worked)
	checked := s.jobs[job.ID]
	require.Equal(t, citycard.ImportChecked, checked.State, checked.Failure)
	problems := s.rejects
	require.NotEmpty(t, problems)
	assert.Equal(t, int64(1), checked.Bad)
	assert.Equal(t, int64(11_999), checked.Good, "%v", problems[0])
	require.Len(t, checked.Preview, 20)
	assert.Equal(t, "李*", checked.Preview[0].NameMasked)
	assert.Empty(t, s.lines, "nothing is stored before it is confirmed")

	_, err = desk.Confirm(t.Context(), sue, job.ID)
	require.NoError(t, err)
	again, err := desk.Confirm(t.Context(), sue, job.ID)
	require.NoError(t, err)
	assert.Equal(t, citycard.ImportConfirmed, again.State)
	s.stop = 2
	_, err = desk.Work(t.Context())
	require.ErrorIs(t, err, errPower)
	assert.Len(t, s.lines, 4998)
	worked, err = desk.Work(t.Context())
	require.NoError(t, err)
	require.True(t, worked, "a failed worker lets its job go")
	done := s.jobs[job.ID]
	assert.Equal(t, citycard.ImportDone, done.State)
	assert.Equal(t, []int64{11_999, 12_001}, []int64{done.Added, done.Line})
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(s.lines))), 11_999, "every row once")
	assert.NotContains(t, s.pieces, job.ID)
	worked, err = desk.Work(t.Context())
	require.NoError(t, err)
	assert.False(t, worked)
	var names []string
	for _, a := range s.actions {
		names = append(names, a.Action+" "+a.Reason)
	}
	assert.Equal(t, []string{"import_upload bureau_file", "import_confirm bureau_file", "import_done bureau_file"}, names)
	assert.Equal(t, "case 7", s.actions[0].Note)
}

func TestUploadsThatComeToNothing(t *testing.T) {
	t.Parallel()
	desk, s, now := uploading(t)
	sue := as(citycard.RoleSupervisor)
	for name, c := range map[string]struct {
		upload citycard.ImportUpload
		code   citycard.Code
	}{
		"no reason":      {citycard.ImportUpload{Note: "n", File: strings.NewReader("x")}, citycard.CodeInvalidPayload},
		"no note":        {citycard.ImportUpload{Reason: citycard.ImportOfBureau, File: strings.NewReader("x")}, citycard.CodeInvalidPayload},
		"empty":          {upload(""), citycard.CodeInvalidPayload},
		"broken off":     {citycard.ImportUpload{Reason: citycard.ImportOfBureau, Note: "n", File: io.MultiReader(strings.NewReader("abc"), failing{})}, citycard.CodeMalformedRequest},
		"a large sheet":  {citycard.ImportUpload{Reason: citycard.ImportOfBureau, Note: "n", File: io.MultiReader(strings.NewReader("PK\x03\x04"), endless{})}, citycard.CodeBodyTooLarge},
		"a large CSV":    {citycard.ImportUpload{Reason: citycard.ImportOfBureau, Note: "n", File: endless{}}, citycard.CodeBodyTooLarge},
		"an own refusal": {citycard.ImportUpload{Reason: citycard.ImportOfBureau, Note: "n", File: refusing{}}, citycard.CodeBodyTooLarge},
	} {
		_, err := desk.Receive(t.Context(), sue, c.upload)
		assert.Equal(t, c.code, citycard.CodeOf(err), name)
		assert.Empty(t, s.pieces, name)
		for _, job := range s.jobs {
			assert.Equal(t, citycard.ImportCanceled, job.State, name)
		}
	}
	for name, c := range map[string]struct{ file, failure string }{
		"no card file":   {"broken", "no card file"},
		"a wrong header": {"region,name\n", "the header is wrong"},
	} {
		job, err := desk.Receive(t.Context(), sue, upload(c.file))
		require.NoError(t, err, name)
		_, err = desk.Work(t.Context())
		require.NoError(t, err, name)
		assert.Equal(t, citycard.ImportFailed, s.jobs[job.ID].State, name)
		assert.Contains(t, s.jobs[job.ID].Failure, c.failure, name)
	}
	left, err := desk.Receive(t.Context(), sue, upload(strings.Join(citycard.CardColumns(), ",")+"\n"))
	require.NoError(t, err)
	_, err = desk.Work(t.Context())
	require.NoError(t, err)
	_, err = desk.Confirm(t.Context(), sue, left.ID)
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err), "no row is good")
	require.NoError(t, desk.Sweep(t.Context()))
	assert.Equal(t, citycard.ImportChecked, s.jobs[left.ID].State)
	*now = now.Add(25 * time.Hour)
	require.NoError(t, desk.Sweep(t.Context()))
	assert.Equal(t, citycard.ImportCanceled, s.jobs[left.ID].State, "nobody confirmed it within a day")
	assert.Equal(t, "import_expired", s.actions[len(s.actions)-1].Action)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errPower }

type refusing struct{}

func (refusing) Read([]byte) (int, error) {
	return 0, &citycard.Error{Code: citycard.CodeBodyTooLarge}
}

type endless struct{}

func (endless) Read(into []byte) (int, error) { return len(into), nil }
