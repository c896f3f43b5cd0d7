package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.ImportJobs = (*Store)(nil)

// importJobRow is a row of import_job. Note and preview are sealed; done counts thousandths.
type importJobRow struct {
	ID           string `db:"id"`
	State        string `db:"state"`
	Digest       string `db:"digest"`
	Size         int64  `db:"size"`
	Pieces       int64  `db:"pieces"`
	Reason       string `db:"reason"`
	Note         string `db:"note"`
	UploadedBy   string `db:"uploaded_by"`
	UploadedAt   int64  `db:"uploaded_at"`
	ConfirmedBy  string `db:"confirmed_by"`
	ConfirmedAt  int64  `db:"confirmed_at"`
	FinishedAt   int64  `db:"finished_at"`
	Good         int64  `db:"good"`
	Bad          int64  `db:"bad"`
	Added        int64  `db:"added"`
	Unchanged    int64  `db:"unchanged"`
	Rejected     int64  `db:"rejected"`
	Line         int64  `db:"line"`
	Done         int64  `db:"done"`
	Preview      string `db:"preview"`
	Failure      string `db:"failure"`
	Claim        string `db:"claim"`
	ClaimedUntil int64  `db:"claimed_until"`
}

const (
	importJobColumns = `id, state, digest, size, pieces, reason, note, uploaded_by, uploaded_at, confirmed_by, confirmed_at,
 finished_at, good, bad, added, unchanged, rejected, line, done, preview, failure, claim, claimed_until`

	insertImportJob = `INSERT INTO import_job (` + importJobColumns + `) VALUES (:id, :state, :digest, :size, :pieces, :reason, :note,
 :uploaded_by, :uploaded_at, :confirmed_by, :confirmed_at, :finished_at, :good, :bad, :added, :unchanged, :rejected, :line, :done,
 :preview, :failure, :claim, :claimed_until)`
	insertImportPiece = `INSERT INTO import_piece (job_id, piece, data) VALUES (?, ?, ?)`
	findImportPiece   = `SELECT data FROM import_piece WHERE job_id = ? AND piece = ?`
	dropImportPieces  = `DELETE FROM import_piece WHERE job_id = ?`
	findImportJob     = `SELECT ` + importJobColumns + ` FROM import_job WHERE id = ?`
	newestImportJobs  = `SELECT ` + importJobColumns + ` FROM import_job ORDER BY id DESC LIMIT ?`
	olderImportJobs   = `SELECT ` + importJobColumns + ` FROM import_job WHERE id < ? ORDER BY id DESC LIMIT ?`
	openImportJob     = `SELECT id FROM import_job WHERE digest = ? AND state IN ('waiting', 'checked', 'confirmed')`
	abandonedImports  = `SELECT ` + importJobColumns + ` FROM import_job WHERE state = ? AND uploaded_at < ? ORDER BY id`

	moveImportJob = `UPDATE import_job SET state = :state, digest = :digest, size = :size, pieces = :pieces,
 confirmed_by = :confirmed_by, confirmed_at = :confirmed_at, finished_at = :finished_at, good = :good, bad = :bad, done = :done,
 preview = :preview, failure = :failure, claim = '', claimed_until = 0
 WHERE id = :id AND state = :from_state AND claim = :claim`
	nextImportJob = `SELECT ` + importJobColumns + ` FROM import_job
 WHERE state IN ('waiting', 'confirmed') AND claimed_until <= ? ORDER BY id LIMIT 1`
	claimImportJob = `UPDATE import_job SET claim = ?, claimed_until = ? WHERE id = ? AND state = ? AND claimed_until <= ?`
	progressImport = `UPDATE import_job SET good = :good, bad = :bad, done = :done, preview = :preview,
 claimed_until = :claimed_until WHERE id = :id AND claim = :claim`
	advanceImport = `UPDATE import_job SET added = added + ?, unchanged = unchanged + ?, rejected = rejected + ?, line = ?, done = ?
 WHERE id = ? AND claim = ? AND state = 'confirmed' AND line < ?`
	insertReject = `INSERT INTO import_reject (job_id, line, column_name, reason) VALUES (:job_id, :line, :column_name, :reason)
 ON CONFLICT DO NOTHING`
	listRejects = `SELECT line, column_name, reason FROM import_reject
 WHERE job_id = ? AND (line, column_name, reason) > (?, ?, ?) ORDER BY line, column_name, reason LIMIT ?`
)

const thousand = 1000

func (s *Store) importJobRow(job citycard.ImportJob) (importJobRow, error) {
	note, err := s.seal("import_job.note", job.ID, job.Note)
	if err != nil {
		return importJobRow{}, err
	}
	preview := ""
	if len(job.Preview) > 0 && !job.State.Final() {
		text, err := json.Marshal(job.Preview)
		if err != nil {
			return importJobRow{}, fmt.Errorf("write preview: %w", err)
		}
		if preview, err = s.seal("import_job.preview", job.ID, string(text)); err != nil {
			return importJobRow{}, err
		}
	}
	return importJobRow{
		ID: job.ID, State: string(job.State), Digest: job.Digest, Size: job.Size, Pieces: job.Pieces, Reason: string(job.Reason),
		Note: note, UploadedBy: job.UploadedBy, UploadedAt: millis(job.UploadedAt), ConfirmedBy: job.ConfirmedBy,
		ConfirmedAt: millis(job.ConfirmedAt), FinishedAt: millis(job.FinishedAt), Good: job.Good, Bad: job.Bad, Added: job.Added,
		Unchanged: job.Unchanged, Rejected: job.Rejected, Line: job.Line, Done: int64(math.Round(job.Done * thousand)),
		Preview: preview, Failure: job.Failure, Claim: job.Claim, ClaimedUntil: millis(job.ClaimedUntil),
	}, nil
}

func (s *Store) importJob(r importJobRow) (citycard.ImportJob, error) {
	job := citycard.ImportJob{
		ID: r.ID, State: citycard.ImportState(r.State), Digest: r.Digest, Size: r.Size, Pieces: r.Pieces,
		Reason: citycard.ImportReason(r.Reason), UploadedBy: r.UploadedBy, UploadedAt: instant(r.UploadedAt),
		ConfirmedBy: r.ConfirmedBy, ConfirmedAt: instant(r.ConfirmedAt), FinishedAt: instant(r.FinishedAt), Good: r.Good, Bad: r.Bad,
		Added: r.Added, Unchanged: r.Unchanged, Rejected: r.Rejected, Line: r.Line, Done: float64(r.Done) / thousand,
		Failure: r.Failure, Claim: r.Claim, ClaimedUntil: instant(r.ClaimedUntil),
	}
	var err error
	if job.Note, err = s.open("import_job.note", r.ID, r.Note); err != nil {
		return job, err
	}
	preview, err := s.open("import_job.preview", r.ID, r.Preview)
	if err != nil || preview == "" {
		return job, err
	}
	if err := json.Unmarshal([]byte(preview), &job.Preview); err != nil {
		return job, fmt.Errorf("read preview: %w", err)
	}
	return job, nil
}

func (s *Store) importJobs(rows []importJobRow) ([]citycard.ImportJob, error) {
	jobs := make([]citycard.ImportJob, len(rows))
	for i, row := range rows {
		var err error
		if jobs[i], err = s.importJob(row); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// AddImport implements citycard.ImportJobs.
func (s *Store) AddImport(ctx context.Context, job citycard.ImportJob) error {
	row, err := s.importJobRow(job)
	if err != nil {
		return err
	}
	return s.fail("add import", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, insertImportJob, row)
		return err
	}))
}

// pieceName binds a sealed piece to its job and place.
func pieceName(id string, piece int64) string { return id + "/" + strconv.FormatInt(piece, 10) }

// AddImportPiece implements citycard.ImportJobs.
func (s *Store) AddImportPiece(ctx context.Context, id string, piece int64, data []byte) error {
	sealed, err := s.seal("import_piece.data", pieceName(id, piece), string(data))
	if err != nil {
		return err
	}
	return s.fail("add piece of import", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, tx.Rebind(insertImportPiece), id, piece, sealed)
		return err
	}))
}

// ImportPiece implements citycard.ImportJobs.
func (s *Store) ImportPiece(ctx context.Context, id string, piece int64) ([]byte, error) {
	var sealed string
	if err := s.db.GetContext(ctx, &sealed, s.db.Rebind(findImportPiece), id, piece); err != nil {
		return nil, s.fail("find piece of import", err)
	}
	data, err := s.open("import_piece.data", pieceName(id, piece), sealed)
	return []byte(data), err
}

// Import implements citycard.ImportJobs.
func (s *Store) Import(ctx context.Context, id string) (citycard.ImportJob, error) {
	var row importJobRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findImportJob), id)
	if notFound(err) {
		return citycard.ImportJob{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such import"}
	}
	if err != nil {
		return citycard.ImportJob{}, s.fail("find import", err)
	}
	return s.importJob(row)
}

// Imports implements citycard.ImportJobs.
func (s *Store) Imports(ctx context.Context, before string, limit int) ([]citycard.ImportJob, error) {
	query, args := newestImportJobs, []any{limit}
	if before != "" {
		query, args = olderImportJobs, []any{before, limit}
	}
	var rows []importJobRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), args...); err != nil {
		return nil, s.fail("list imports", err)
	}
	return s.importJobs(rows)
}

// AbandonedImports implements citycard.ImportJobs.
func (s *Store) AbandonedImports(ctx context.Context, state citycard.ImportState, before time.Time) ([]citycard.ImportJob, error) {
	var rows []importJobRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(abandonedImports), string(state), millis(before)); err != nil {
		return nil, s.fail("list abandoned imports", err)
	}
	return s.importJobs(rows)
}
